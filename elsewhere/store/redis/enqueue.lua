--! needs clock.lua
--! needs ending.lua
--! needs events.lua
--! needs index.lua
--! needs rq.lua
--! needs waiting.lua
-- Move a draft into a queue behind all of the same or a higher priority and wake its takers; or let
-- it wait for its parents or its time.
--
-- KEYS[1] the task's hash
-- ARGV[1] id   ARGV[2] queue   ARGV[3..] fields and values of the RQ job's hash
-- answer  {'ok', position from 0, or the queue's length for a task that does not stand in it},
-- {'missing'}, {'orphan', parent that is missing} or {'refused', status, queue or ''}

local id, queue = ARGV[1], ARGV[2]
local line = keys.rq_queue(queue)
local status, stands_in, project, name, created, attempt, message = unpack(redis.call('HMGET', KEYS[1],
  'status', 'queue', 'project', 'name', 'created', 'attempt', 'status_message'))
if not status then return {'missing'} end
-- A first call, whose answer was lost, may also have stopped the task because of a parent.
local stopped = status == 'stopped' and string.find(message, 'parent failed: ', 1, true) == 1
if stands_in == queue and (status == 'queued' or stopped) then
  return {'ok', redis.call('LPOS', line, id) or redis.call('LLEN', line)}
end
if status ~= 'created' or not legal[status].queued then return {'refused', status, stands_in or ''} end
local unmet, wrong, parent = unmet_parents(id)
if wrong == 'missing' then return {'orphan', parent} end
set_status(id, 'queued', 'queue', queue)
redis.call('SADD', keys.ACCEPTED, id)
redis.call('HSET', keys.rq_job(id), 'description', project .. '/' .. name, 'created_at', utc(created),
  unpack(ARGV, 3))
record(id, 'queued', attempt, queue)
if wrong then
  rq_rest(id, queue, 'queued')
  end_task(id, 'stopped', 'parent failed: ' .. parent, '')
  return {'ok', redis.call('LLEN', line)}
end
return {'ok', line_up(id, queue, unmet, false) or redis.call('LLEN', line)}
