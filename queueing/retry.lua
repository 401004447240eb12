--! needs clock.lua
--! needs events.lua
--! needs index.lua
--! needs log.lua
--! needs rq.lua
--! needs waiting.lua
-- A script that failed is run again, as the terms of its task say. The task needs a queue for that.
--
-- may_retry(id): whether it may be
-- retry(id, attempt, message): end the attempt, and queue its task for now or for later. `message` says
-- how the script ended. The lease is gone afterwards.

local function may_retry(id)
  local retries, used, queue, stop =
    unpack(redis.call('HMGET', keys.task(id), 'retries', 'retries_used', 'queue', 'stop'))
  return queue and not stop and tonumber(used or 0) < tonumber(retries or 0)
end

local function retry(id, attempt, message)
  local task = keys.task(id)
  local queue, retries, backoff = unpack(redis.call('HMGET', task, 'queue', 'retries', 'backoff'))
  local used = redis.call('HINCRBY', task, 'retries_used', 1)
  local wait = tonumber(backoff) * 2 ^ (used - 1)
  local line = string.match(message, '^[^\n]*')
  local code = string.match(line, '^the script exited with (code %-?%d+)$')
  local told = string.format('%s: attempt %d of %d follows %s', code and 'exit ' .. code or line, used + 1,
    retries + 1, wait > 0 and 'in ' .. string.format('%.6g', wait) .. ' s' or 'at once')
  write_log(id, 'note', attempt, told .. '\n')
  set_status(id, 'queued', 'status_message', told, 'lost_attempts', 0)
  redis.call('ZREM', keys.LEASES, id)
  redis.call('DEL', keys.task_control(id))
  rq_leave(id, queue, attempt)
  if wait > 0 then
    hold_until(id, queue, tonumber(now) + wait)
  else
    rq_wait(id, queue, false)
  end
  record(id, 'requeued', attempt, told)
end
