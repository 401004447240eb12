--! needs clock.lua
-- RQ's side of a task: its job hash, lists and registries, kept truthful at every move so that
-- `rq info` and RQ's dashboards agree with ours. Registries are scored +inf, which RQ's own
-- cleaning never touches. Functions of a task that stands in no queue are not called.

local rq_registry_of = {completed = keys.rq_finished, failed = keys.rq_failed, stopped = keys.rq_canceled}
-- RQ looks for a `canceled` job in the canceled registry, for a `stopped` one in the failed registry.
local rq_status_of = {completed = 'finished', failed = 'failed', stopped = 'canceled'}

-- The job is `status` in `queue`, and no attempt runs it. Its wait for room begins anew.
local function rq_rest(id, queue, status)
  redis.call('HDEL', keys.task(id), 'passed_over')
  redis.call('SADD', keys.RQ_QUEUES, keys.rq_queue(queue))
  redis.call('HSET', keys.rq_job(id), 'status', status, 'origin', queue, 'enqueued_at', utc(now),
    'started_at', '', 'ended_at', '', 'last_heartbeat', '', 'worker_name', '')
end

-- Takers look: at the queue, or at when the next of its tasks is due.
local function rq_wake(id, queue)
  redis.call('XADD', keys.queue_wake(queue), 'MAXLEN', 1, '*', 'task', id)
end

-- Enter a line from its tail, behind all of the same or a higher priority; answers the position from
-- 0. Almost always that is the tail itself, so little is read at first.
local function rq_insert(line, id)
  local function priority(of) return tonumber(redis.call('HGET', keys.task(of), 'priority') or 0) end
  local own, length, passed, window = priority(id), redis.call('LLEN', line), 0, 1
  while passed < length do
    local ids = redis.call('LRANGE', line, math.max(length - passed - window, 0), length - passed - 1)
    for index = #ids, 1, -1 do
      if priority(ids[index]) >= own then
        if passed == 0 then
          redis.call('RPUSH', line, id)
        else
          redis.call('LINSERT', line, 'AFTER', ids[index], id)
        end
        return length - passed
      end
      passed = passed + 1
    end
    window = math.min(window * 4, 256)
  end
  redis.call('LPUSH', line, id)
  return 0
end

-- The task stands in `queue`, before all others when it goes first; answers its position from 0.
local function rq_wait(id, queue, first)
  rq_rest(id, queue, 'queued')
  local position = 0
  if first then
    redis.call('LPUSH', keys.rq_queue(queue), id)
  else
    position = rq_insert(keys.rq_queue(queue), id)
  end
  rq_wake(id, queue)
  return position
end

-- The task waits for a moment, text of seconds since the epoch.
local function rq_schedule(id, queue, moment)
  rq_rest(id, queue, 'scheduled')
  redis.call('ZADD', keys.rq_scheduled(queue), moment, id)
  rq_wake(id, queue)
end

-- The task waits for other tasks.
local function rq_defer(id, queue)
  rq_rest(id, queue, 'deferred')
  redis.call('ZADD', keys.rq_deferred(queue), now, id)
end

-- The attempt's execution, until `ttl_ms` from now.
local function rq_beat(id, attempt, ttl_ms)
  local execution = keys.rq_execution(id, attempt)
  redis.call('HSET', execution, 'last_heartbeat', now)
  redis.call('PEXPIRE', execution, ttl_ms)
  redis.call('ZADD', keys.rq_executions(id), (now_ms + ttl_ms) / 1000, attempt)
  redis.call('PEXPIRE', keys.rq_executions(id), ttl_ms)
  redis.call('HSET', keys.rq_job(id), 'last_heartbeat', utc(now))
end

-- `agent` runs the attempt.
local function rq_start(id, queue, attempt, agent, ttl_ms)
  redis.call('HSET', keys.rq_job(id), 'status', 'started', 'started_at', utc(now), 'worker_name', agent)
  redis.call('HSET', keys.rq_execution(id, attempt),
    'id', attempt, 'job_id', id, 'created_at', now, 'worker_name', agent)
  redis.call('ZADD', keys.rq_started(queue), '+inf', id .. ':' .. attempt)
  rq_beat(id, attempt, ttl_ms)
end

-- The attempt runs no more.
local function rq_leave(id, queue, attempt)
  redis.call('ZREM', keys.rq_started(queue), id .. ':' .. attempt)
  redis.call('DEL', keys.rq_execution(id, attempt), keys.rq_executions(id))
end

-- The task has ended; a failed job's text is what RQ shows as its traceback (RQ reads plain text too).
local function rq_end(id, queue, attempt, status, message)
  redis.call('LREM', keys.rq_queue(queue), 0, id)
  rq_leave(id, queue, attempt)
  local job = keys.rq_job(id)
  redis.call('HSET', job, 'status', rq_status_of[status], 'ended_at', utc(now))
  if status == 'failed' then redis.call('HSET', job, 'exc_info', message) end
  redis.call('ZADD', rq_registry_of[status](queue), '+inf', id)
  local worker = keys.rq_worker(redis.call('HGET', job, 'worker_name') or '')
  local counter = {completed = 'successful_job_count', failed = 'failed_job_count'}
  if counter[status] and redis.call('EXISTS', worker) == 1 then
    redis.call('HINCRBY', worker, counter[status], 1)
  end
end

-- RQ forgets the task.
local function rq_forget(id, queue, attempt)
  redis.call('LREM', keys.rq_queue(queue), 0, id)
  rq_leave(id, queue, attempt)
  for _, registry in pairs(rq_registry_of) do redis.call('ZREM', registry(queue), id) end
  redis.call('DEL', keys.rq_job(id))
end
