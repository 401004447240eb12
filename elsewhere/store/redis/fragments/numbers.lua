-- One line of numbers an attempt: log chunks, events and parameters are numbered together, from 1 on,
-- so that what was sent again after a lost answer is known, whatever it is.
--
-- number(id, sequence, skipped): 'next' when `sequence` comes next, `skipped` numbers before it having
-- been given up by the writer; 'seen' when it was taken before; else 'gap' and the number expected.
-- A writer may have given up numbers that had arrived, their answers lost: that is no gap.
-- taken(id, sequence): the number is used up.

local function number(id, sequence, skipped)
  local expected = tonumber(redis.call('HGET', keys.task(id), 'log_sequence')) + 1
  if tonumber(sequence) < expected then return 'seen' end
  if tonumber(sequence) - tonumber(skipped) > expected then return 'gap', expected end
  return 'next'
end

local function taken(id, sequence)
  redis.call('HSET', keys.task(id), 'log_sequence', sequence)
end
