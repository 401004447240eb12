--! needs fence.lua
-- Append to a task's events.
--
-- KEYS[1] the task's hash
-- ARGV[1] id   ARGV[2] attempt or '' for whichever is newest   ARGV[3] kind   ARGV[4] detail
-- answer  {'ok'}, {'missing'} or {'late', status, attempt}

local id, attempt, kind, detail = unpack(ARGV)
if attempt ~= '' then
  local refused = refusal(id, attempt, nil, 'event ' .. kind)
  if refused then return refused end
else
  attempt = redis.call('HGET', KEYS[1], 'attempt')
  if not attempt then return {'missing'} end
end
record(id, kind, attempt, detail)
return {'ok'}
