--! needs fence.lua
--! needs requeue.lua
-- Give an attempt back unrun: the task goes on as if the attempt had never been taken.
--
-- KEYS[1] the task's hash
-- ARGV[1] id   ARGV[2] attempt   ARGV[3] agent   ARGV[4] reason
-- answer  {'ok', status after the call}, {'missing'} or {'late', status, attempt}

local id, attempt, agent, reason = unpack(ARGV)
local refused = refusal(id, attempt, agent, 'giving back')
if refused then return refused end
let_go(id, 'attempt ' .. attempt .. ' was given back by ' .. agent .. ' (' .. reason .. ')')
return {'ok', redis.call('HGET', KEYS[1], 'status')}
