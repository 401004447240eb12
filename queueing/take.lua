--! needs claim.lua
--! needs fits.lua
-- Take the first task of several queues, in their order, that an agent has room for.
--
-- ARGV[1] agent   ARGV[2] lease in milliseconds   ARGV[3] token of this take, or ''
-- ARGV[4] newest schema that the taker reads
-- ARGV[5] what is free, as an offer in words (fits.lua)
-- ARGV[6] what is free when the agent runs nothing, likewise; '' keeps room for no task
-- ARGV[7] milliseconds for which a task is passed over before room is kept for it
-- ARGV[8] '1' to keep room from the tasks of all queues, '' from those behind the task
-- ARGV[9..] names of the queues
-- answer  {id, {field, value, ...}} of the claimed task, or nil when nothing fits
--
-- Ids of tasks that are gone or are not queued any more are dropped on the way; tasks that a newer
-- version wrote are left for agents of that. A queue is read in windows, so that finding a fitting
-- task at its head costs little however long it is.
--
-- A task that needs more than is free now, but not more than the agent ever has, would be passed
-- over for ever by small ones that never let enough come free together. So the first of them that
-- has been passed over for long is reserved: its name stands under the agent's and the agent's under
-- its own, until a lease's time after the last take that came across it, and what it needs is withheld
-- from the tasks behind it. Another agent that finds it reserved passes it over as before, or takes it.

local WINDOW = 128
local agent, lease_ms, token, reads = ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
local free = offer(ARGV[5])
local capacity = ARGV[6] ~= '' and offer(ARGV[6])
local after_ms, everywhere = tonumber(ARGV[7]), ARGV[8] == '1'
local serves = {}
for index = 9, #ARGV do
  serves[ARGV[index]] = redis.call('SISMEMBER', keys.QUEUES_PAUSED, ARGV[index]) == 0
end

local reserved, considered = false, false
-- What was found of needs, since many tasks have the same.
local fitting = {}

local function fits_now(words)
  if fitting[words] == nil then fitting[words] = fits(parse_needs(words), free) end
  return fitting[words]
end

-- The task that this agent keeps room for since an earlier take.
local mine = capacity and redis.call('GET', keys.agent_reserved(agent))
if mine and redis.call('GET', keys.task_reserved(mine)) ~= agent then mine = nil end

local function reserve(id, words)
  redis.call('SET', keys.task_reserved(id), agent, 'PX', lease_ms)
  redis.call('SET', keys.agent_reserved(agent), id, 'PX', lease_ms)
  withhold(free, capacity, parse_needs(words))
  reserved, fitting = true, {}
end

-- The task has no room now. Would it have some, did nothing else run: shall that be kept from here on?
-- One task at a time, so of those that nobody keeps room for the first alone.
local function pass_over(id, words)
  if considered and id ~= mine or not fits(parse_needs(words), capacity) then return end
  if id == mine then return reserve(id, words) end
  -- One agent that keeps room for it is enough.
  if redis.call('EXISTS', keys.task_reserved(id)) == 1 then return end
  considered = true
  redis.call('HSETNX', keys.task(id), 'passed_over', now_ms)
  if now_ms - tonumber(redis.call('HGET', keys.task(id), 'passed_over')) >= after_ms then reserve(id, words) end
end

-- Keep the room that is kept for a task, from the first queue on.
local function keep_reserved()
  local status, queue, words = unpack(redis.call('HMGET', keys.task(mine), 'status', 'queue', 'needs'))
  if status ~= 'queued' or not serves[queue] then return end
  if fits(parse_needs(words), capacity) and not fits_now(words) then reserve(mine, words) end
end

local function first_fitting(queue)
  local line, start = keys.rq_queue(queue), 0
  while not nothing(free) do
    local ids = redis.call('LRANGE', line, start, start + WINDOW - 1)
    if #ids == 0 then return nil end
    start = start + #ids
    for _, id in ipairs(ids) do
      local status, words, schema = unpack(redis.call('HMGET', keys.task(id), 'status', 'needs', 'schema'))
      if status ~= 'queued' then
        -- Not ours, or it went another way: what stands behind it moves up by what leaves.
        start = start - redis.call('LREM', line, 0, id)
      elseif tonumber(schema or 1) <= reads then
        if fits_now(words) then return id end
        if capacity and not reserved then pass_over(id, words) end
      end
    end
  end
end

-- What an earlier call with this token claimed, if its answer was lost and the claim still stands.
local function claimed_before()
  local id, attempt = string.match(redis.call('GET', keys.claim(token)) or '', '^(%S+) (%S+)$')
  if not id then return nil end
  local stands = redis.call('HMGET', keys.task(id), 'status', 'attempt', 'agent')
  if stands[1] ~= 'in_progress' or stands[2] ~= attempt or stands[3] ~= agent then return nil end
  redis.call('ZADD', keys.LEASES, now_ms + lease_ms, id)
  return {id, redis.call('HGETALL', keys.task(id))}
end

if token ~= '' then
  local before = claimed_before()
  if before then return before end
end
if mine and everywhere then keep_reserved() end
for index = 9, #ARGV do
  local queue = ARGV[index]
  if serves[queue] then
    local id = first_fitting(queue)
    if id then
      redis.call('LREM', keys.rq_queue(queue), 0, id)
      local fields = claim(id, queue, agent, lease_ms)
      if token ~= '' then
        local attempt = redis.call('HGET', keys.task(id), 'attempt')
        redis.call('SET', keys.claim(token), id .. ' ' .. attempt, 'PX', lease_ms)
      end
      return {id, fields}
    end
  end
end
return nil
