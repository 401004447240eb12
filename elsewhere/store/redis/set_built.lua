--! needs fence.lua
--! needs numbers.lua
-- Keep what an attempt's environment holds, in the place of what an earlier one's held.
--
-- KEYS[1] the task's hash
-- ARGV[1] id   ARGV[2] attempt or ''   ARGV[3] what was built, as text
-- ARGV[4] sequence, or '' for a write without a number
-- answer  {'ok'}, {'gap', number expected}, {'missing'} or {'late', status, attempt}

local id, attempt, built, sequence = unpack(ARGV)
if attempt ~= '' then
  local refused = refusal(id, attempt, nil, 'built')
  if refused then return refused end
elseif redis.call('EXISTS', KEYS[1]) == 0 then
  return {'missing'}
end
if sequence ~= '' then
  local stands, expected = number(id, sequence, 0)
  if stands == 'seen' then return {'ok'} end
  if stands == 'gap' then return {'gap', expected} end
  taken(id, sequence)
end
redis.call('SET', keys.task_built(id), built)
return {'ok'}
