--! needs ending.lua
--! needs index.lua
--! needs series.lua
-- Compare-and-move a task that no lease protects.
--
-- KEYS[1] the task's hash
-- ARGV[1] id   ARGV[2] expected status   ARGV[3] target status   ARGV[4] message   ARGV[5] exit code or ''
-- ARGV[6] '1' where a draft keeps its log, series and what was built: it will be continued
-- answer  {'ok', {field, value, ...}}, {'missing'}, {'leased', status, agent} or {'refused', status}

local id, expected, target, message, exit_code, keeps_results = unpack(ARGV)

local function leave_queue(queue, attempt)
  stop_waiting(id, queue)
  redis.call('SREM', keys.ACCEPTED, id)
  if queue then rq_forget(id, queue, attempt) end
  redis.call('HDEL', KEYS[1], 'queue')
end

local function run_here(attempt)
  redis.call('HINCRBY', KEYS[1], 'attempt', 1)
  set_status(id, target, 'status_message', message, 'log_sequence', 0)
  redis.call('HDEL', KEYS[1], 'agent')
  redis.call('HSETNX', KEYS[1], 'started', now)
end

-- The attempt number stays: it is the fence against whoever ran before.
local function reset()
  set_status(id, target, 'status_message', message, 'lost_attempts', 0, 'log_sequence', 0)
  redis.call('HDEL', KEYS[1], 'exit_code', 'agent', 'started', 'ended', 'stop', 'retries_used', 'retried',
    'progress')
  if keeps_results == '1' then
    local newest = redis.call('XREVRANGE', keys.task_log(id), '+', '-', 'COUNT', 1)[1]
    if newest and newest[2][2] == 'end' then redis.call('XDEL', keys.task_log(id), newest[1]) end
  else
    redis.call('DEL', keys.task_log(id), keys.task_log_size(id), keys.task_built(id))
    forget_series(id)
  end
end

local status, attempt, queue, agent = unpack(redis.call('HMGET', KEYS[1], 'status', 'attempt', 'queue', 'agent'))
if not status then return {'missing'} end
if redis.call('ZSCORE', keys.LEASES, id) then return {'leased', status, agent or ''} end
-- Only enqueue knows a queue to move into.
if status ~= expected or target == 'queued' or not legal[status][target] then return {'refused', status} end

if ended[target] and not ended[status] then
  end_task(id, target, message, exit_code)
else
  if target == 'created' or target == 'in_progress' then leave_queue(queue, attempt) end
  if target == 'created' then reset()
  elseif target == 'in_progress' then run_here(attempt)
  else
    set_status(id, target)
    if message ~= '' then redis.call('HSET', KEYS[1], 'status_message', message) end
  end
  record(id, 'moved', redis.call('HGET', KEYS[1], 'attempt'), status .. ' to ' .. target)
end
return {'ok', redis.call('HGETALL', KEYS[1])}
