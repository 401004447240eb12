--! needs clock.lua
-- RQ's side of a task: its job hash, lists and registries, kept truthful at every move so that
-- `rq info` and RQ's dashboards agree with ours. Registries are scored +inf, which RQ's own
-- cleaning never touches. Functions of a task that stands in no queue are not called.

local rq_registry_of = {completed = keys.rq_finished, failed = keys.rq_failed, stopped = keys.rq_canceled}
-- RQ looks for a `canceled` job in the canceled registry, for a `stopped` one in the failed registry.
local rq_status_of = {completed = 'finished', failed = 'failed', stopped = 'canceled'}

-- The task stands in `queue`, on its left side when it goes first; answers the queue's length.
local function rq_wait(id, queue, first)
  redis.call('SADD', keys.RQ_QUEUES, keys.rq_queue(queue))
  redis.call('HSET', keys.rq_job(id), 'status', 'queued', 'origin', queue, 'enqueued_at', utc(now),
    'started_at', '', 'ended_at', '', 'last_heartbeat', '', 'worker_name', '')
  local length = redis.call(first and 'LPUSH' or 'RPUSH', keys.rq_queue(queue), id)
  redis.call('XADD', keys.queue_wake(queue), 'MAXLEN', 1, '*', 'task', id)
  return length
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
