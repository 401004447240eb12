-- Tell an agent to take no more.
--
-- KEYS[1] the agent's hash   KEYS[2] its control stream
-- answer  {'ok'} or {'missing'}

if redis.call('EXISTS', KEYS[1]) == 0 then return {'missing'} end
redis.call('HSET', KEYS[1], 'state', 'draining')
redis.call('XADD', KEYS[2], 'MAXLEN', 1, '*', 'ring', '1')
return {'ok'}
