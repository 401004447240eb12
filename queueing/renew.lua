--! needs clock.lua
--! needs fence.lua
--! needs rq.lua
--! flags allow-oom
-- Extend a lease. One that is over but was not reaped yet is still its owner's to extend.
-- Allowed on a server that is out of memory: it needs next to none, and a script that runs shall run on.
--
-- KEYS[1] the task's hash
-- ARGV[1] id   ARGV[2] attempt   ARGV[3] agent   ARGV[4] lease in milliseconds
-- answer  {'ok', stop request as the hash holds it, or ''}, {'missing'} or {'late', status, attempt}

local id, attempt, agent, lease_ms = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local refused = refusal(id, attempt, agent, 'renewal')
if refused then return refused end
redis.call('ZADD', keys.LEASES, now_ms + lease_ms, id)
local queue, stop, known_ms = unpack(redis.call('HMGET', KEYS[1], 'queue', 'stop', 'lease_ms'))
if tonumber(known_ms or 0) ~= lease_ms then redis.call('HSET', KEYS[1], 'lease_ms', lease_ms) end
if queue then
  if redis.call('EXISTS', keys.rq_execution(id, attempt)) == 1 then
    rq_beat(id, attempt, lease_ms + 60000)
  else
    -- It expired while the server, or the agent, was away for long.
    rq_start(id, queue, attempt, agent, lease_ms + 60000)
  end
end
return {'ok', stop or ''}
