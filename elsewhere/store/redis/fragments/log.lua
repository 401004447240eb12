-- write_log(id, kind, attempt, data): append one chunk to a task's log; answers the bytes then held.

local function write_log(id, kind, attempt, data)
  redis.call('XADD', keys.task_log(id), '*', 'k', kind, 'a', attempt, 'd', data)
  return redis.call('HINCRBY', keys.task_log_size(id), 'bytes', #data)
end
