--! needs requeue.lua
-- Take the tasks of vanished agents from them: those whose lease is over by the server's clock.
--
-- ARGV[1] lost attempts in a row after which a task has failed   ARGV[2] tasks to reap at most
-- ARGV[3] milliseconds that a lease has at least, after the server was started anew
-- answer  {{id, attempt, agent, end}, ...} where end is requeued, poisoned, stopped or failed

local poisoned_after, limit, grace_ms = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])

-- While a server was away nobody could renew: that is no reason to take a task from anybody. What run
-- this is only the server itself knows for certain at the moment of reaping.
local function started_anew()
  local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
  if redis.call('GET', keys.SERVER_RUN) == run then return false end
  redis.call('SET', keys.SERVER_RUN, run)
  return true
end

local function grant_grace()
  for _, id in ipairs(redis.call('ZRANGE', keys.LEASES, 0, -1)) do
    local lease_ms = tonumber(redis.call('HGET', keys.task(id), 'lease_ms') or 0)
    redis.call('ZADD', keys.LEASES, 'XX', 'GT', now_ms + math.max(grace_ms, lease_ms), id)
  end
end

local function reap(id)
  local task = keys.task(id)
  local status, attempt, agent, stop = unpack(redis.call('HMGET', task, 'status', 'attempt', 'agent', 'stop'))
  if status ~= 'in_progress' then
    redis.call('ZREM', keys.LEASES, id)
    return nil
  end
  local lost = redis.call('HINCRBY', task, 'lost_attempts', 1)
  local why = 'attempt ' .. attempt .. ' on ' .. agent .. ' was lost'
  if lost < poisoned_after or stop then return {id, attempt, agent, let_go(id, why)} end
  record(id, 'poisoned', attempt, why)
  end_task(id, 'failed', 'poisoned: ' .. lost .. ' attempts in a row were lost with their agents, the last on '
    .. agent .. '; the task may be what brings them down', '')
  return {id, attempt, agent, 'poisoned'}
end

if started_anew() then
  grant_grace()
  return {}
end
local reaped = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', keys.LEASES, '-inf', now_ms, 'LIMIT', 0, limit)) do
  reaped[#reaped + 1] = reap(id)
end
return reaped
