--! needs clock.lua
--! needs events.lua
--! needs rq.lua
-- What a queued task may wait for before it stands in its queue: first for its parents, then for
-- its time. The field `waits_for` of its hash says which; without it, the task stands in its queue.
--
-- unmet_parents(id): list of parents that have not ended; or nil, 'missing' or 'failed', and the parent
-- line_up(id, queue, unmet, first): begin to wait, or enter the queue; answers the position, nil when waiting
-- hold_until(id, queue, moment): wait for a moment, whatever the terms say
-- stop_waiting(id, queue): wait for nothing any more; where the task goes is for the caller
-- parent_done(id, parent): a parent has completed

-- The end of the year 9999, as in terms_rules.py.
local LAST_MOMENT = 253402300799

local function is_met(status, exit_code)
  return status == 'completed' or status == 'published' or (ended[status] and exit_code == '0')
end

local function unmet_parents(id)
  local unmet = {}
  for parent in string.gmatch(redis.call('HGET', keys.task(id), 'parents') or '', '%S+') do
    local status, exit_code = unpack(redis.call('HMGET', keys.task(parent), 'status', 'exit_code'))
    if not status then return nil, 'missing', parent end
    if not ended[status] then
      unmet[#unmet + 1] = parent
    elseif not is_met(status, exit_code) then
      return nil, 'failed', parent
    end
  end
  return unmet
end

local function hold_until(id, queue, moment)
  local at = string.format('%.6f', math.min(moment, LAST_MOMENT))
  redis.call('HSET', keys.task(id), 'waits_for', 'until ' .. at)
  rq_schedule(id, queue, at)
end

local function wait_for_time(id, queue, first)
  local run_at = tonumber(redis.call('HGET', keys.task(id), 'run_at') or 0)
  if run_at <= tonumber(now) then return rq_wait(id, queue, first) end
  hold_until(id, queue, run_at)
  return nil
end

local function line_up(id, queue, unmet, first)
  if #unmet == 0 then return wait_for_time(id, queue, first) end
  for _, parent in ipairs(unmet) do
    redis.call('SADD', keys.task_parents(id), parent)
    redis.call('SADD', keys.task_children(parent), id)
  end
  local count = redis.call('SCARD', keys.task_parents(id))
  redis.call('HSET', keys.task(id), 'waits_for', 'parents ' .. count .. ' ' .. unmet[1])
  rq_defer(id, queue)
  return nil
end

local function stop_waiting(id, queue)
  if redis.call('HDEL', keys.task(id), 'waits_for') == 0 then return end
  for _, parent in ipairs(redis.call('SMEMBERS', keys.task_parents(id))) do
    redis.call('SREM', keys.task_children(parent), id)
  end
  redis.call('DEL', keys.task_parents(id))
  redis.call('ZREM', keys.rq_scheduled(queue), id)
  redis.call('ZREM', keys.rq_deferred(queue), id)
end

local function parent_done(id, parent)
  local task, unmet = keys.task(id), keys.task_parents(id)
  redis.call('SREM', unmet, parent)
  local count = redis.call('SCARD', unmet)
  local queue, attempt, says = unpack(redis.call('HMGET', task, 'queue', 'attempt', 'waits_for'))
  if count > 0 then
    local named = string.match(says, '%S+$')
    if named == parent then named = redis.call('SRANDMEMBER', unmet) end
    redis.call('HSET', task, 'waits_for', 'parents ' .. count .. ' ' .. named)
    return
  end
  stop_waiting(id, queue)
  record(id, 'queued', attempt, queue .. ': all parents have completed')
  wait_for_time(id, queue, false)
end
