--! needs clock.lua
--! needs events.lua
--! needs index.lua
--! needs log.lua
--! needs rq.lua
--! needs waiting.lua
-- end_task(id, target, message, exit_code): a task that has not ended ends as `target`. It leaves
-- its queue and lease, its log gets the one `end` chunk, and RQ is told. exit_code '' means none.
-- Whether the move is legal is for the caller to know. Tasks that wait for it go on when it has
-- completed; otherwise they end as `stopped`, and so do those that wait for them.

local function end_one(id, target, message, exit_code)
  local task = keys.task(id)
  local attempt, queue = unpack(redis.call('HMGET', task, 'attempt', 'queue'))
  stop_waiting(id, queue)
  set_status(id, target, 'status_message', message, 'ended', now)
  redis.call('HDEL', task, 'stop', 'exit_code')
  if exit_code ~= '' then redis.call('HSET', task, 'exit_code', exit_code) end
  redis.call('ZREM', keys.LEASES, id)
  redis.call('SREM', keys.ACCEPTED, id)
  redis.call('DEL', keys.task_control(id))
  write_log(id, 'end', attempt, '')
  if queue then
    -- RQ has no word for closed: the nearest is that somebody canceled it.
    rq_end(id, queue, attempt, target == 'closed' and 'stopped' or target, message)
  end
  local line = string.match(message, '^[^\n]*')
  record(id, 'ended', attempt, line == '' and target or target .. ': ' .. line)
end

local function end_task(id, target, message, exit_code)
  end_one(id, target, message, exit_code)
  local parents = {{id, target == 'completed'}}
  for _, parent in ipairs(parents) do
    local children = redis.call('SMEMBERS', keys.task_children(parent[1]))
    redis.call('DEL', keys.task_children(parent[1]))
    for _, child in ipairs(children) do
      if parent[2] then
        parent_done(child, parent[1])
      else
        -- Ended here, a child waits for no other parent any more: it is met once.
        end_one(child, 'stopped', 'parent failed: ' .. parent[1], '')
        parents[#parents + 1] = {child, false}
      end
    end
  end
end
