-- The oldest points of a series' tail become chunks, if nobody made some of them meanwhile. That
-- changes nothing of what the series holds, so whoever comes first may do it, and no fence is needed.
--
-- ARGV[1] id   ARGV[2] number of the series   ARGV[3] number of the first chunk
-- ARGV[4] bytes to cut from the tail   ARGV[5] their SHA-1: a reset may have begun another tail
-- ARGV[6] bytes that the series then holds more   ARGV[7..] each chunk and its outline
-- answer  {'ok', bytes then held} or {'moved'}

local id, number, first, cut, hash, growth = unpack(ARGV, 1, 6)
local account, tail = keys.series(id, number), keys.series_tail(id, number)
if redis.call('HGET', account, 'next') ~= first
  or redis.sha1hex(redis.call('GETRANGE', tail, 0, cut - 1)) ~= hash then
  return {'moved'}
end
local rest = redis.call('GETRANGE', tail, cut, -1)
if rest == '' then redis.call('DEL', tail) else redis.call('SET', tail, rest) end
for at = 7, #ARGV, 2 do
  local chunk = redis.call('HINCRBY', account, 'next', 1) - 1
  redis.call('HSET', keys.series_chunks(id, number), chunk, ARGV[at])
  redis.call('HSET', keys.series_outlines(id, number), chunk, ARGV[at + 1])
end
redis.call('HINCRBY', account, 'bytes', growth)
return {'ok', redis.call('HINCRBY', keys.task_series_size(id), 'bytes', growth)}
