--! needs ending.lua
--! needs index.lua
-- An attempt is over, but not by its own outcome: where does its task go?
--
-- let_go(id, why): the task goes back to the front of its queue; or, where a stop was asked for, it
-- is stopped; or, where it stands in no queue, it fails. Answers 'requeued', 'stopped' or 'failed'.
-- `why` is a sentence about the attempt. Its lease is gone afterwards.

local function let_go(id, why)
  local task = keys.task(id)
  local attempt, queue, stop = unpack(redis.call('HMGET', task, 'attempt', 'queue', 'stop'))
  if stop then
    end_task(id, 'stopped', 'stopped by ' .. string.match(stop, '^%S+ (.*)$') .. '; ' .. why, '')
    return 'stopped'
  end
  if not queue then
    end_task(id, 'failed', why .. ', and the task stands in no queue from which another could take it', '')
    return 'failed'
  end
  write_log(id, 'note', attempt, why .. '; the task is back in the queue\n')
  set_status(id, 'queued')
  redis.call('ZREM', keys.LEASES, id)
  redis.call('DEL', keys.task_control(id))
  rq_leave(id, queue, attempt)
  rq_wait(id, queue, true)
  record(id, 'requeued', attempt, why)
  return 'requeued'
end
