--! needs clock.lua
--! needs ending.lua
--! needs events.lua
--! needs rq.lua
--! needs waiting.lua
-- Look whether accepted tasks stand where their status says, and put back those that stand nowhere.
--
-- ARGV[1] milliseconds of the lease that an attempt without one gets   ARGV[2..] ids
-- answer  {{id, what was repaired}, ...}
--
-- Every move is one script, so whatever is found half done here stays so if nobody mends it.

local grace_ms = tonumber(ARGV[1])

local function waits_truly(id, queue, says)
  if string.find(says, 'until ', 1, true) == 1 then
    return redis.call('ZSCORE', keys.rq_scheduled(queue), id)
  end
  local parents = redis.call('SMEMBERS', keys.task_parents(id))
  for _, parent in ipairs(parents) do
    local status = redis.call('HGET', keys.task(parent), 'status')
    if not status or ended[status] or redis.call('SISMEMBER', keys.task_children(parent), id) == 0 then
      return false
    end
  end
  return #parents > 0 and redis.call('ZSCORE', keys.rq_deferred(queue), id)
end

local function put_back(id, queue, says)
  for _, registry in pairs(rq_registry_of) do redis.call('ZREM', registry(queue), id) end
  if not says then
    rq_wait(id, queue, true)
    return 'stood nowhere: now at the front of ' .. queue
  end
  local moment = string.match(says, '^until (%S+)$')
  if moment then
    hold_until(id, queue, tonumber(moment))
    return 'stood nowhere: waits for its time again'
  end
  local unmet, _, parent = unmet_parents(id)
  stop_waiting(id, queue)
  if not unmet then
    end_task(id, 'stopped', 'parent failed: ' .. parent, '')
    return 'stood nowhere, and its parent ' .. parent .. ' has failed'
  end
  line_up(id, queue, unmet, true)
  return 'stood nowhere: looked for its parents again'
end

local function mend(id)
  local status, queue, says = unpack(redis.call('HMGET', keys.task(id), 'status', 'queue', 'waits_for'))
  if status == 'queued' then
    local stands
    if says then
      stands = waits_truly(id, queue, says)
    else
      stands = redis.call('LPOS', keys.rq_queue(queue), id)
    end
    return not stands and put_back(id, queue, says)
  end
  if status == 'in_progress' then
    if redis.call('ZSCORE', keys.LEASES, id) then return nil end
    redis.call('ZADD', keys.LEASES, now_ms + grace_ms, id)
    return string.format('ran without a lease: has one of %.6g s now', grace_ms / 1000)
  end
  redis.call('SREM', keys.ACCEPTED, id)
  return nil
end

local repairs = {}
for index = 2, #ARGV do
  local id = ARGV[index]
  local what = mend(id)
  if what then
    record(id, 'repaired', redis.call('HGET', keys.task(id), 'attempt'), what)
    repairs[#repairs + 1] = {id, what}
  end
end
return repairs
