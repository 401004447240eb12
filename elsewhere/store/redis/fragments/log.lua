-- write_log(id, kind, attempt, data): append one chunk to a task's log in the place of a `live` one
-- that stands at its end; answers the bytes then held.

local function write_log(id, kind, attempt, data)
  local log, size = keys.task_log(id), keys.task_log_size(id)
  local live = redis.call('HGET', size, 'live')
  if live then
    local stale = redis.call('XRANGE', log, live, live)[1]
    if stale then
      redis.call('XDEL', log, live)
      redis.call('HINCRBY', size, 'bytes', -#stale[2][6])
    end
    redis.call('HDEL', size, 'live')
  end
  local position = redis.call('XADD', log, '*', 'k', kind, 'a', attempt, 'd', data)
  if kind == 'live' then redis.call('HSET', size, 'live', position) end
  return redis.call('HINCRBY', size, 'bytes', #data)
end
