--! needs clock.lua
--! needs events.lua
--! needs index.lua
-- Make a draft, once for each submission key and each id.
--
-- KEYS[1] the new task's hash        KEYS[2] the submission's string; absent without a submission key
-- ARGV[1] id of the new task         ARGV[2..] fields and values of its hash
-- answer  {id, {field, value, ...}} of the task, or of the one that was made before

if KEYS[2] then
  local made = redis.call('GET', KEYS[2])
  -- It may have been deleted since.
  if made and redis.call('EXISTS', keys.task(made)) == 1 then
    return {made, redis.call('HGETALL', keys.task(made))}
  end
  redis.call('SET', KEYS[2], ARGV[1], 'EX', 86400)
end
if redis.call('EXISTS', KEYS[1]) == 1 then return {ARGV[1], redis.call('HGETALL', KEYS[1])} end
redis.call('HSET', KEYS[1], 'status', 'created', 'attempt', 0, 'lost_attempts', 0, 'log_sequence', 0,
  'created', now, 'updated', now)
-- One by one: they may be more than one call takes.
for at = 2, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1]) end
redis.call('ZADD', keys.TASKS, now, ARGV[1])
redis.call('ZADD', keys.TASK_IDS, 0, ARGV[1])
index(ARGV[1])
record(ARGV[1], 'created', 0, '')
return {ARGV[1], redis.call('HGETALL', KEYS[1])}
