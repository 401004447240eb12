-- Two neighbouring chunks of a series become one, if both are still what the caller read.
--
-- ARGV[1] id   ARGV[2] number of the series   ARGV[3] number of the first   ARGV[4] number of the second
-- ARGV[5] outline of the first as it was read   ARGV[6] that of the second
-- ARGV[7] chunk in their place   ARGV[8] its outline   ARGV[9] points that it leaves out
-- ARGV[10] bytes that the series then holds more
-- answer  {'ok', bytes then held} or {'moved'}

local id, number, first, second, one, other, chunk, outline, left_out, growth = unpack(ARGV)
local chunks, outlines = keys.series_chunks(id, number), keys.series_outlines(id, number)
local stand = redis.call('HMGET', outlines, first, second)
if stand[1] ~= one or stand[2] ~= other then return {'moved'} end
redis.call('HSET', chunks, first, chunk)
redis.call('HSET', outlines, first, outline)
redis.call('HDEL', chunks, second)
redis.call('HDEL', outlines, second)
local account = keys.series(id, number)
redis.call('HINCRBY', account, 'coarsened', left_out)
redis.call('HINCRBY', account, 'bytes', growth)
return {'ok', redis.call('HINCRBY', keys.task_series_size(id), 'bytes', growth)}
