--! needs fence.lua
--! needs log.lua
--! needs numbers.lua
-- Append points to the tails of their series, and to the accounts. Tails that are long enough are
-- sealed by the caller, with seal_series.lua.
--
-- KEYS[1] the task's hash
-- ARGV[1] id   ARGV[2] attempt or ''   ARGV[3] sequence, or '' for a write without a number
-- ARGV[4] series that a task may have   ARGV[5] bytes that a series counts beyond its points
-- ARGV[6] line of the log about series that are too many
-- ARGV[7..] for each series eight: its name, how many points, the points, lowest and highest value or
-- '' where all are NaN, how many are finite, their sum, and the last point as the account holds it
-- answer  {'ok', bytes then held, number of a series, bytes in its tail, ...}, {'gap', number expected},
-- {'missing'} or {'late', status, attempt}

local id, attempt, sequence, most, cost, note = unpack(ARGV, 1, 6)
if attempt ~= '' then
  local refused = refusal(id, attempt, nil, 'scalars')
  if refused then return refused end
else
  attempt = redis.call('HGET', KEYS[1], 'attempt')
  if not attempt then return {'missing'} end
end
local names, size = keys.task_series(id), keys.task_series_size(id)
local answer = {'ok', 0}
if sequence ~= '' then
  local stands, expected = number(id, sequence, 0)
  if stands == 'seen' then return answer end
  if stands == 'gap' then return {'gap', expected} end
  taken(id, sequence)
end

-- Its number, or nil where it is one too many.
local function series_of(name)
  local known = redis.call('HGET', names, name)
  if known then return known end
  local count = redis.call('HLEN', names)
  if count >= tonumber(most) then return nil end
  redis.call('HSET', names, name, count)
  redis.call('HSET', keys.series(id, count), 'next', 0, 'bytes', cost)
  redis.call('HINCRBY', size, 'bytes', cost)
  return tostring(count)
end

local function account(series, count, bytes, lowest, highest, finite, total, last)
  local low, high, sum = unpack(redis.call('HMGET', series, 'lowest', 'highest', 'total'))
  -- Texts are kept as they came: what Lua would print of a number may be another one.
  if lowest ~= '' and not (low and tonumber(low) <= tonumber(lowest)) then
    redis.call('HSET', series, 'lowest', lowest)
  end
  if highest ~= '' and not (high and tonumber(high) >= tonumber(highest)) then
    redis.call('HSET', series, 'highest', highest)
  end
  redis.call('HSET', series, 'last', last,
    'total', string.format('%.17g', tonumber(sum or 0) + tonumber(total)))
  redis.call('HINCRBY', series, 'count', count)
  redis.call('HINCRBY', series, 'finite', finite)
  redis.call('HINCRBY', series, 'bytes', bytes)
  redis.call('HINCRBY', size, 'bytes', bytes)
end

for at = 7, #ARGV, 8 do
  local name, count, points = unpack(ARGV, at, at + 2)
  local known = series_of(name)
  if known then
    account(keys.series(id, known), count, #points, unpack(ARGV, at + 3, at + 7))
    answer[#answer + 1] = known
    answer[#answer + 1] = redis.call('APPEND', keys.series_tail(id, known), points)
  elseif redis.call('HINCRBY', size, 'beyond', count) == tonumber(count) then
    write_log(id, 'note', attempt, note)
  end
end
answer[2] = tonumber(redis.call('HGET', size, 'bytes') or 0)
return answer
