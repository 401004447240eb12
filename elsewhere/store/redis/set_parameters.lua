--! needs fence.lua
--! needs index.lua
--! needs numbers.lua
-- Swap a task's parameters for merged ones, if nobody changed them meanwhile. The merging itself is
-- done by the caller, because Lua's JSON would bend large numbers and empty lists.
--
-- KEYS[1] the task's hash
-- ARGV[1] id   ARGV[2] attempt or ''   ARGV[3] parameters as the caller read them   ARGV[4] merged ones
-- ARGV[5] names set by hand, or '' to leave those that still are parameters
-- ARGV[6] sequence, or '' for a write without a number   ARGV[7] JSON list of the names that are gone
-- answer  {'ok'}, {'changed'}, {'gap', number expected}, {'missing'} or {'late', status, attempt}

local id, attempt, read, merged, overrides, sequence, gone = unpack(ARGV)

local function forget(names)
  if #names == 0 then return end
  local is_gone, left = {}, {}
  for _, name in ipairs(names) do
    is_gone[name] = true
    redis.call('HDEL', KEYS[1], 'about:' .. name)
  end
  for _, name in ipairs(cjson.decode(redis.call('HGET', KEYS[1], 'overrides'))) do
    if not is_gone[name] then left[#left + 1] = name end
  end
  redis.call('HSET', KEYS[1], 'overrides', #left == 0 and '[]' or cjson.encode(left))
end

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
forget(cjson.decode(gone))
if overrides ~= '' then redis.call('HSET', KEYS[1], 'overrides', overrides) end
if sequence ~= '' then taken(id, sequence) end
touch(id)
return {'ok'}
