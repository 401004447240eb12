--! needs ending.lua
--! needs index.lua
-- Ask for the end of a task: at once where nothing runs, else by a request that its attempt follows.
--
-- KEYS[1] the task's hash
-- ARGV[1] id   ARGV[2] the request as the hash holds it   ARGV[3] who asks, in words
-- answer  {'ok', status after the call} or {'missing'}

local id, request, by = unpack(ARGV)
local status, attempt = unpack(redis.call('HMGET', KEYS[1], 'status', 'attempt'))
if not status then return {'missing'} end
if ended[status] then return {'ok', status} end
record(id, 'stop_requested', attempt, by)
if status ~= 'in_progress' then
  end_task(id, 'stopped', 'stopped by ' .. by, '')
  return {'ok', 'stopped'}
end
redis.call('HSET', KEYS[1], 'stop', request)
touch(id)
redis.call('XADD', keys.task_control(id), 'MAXLEN', 1, '*', 'stop', by)
return {'ok', status}
