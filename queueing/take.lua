--! needs claim.lua
-- Take the first task of several queues, in their order, that a slot can run.
--
-- ARGV[1] agent   ARGV[2] lease in milliseconds   ARGV[3] GPUs offered   ARGV[4] bytes of memory offered,
-- 0 for unknown   ARGV[5] tags offered, as words   ARGV[6] token of this take, or ''
-- ARGV[7] newest schema that the taker reads   ARGV[8..] names of the queues
-- answer  {id, {field, value, ...}} of the claimed task, or nil when nothing fits
--
-- Ids of tasks that are gone or are not queued any more are dropped on the way; tasks that a newer
-- version wrote are left for agents of that. A queue is read in
-- windows, so that finding a fitting task at its head costs little however long it is.

local WINDOW = 128
local agent, lease_ms, token, reads = ARGV[1], tonumber(ARGV[2]), ARGV[6], tonumber(ARGV[7])
local gpus, memory = tonumber(ARGV[3]), tonumber(ARGV[4])
local tags = {}
for tag in string.gmatch(ARGV[5], '%S+') do tags[tag] = true end

local function fits(needs)
  local words = string.gmatch(needs, '%S+')
  if tonumber(words()) > gpus then return false end
  local bytes = tonumber(words())
  if memory > 0 and bytes > memory then return false end
  for tag in words do
    if not tags[tag] then return false end
  end
  return true
end

local function first_fitting(queue)
  local line, start = keys.rq_queue(queue), 0
  while true do
    local ids = redis.call('LRANGE', line, start, start + WINDOW - 1)
    if #ids == 0 then return nil end
    start = start + #ids
    for _, id in ipairs(ids) do
      local status, needs, schema = unpack(redis.call('HMGET', keys.task(id), 'status', 'needs', 'schema'))
      if status ~= 'queued' then
        -- Not ours, or it went another way: what stands behind it moves up by what leaves.
        start = start - redis.call('LREM', line, 0, id)
      elseif tonumber(schema or 1) <= reads and fits(needs) then
        return id
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
for index = 8, #ARGV do
  local queue = ARGV[index]
  if redis.call('SISMEMBER', keys.QUEUES_PAUSED, queue) == 0 then
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
