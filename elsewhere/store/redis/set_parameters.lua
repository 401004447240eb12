--! needs fence.lua
--! needs numbers.lua
-- Swap a task's parameters for merged ones, if nobody changed them meanwhile. The merging itself is
-- done by the caller, because Lua's JSON would bend large numbers and empty lists.
--
-- KEYS[1] the task's hash
-- ARGV[1] id   ARGV[2] attempt or ''   ARGV[3] parameters as the caller read them   ARGV[4] merged ones
-- ARGV[5] names set by hand, or '' to leave them   ARGV[6] sequence, or '' for a write without a number
-- answer  {'ok'}, {'changed'}, {'gap', number expected}, {'missing'} or {'late', status, attempt}

local id, attempt, read, merged, overrides, sequence = unpack(ARGV)
if attempt ~= '' then
  local refused = refusal(id, attempt, nil, 'parameters')
  if refused then return refused end
end
if sequence ~= '' then
  local stands, expected = number(id, sequence, 0)
  if stands == 'seen' then return {'ok'} end
  if stands == 'gap' then return {'gap', expected} end
end
local stored = redis.call('HGET', KEYS[1], 'parameters')
if not stored then return {'missing'} end
if stored ~= read then return {'changed'} end
redis.call('HSET', KEYS[1], 'parameters', merged)
if overrides ~= '' then redis.call('HSET', KEYS[1], 'overrides', overrides) end
if sequence ~= '' then taken(id, sequence) end
return {'ok'}
