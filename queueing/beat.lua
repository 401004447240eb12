--! needs clock.lua
-- An agent is alive: write what it tells of itself, for us and for RQ, until it expires.
--
-- KEYS[1] the agent's hash   KEYS[2] its hash as an RQ worker
-- ARGV[1] name   ARGV[2] seconds until it counts as gone   ARGV[3] attempts that run
-- ARGV[4] GPUs that nobody uses   ARGV[5] number of items that follow about the agent   ARGV[6..] fields and values of the agent's hash,
-- then of the RQ worker's hash
-- answer  the agent's state: active, or draining when somebody set that

local name, seconds, busy, count = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[5])
local reserved = redis.call('GET', keys.agent_reserved(name))
if reserved and redis.call('GET', keys.task_reserved(reserved)) ~= name then reserved = nil end
redis.call('HSET', KEYS[1], 'busy', busy, 'gpus_free', ARGV[4], 'reserved', reserved or '',
  unpack(ARGV, 6, 5 + count))
redis.call('HSETNX', KEYS[1], 'started', now)
redis.call('HSETNX', KEYS[1], 'state', 'active')
redis.call('EXPIRE', KEYS[1], seconds)
redis.call('ZADD', keys.AGENTS, now_ms, name)
redis.call('HSET', KEYS[2], 'last_heartbeat', utc(now), 'state', tonumber(busy) > 0 and 'busy' or 'idle',
  unpack(ARGV, 6 + count))
redis.call('HSETNX', KEYS[2], 'birth', utc(now))
redis.call('EXPIRE', KEYS[2], seconds)
return redis.call('HGET', KEYS[1], 'state')
