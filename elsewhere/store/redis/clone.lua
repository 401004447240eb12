--! needs clock.lua
--! needs events.lua
--! needs index.lua
-- Make a draft of what a task runs with: not of its results, nor of what users noted about those.
--
-- KEYS[1] hash of the task   KEYS[2] hash of the new one
-- ARGV[1] id   ARGV[2] id of the new one   ARGV[3] newest schema that the caller reads
-- ARGV[4..] fields and values that take the place of the copied ones
-- answer  {'ok', {field, value, ...}}, {'missing'} or {'newer', schema}

local id, new, reads = unpack(ARGV, 1, 3)
local copied = {schema = true, project = true, spec = true, needs = true, parameters = true, overrides = true,
  terms = true, priority = true, run_at = true, parents = true, retries = true, backoff = true,
  type = true, tags = true, comment = true}
local fields = redis.call('HGETALL', KEYS[1])
if #fields == 0 then return {'missing'} end
local schema = redis.call('HGET', KEYS[1], 'schema')
if tonumber(schema or 1) > tonumber(reads) then return {'newer', schema} end
for at = 1, #fields, 2 do
  local field, value = fields[at], fields[at + 1]
  if copied[field] or string.sub(field, 1, 6) == 'about:' then redis.call('HSET', KEYS[2], field, value) end
  if field == 'name' then redis.call('HSET', KEYS[2], 'name', 'Clone Of ' .. value) end
end
redis.call('HSET', KEYS[2], 'status', 'created', 'attempt', 0, 'lost_attempts', 0, 'log_sequence', 0,
  'created', now, 'updated', now, unpack(ARGV, 4))
redis.call('COPY', keys.task_configurations(id), keys.task_configurations(new))
redis.call('ZADD', keys.TASKS, now, new)
redis.call('ZADD', keys.TASK_IDS, 0, new)
index(new)
record(new, 'created', 0, 'clone of ' .. id)
return {'ok', redis.call('HGETALL', KEYS[2])}
