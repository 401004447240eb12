--! needs claim.lua
-- Take the first task of several queues, in their order, that a slot can run.
--
-- ARGV[1] agent   ARGV[2] lease in milliseconds   ARGV[3] GPUs offered   ARGV[4] bytes of memory offered,
-- 0 for unknown   ARGV[5] tags offered, as words   ARGV[6..] names of the queues
-- answer  {id, {field, value, ...}} of the claimed task, or nil when nothing fits
--
-- Ids of tasks that are gone or are not queued any more are dropped on the way. A queue is read in
-- windows, so that finding a fitting task at its head costs little however long it is.

local WINDOW = 128
local agent, lease_ms = ARGV[1], tonumber(ARGV[2])
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
      local status, needs = unpack(redis.call('HMGET', keys.task(id), 'status', 'needs'))
      if status ~= 'queued' then
        -- Not ours, or it went another way: what stands behind it moves up by what leaves.
        start = start - redis.call('LREM', line, 0, id)
      elseif fits(needs) then
        return id
      end
    end
  end
end

for index = 6, #ARGV do
  local queue = ARGV[index]
  if redis.call('SISMEMBER', keys.QUEUES_PAUSED, queue) == 0 then
    local id = first_fitting(queue)
    if id then
      redis.call('LREM', keys.rq_queue(queue), 0, id)
      return {id, claim(id, queue, agent, lease_ms)}
    end
  end
end
return nil
