--! needs clock.lua
--! needs events.lua
--! needs rq.lua
-- Move a draft to the end of a queue and wake its takers.
--
-- KEYS[1] the task's hash
-- ARGV[1] id   ARGV[2] queue   ARGV[3..] fields and values of the RQ job's hash
-- answer  {'ok', position from 0}, {'missing'} or {'refused', status, queue or ''}

local id, queue = ARGV[1], ARGV[2]
local status, stands_in, project, name, created =
  unpack(redis.call('HMGET', KEYS[1], 'status', 'queue', 'project', 'name', 'created'))
if not status then return {'missing'} end
if status == 'queued' and stands_in == queue then
  return {'ok', redis.call('LPOS', keys.rq_queue(queue), id) or 0}
end
if status ~= 'created' or not legal[status].queued then return {'refused', status, stands_in or ''} end
redis.call('HSET', KEYS[1], 'status', 'queued', 'queue', queue)
redis.call('HSET', keys.rq_job(id), 'description', project .. '/' .. name, 'created_at', utc(created),
  unpack(ARGV, 3))
record(id, 'queued', redis.call('HGET', KEYS[1], 'attempt'), queue)
return {'ok', rq_wait(id, queue, false) - 1}
