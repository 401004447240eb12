--! needs claim.lua
-- Take one given task, a draft or a queued one, whatever it needs.
--
-- KEYS[1] the task's hash
-- ARGV[1] id   ARGV[2] agent   ARGV[3] lease in milliseconds   ARGV[4] newest schema that the taker reads
-- answer  {'ok', {field, value, ...}}, {'missing'}, {'refused', status} or {'newer', schema}

local id, agent, lease_ms = ARGV[1], ARGV[2], tonumber(ARGV[3])
local status, queue, schema = unpack(redis.call('HMGET', KEYS[1], 'status', 'queue', 'schema'))
if not status then return {'missing'} end
if status ~= 'created' and status ~= 'queued' then return {'refused', status} end
if tonumber(schema or 1) > tonumber(ARGV[4]) then return {'newer', schema} end
if status == 'created' then queue = nil else redis.call('LREM', keys.rq_queue(queue), 0, id) end
return {'ok', claim(id, queue, agent, lease_ms)}
