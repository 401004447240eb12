--! needs clock.lua
--! needs events.lua
--! needs log.lua
--! needs rq.lua
-- end_task(id, target, message, exit_code): a task that has not ended ends as `target`. It leaves
-- its queue and lease, its log gets the one `end` chunk, and RQ is told. exit_code '' means none.
-- Whether the move is legal is for the caller to know.

local function end_task(id, target, message, exit_code)
  local task = keys.task(id)
  local attempt, queue = unpack(redis.call('HMGET', task, 'attempt', 'queue'))
  redis.call('HSET', task, 'status', target, 'status_message', message, 'ended', now)
  redis.call('HDEL', task, 'stop', 'exit_code')
  if exit_code ~= '' then redis.call('HSET', task, 'exit_code', exit_code) end
  redis.call('ZREM', keys.LEASES, id)
  redis.call('DEL', keys.task_control(id))
  write_log(id, 'end', attempt, '')
  if queue then
    -- RQ has no word for closed: the nearest is that somebody canceled it.
    rq_end(id, queue, attempt, target == 'closed' and 'stopped' or target, message)
  end
  local line = string.match(message, '^[^\n]*')
  record(id, 'ended', attempt, line == '' and target or target .. ': ' .. line)
end
