--! needs clock.lua
--! needs events.lua
--! needs rq.lua
--! needs waiting.lua
-- Move tasks whose time has come into their queues, and tell when the next one's comes.
--
-- ARGV[1] tasks to move at most
-- answer  seconds until the next task is due as text, 0 or less when more are due; nil without any

local left, next_due = tonumber(ARGV[1]), nil

local function promote(id, queue)
  local status, stands_in, attempt = unpack(redis.call('HMGET', keys.task(id), 'status', 'queue', 'attempt'))
  redis.call('ZREM', keys.rq_scheduled(queue), id)
  -- Something else may have put it there, or moved it since.
  if status ~= 'queued' or stands_in ~= queue then return end
  stop_waiting(id, queue)
  -- RQ's own scheduler may have been here.
  redis.call('LREM', keys.rq_queue(queue), 0, id)
  record(id, 'queued', attempt, queue .. ': its time has come')
  rq_wait(id, queue, false)
end

for _, line in ipairs(redis.call('SMEMBERS', keys.RQ_QUEUES)) do
  local queue = string.sub(line, #keys.rq_queue('') + 1)
  local scheduled = keys.rq_scheduled(queue)
  if left > 0 then
    local due = redis.call('ZRANGEBYSCORE', scheduled, '-inf', now, 'LIMIT', 0, left)
    for _, id in ipairs(due) do promote(id, queue) end
    left = left - #due
  end
  local first = redis.call('ZRANGE', scheduled, 0, 0, 'WITHSCORES')
  if first[2] then next_due = math.min(next_due or math.huge, tonumber(first[2])) end
end
return next_due and string.format('%.6f', next_due - tonumber(now))
