--! needs index.lua
-- Index tasks as their hashes stand, whatever the indexes said of their status before.
--
-- ARGV[1..] ids
-- answer  how many stood otherwise, or not at all, in them

local statuses, wrong = {}, 0
for status in pairs(legal) do statuses[#statuses + 1] = status end

local function mend(id)
  local task = keys.task(id)
  local status, updated, created, started, over =
    unpack(redis.call('HMGET', task, 'status', 'updated', 'created', 'started', 'ended'))
  if not status then
    -- Nothing is left of it but its name in the lists.
    redis.call('ZREM', keys.TASKS, id)
    redis.call('ZREM', keys.TASK_IDS, id)
    for _, other in ipairs(statuses) do redis.call('ZREM', keys.indexed_status(other), id) end
    redis.call('ZREM', keys.UPDATED, id)
    return true
  end
  if redis.call('ZSCORE', keys.UPDATED, id) and redis.call('ZSCORE', keys.indexed_status(status), id) then
    return false
  end
  -- Whoever moved it knew nothing of `updated` either.
  for _, moment in ipairs({created, started or '0', over or '0'}) do
    if tonumber(moment) > tonumber(updated or 0) then updated = moment end
  end
  redis.call('HSET', task, 'updated', updated)
  for _, other in ipairs(statuses) do redis.call('ZREM', keys.indexed_status(other), id) end
  index(id)
  return true
end

for _, id in ipairs(ARGV) do
  if mend(id) then wrong = wrong + 1 end
end
return wrong
