--! needs ending.lua
--! needs fence.lua
--! needs retry.lua
-- End an attempt, and its task unless its script failed and is to be run again: exactly one writer wins,
-- and may say so again.
--
-- KEYS[1] the task's hash
-- ARGV[1] id   ARGV[2] attempt   ARGV[3] agent   ARGV[4] status   ARGV[5] message   ARGV[6] exit code or ''
-- answer  {'ok', status}, {'missing'} or {'late', status, attempt}

local id, attempt, agent, target, message, exit_code = unpack(ARGV)
local stands = redis.call('HMGET', KEYS[1], 'status', 'attempt', 'agent', 'status_message', 'exit_code', 'retried')
-- The answer to the winner's first call may have been lost.
if stands[1] == target and ended[target] and stands[2] == attempt and stands[3] == agent
  and stands[4] == message and (stands[5] or '') == exit_code then
  return {'ok', target}
end
local mark = attempt .. ' ' .. agent .. ' ' .. exit_code
if target == 'failed' and stands[6] == mark then return {'ok', 'queued'} end
local refused = refusal(id, attempt, agent, 'outcome ' .. target)
if refused then return refused end
-- Only a script that ended by itself has an exit code: what never ran would not run the next time.
if target == 'failed' and exit_code ~= '' and may_retry(id) then
  retry(id, attempt, message)
  redis.call('HSET', KEYS[1], 'retried', mark)
  return {'ok', 'queued'}
end
end_task(id, target, message, exit_code)
return {'ok', target}
