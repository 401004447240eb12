--! needs ending.lua
--! needs index.lua
--! needs series.lua
-- Delete a task and all that is kept of it but blobs, which others may share. Tasks that wait for it
-- are stopped, and those that came of it come of nothing any more.
--
-- KEYS[1] the task's hash
-- ARGV[1] id   ARGV[2] '1' to delete a run at a desk that goes on, or what is published
-- answer  {'ok'}, {'missing'}, {'leased', status, agent} or {'refused', status}

local id, force = ARGV[1], ARGV[2] == '1'
local status, attempt, queue, agent = unpack(redis.call('HMGET', KEYS[1], 'status', 'attempt', 'queue', 'agent'))
if not status then return {'missing'} end
if redis.call('ZSCORE', keys.LEASES, id) then return {'leased', status, agent or ''} end
if (status == 'in_progress' or status == 'published') and not force then return {'refused', status} end
if not ended[status] then end_task(id, 'stopped', 'deleted', '') end
if queue then rq_forget(id, queue, attempt) end
local came_of_it = keys.indexed_parent(id)
for _, child in ipairs(redis.call('ZRANGE', came_of_it, 0, -1)) do
  redis.call('HDEL', keys.task(child), 'parent')
  touch(child)
end
redis.call('DEL', came_of_it)
unindex(id)
redis.call('ZREM', keys.TASKS, id)
redis.call('ZREM', keys.TASK_IDS, id)
forget_series(id)
-- Freed in the background: a log may be large.
redis.call('UNLINK', KEYS[1], keys.task_log(id), keys.task_log_size(id), keys.task_events(id),
  keys.task_control(id), keys.task_built(id), keys.task_configurations(id), keys.task_parents(id),
  keys.task_children(id), keys.task_reserved(id))
return {'ok'}
