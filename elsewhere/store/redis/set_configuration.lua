--! needs fence.lua
--! needs index.lua
--! needs numbers.lua
-- Set or drop one configuration of a task.
--
-- KEYS[1] the task's hash
-- ARGV[1] id   ARGV[2] attempt or ''   ARGV[3] sequence, or '' for a write without a number
-- ARGV[4] its name   ARGV[5] the configuration as text, or '' to drop it
-- answer  {'ok'}, {'gap', number expected}, {'missing'} or {'late', status, attempt}

local id, attempt, sequence, name, text = unpack(ARGV)
if redis.call('EXISTS', KEYS[1]) == 0 then return {'missing'} end
if attempt ~= '' then
  local refused = refusal(id, attempt, nil, 'configuration')
  if refused then return refused end
end
if sequence ~= '' then
  local stands, expected = number(id, sequence, 0)
  if stands == 'seen' then return {'ok'} end
  if stands == 'gap' then return {'gap', expected} end
  taken(id, sequence)
end
if text == '' then
  redis.call('HDEL', keys.task_configurations(id), name)
else
  redis.call('HSET', keys.task_configurations(id), name, text)
end
touch(id)
return {'ok'}
