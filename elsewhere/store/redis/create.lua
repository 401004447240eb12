--! needs clock.lua
--! needs events.lua
-- Make a draft, once for each submission key.
--
-- KEYS[1] the new task's hash        KEYS[2] the submission's string; absent without a submission key
-- ARGV[1] id of the new task         ARGV[2..] fields and values of its hash
-- answer  {id, {field, value, ...}} of the task, or of the one that the submission made before

if KEYS[2] then
  local made = redis.call('GET', KEYS[2])
  if made then return {made, redis.call('HGETALL', keys.task(made))} end
  redis.call('SET', KEYS[2], ARGV[1], 'EX', 86400)
end
redis.call('HSET', KEYS[1], 'status', 'created', 'attempt', 0, 'lost_attempts', 0, 'log_sequence', 0,
  'created', now, unpack(ARGV, 2))
redis.call('ZADD', keys.TASKS, now, ARGV[1])
redis.call('ZADD', keys.TASK_IDS, 0, ARGV[1])
record(ARGV[1], 'created', 0, '')
return {ARGV[1], redis.call('HGETALL', KEYS[1])}
