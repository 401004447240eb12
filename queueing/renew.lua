--! needs clock.lua
--! needs fence.lua
--! needs rq.lua
-- Extend a lease. One that is over but was not reaped yet is still its owner's to extend.
--
-- KEYS[1] the task's hash
-- ARGV[1] id   ARGV[2] attempt   ARGV[3] agent   ARGV[4] lease in milliseconds
-- answer  {'ok', stop request as the hash holds it, or ''}, {'missing'} or {'late', status, attempt}

local id, attempt, agent, lease_ms = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local refused = refusal(id, attempt, agent, 'renewal')
if refused then return refused end
redis.call('ZADD', keys.LEASES, now_ms + lease_ms, id)
local queue, stop = unpack(redis.call('HMGET', KEYS[1], 'queue', 'stop'))
if queue then rq_beat(id, attempt, lease_ms + 60000) end
return {'ok', stop or ''}
