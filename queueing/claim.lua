--! needs clock.lua
--! needs events.lua
--! needs index.lua
--! needs rq.lua
--! needs waiting.lua
-- claim(id, queue, agent, lease_ms): give the next attempt of a task to an agent, with a lease by the
-- server's clock. `queue` is nil for a draft that is executed without one. The task has left its
-- queue already; whatever it waited for, it waits no more, and how far another attempt came does not
-- count. Answers the task's hash as {field, value, ...}.

local function claim(id, queue, agent, lease_ms)
  local task = keys.task(id)
  local attempt = redis.call('HINCRBY', task, 'attempt', 1)
  set_status(id, 'in_progress', 'status_message', '', 'agent', agent, 'log_sequence', 0, 'lease_ms', lease_ms)
  stop_waiting(id, queue)
  redis.call('DEL', keys.task_reserved(id))
  redis.call('SADD', keys.ACCEPTED, id)
  redis.call('HSETNX', task, 'started', now)
  redis.call('HDEL', task, 'progress')
  redis.call('ZADD', keys.LEASES, now_ms + lease_ms, id)
  if queue then
    redis.call('HSET', task, 'queue', queue)
    rq_start(id, queue, attempt, agent, lease_ms + 60000)
  end
  record(id, 'claimed', attempt, agent)
  return redis.call('HGETALL', task)
end
