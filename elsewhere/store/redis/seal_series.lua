-- The oldest points of some series' tails become chunks, each if nobody made some of them meanwhile.
-- That changes nothing of what a series holds, so whoever comes first may do it, and no fence is needed.
--
-- ARGV[1] id   ARGV[2..] for each series: its number, number of its first new chunk, bytes to cut from its
-- tail, their SHA-1 (a reset may have begun another tail), bytes that the series then holds more, how many
-- chunks, and then these, each followed by its outline
-- answer  {'ok', bytes that the task then holds}

local id = ARGV[1]
local size = keys.task_series_size(id)

local at = 2
while at <= #ARGV do
  local number, first, cut, hash, growth, count = unpack(ARGV, at, at + 5)
  local account, tail = keys.series(id, number), keys.series_tail(id, number)
  if redis.call('HGET', account, 'next') == first
    and redis.sha1hex(redis.call('GETRANGE', tail, 0, cut - 1)) == hash then
    local rest = redis.call('GETRANGE', tail, cut, -1)
    if rest == '' then redis.call('DEL', tail) else redis.call('SET', tail, rest) end
    for chunk = 0, count - 1 do
      local from = at + 6 + 2 * chunk
      redis.call('HSET', keys.series_chunks(id, number), first + chunk, ARGV[from])
      redis.call('HSET', keys.series_outlines(id, number), first + chunk, ARGV[from + 1])
    end
    redis.call('HINCRBY', account, 'next', count)
    redis.call('HINCRBY', account, 'bytes', growth)
    redis.call('HINCRBY', size, 'bytes', growth)
  end
  at = at + 6 + 2 * count
end
return {'ok', tonumber(redis.call('HGET', size, 'bytes') or 0)}
