--! needs ending.lua
--! needs fence.lua
-- End an attempt and its task: exactly one writer wins, and may say so again.
--
-- KEYS[1] the task's hash
-- ARGV[1] id   ARGV[2] attempt   ARGV[3] agent   ARGV[4] status   ARGV[5] message   ARGV[6] exit code or ''
-- answer  {'ok', status}, {'missing'} or {'late', status, attempt}

local id, attempt, agent, target, message, exit_code = unpack(ARGV)
local stands = redis.call('HMGET', KEYS[1], 'status', 'attempt', 'agent', 'status_message', 'exit_code')
-- The answer to the winner's first call may have been lost.
if stands[1] == target and ended[target] and stands[2] == attempt and stands[3] == agent
  and stands[4] == message and (stands[5] or '') == exit_code then
  return {'ok', target}
end
local refused = refusal(id, attempt, agent, 'outcome ' .. target)
if refused then return refused end
end_task(id, target, message, exit_code)
return {'ok', target}
