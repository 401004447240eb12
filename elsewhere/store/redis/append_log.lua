--! needs fence.lua
--! needs log.lua
--! needs numbers.lua
-- Append one numbered chunk of an attempt to the log, and cut the oldest ones over the cap.
--
-- KEYS[1] the task's hash
-- ARGV[1] id   ARGV[2] attempt   ARGV[3] sequence   ARGV[4] kind   ARGV[5] data   ARGV[6] cap in bytes
-- ARGV[7] bytes that an entry counts beyond its data, so that tiny chunks are bounded as well
-- ARGV[8] numbers before this one that were given up
-- answer  {'ok'}, {'gap', number expected}, {'missing'} or {'late', status, attempt}

local id, attempt, sequence, kind, data = unpack(ARGV, 1, 5)
local cap, entry_cost, skipped = tonumber(ARGV[6]), tonumber(ARGV[7]), ARGV[8]
local refused = refusal(id, attempt, nil, 'log chunk ' .. sequence)
if refused then return refused end
local stands, expected = number(id, sequence, skipped)
if stands == 'seen' then return {'ok'} end
if stands == 'gap' then return {'gap', expected} end

local log, size = keys.task_log(id), keys.task_log_size(id)
local held = write_log(id, kind, attempt, data)
taken(id, sequence)
local entries = redis.call('XLEN', log)
-- The newest chunk stays, whatever its size.
while entries > 1 and held + entries * entry_cost > cap do
  local oldest = redis.call('XRANGE', log, '-', '+', 'COUNT', 1)[1]
  local bytes = #oldest[2][6]
  redis.call('XDEL', log, oldest[1])
  held = redis.call('HINCRBY', size, 'bytes', -bytes)
  redis.call('HINCRBY', size, 'cut', bytes)
  redis.call('HSET', size, 'cut_to', oldest[1])
  entries = entries - 1
end
return {'ok'}
