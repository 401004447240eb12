--! needs fence.lua
--! needs numbers.lua
-- Append to a task's events.
--
-- KEYS[1] the task's hash
-- ARGV[1] id   ARGV[2] attempt or '' for whichever is newest   ARGV[3] kind   ARGV[4] detail
-- ARGV[5] sequence, or '' for an event without a number
-- answer  {'ok'}, {'gap', number expected}, {'missing'} or {'late', status, attempt}

local id, attempt, kind, detail, sequence = unpack(ARGV)
if attempt ~= '' then
  local refused = refusal(id, attempt, nil, 'event ' .. kind)
  if refused then return refused end
else
  attempt = redis.call('HGET', KEYS[1], 'attempt')
  if not attempt then return {'missing'} end
end
if sequence ~= '' then
  local stands, expected = number(id, sequence, 0)
  if stands == 'seen' then return {'ok'} end
  if stands == 'gap' then return {'gap', expected} end
  taken(id, sequence)
end
record(id, kind, attempt, detail)
return {'ok'}
