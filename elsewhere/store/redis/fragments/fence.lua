--! needs events.lua
-- The fence: who may write on behalf of an attempt.
--
-- refusal(id, attempt, agent, what): nil when `attempt` of the task runs right now (and is
-- `agent`'s, unless agent is nil), else the answer to give: {'missing'} or {'late', status, attempt}.
-- The status counts too: between the loss of an attempt and the next claim its number is still the
-- newest. A refused write is recorded once, not for each repetition.

local function refusal(id, attempt, agent, what)
  local stands = redis.call('HMGET', keys.task(id), 'status', 'attempt', 'agent')
  if not stands[1] then return {'missing'} end
  if stands[1] == 'in_progress' and stands[2] == attempt and (agent == nil or stands[3] == agent) then
    return nil
  end
  local newest = redis.call('XREVRANGE', keys.task_events(id), '+', '-', 'COUNT', 1)[1]
  if not (newest and newest[2][2] == 'late_write_refused' and newest[2][4] == attempt) then
    record(id, 'late_write_refused', attempt, what)
  end
  return {'late', stands[1], stands[2]}
end
