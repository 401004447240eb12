-- What tasks need, what agents offer, and whether the one fits the other.
--
-- An offer in words: GPUs that nobody uses; bytes of the machine's memory, 0 for unknown; 1 where there
-- is a place for a task that asks for no GPU, 2 where that is given one all the same, else 0; bytes to be
-- had of each GPU's memory, joined by commas, or '-'; tags, as many as there are.
--
-- parse_needs(words): what `encode_needs` made (elsewhere/store/redis/record.py)
-- offer(words): such words as a table
-- fits(needs, offer)
-- withhold(offer, capacity, needs): take out of an offer what would delay a task with these needs
-- nothing(offer): nothing fits any more

local function parse_needs(words)
  local next_word = string.gmatch(words, '%S+')
  local gpus = next_word()
  local count, each = string.match(gpus, '^(%d+)%*(%d+)$')
  local needs = {gpus = tonumber(count or gpus), gpu_memory = tonumber(each or 0), memory = tonumber(next_word()),
    tags = {}}
  for tag in next_word do needs.tags[#needs.tags + 1] = tag end
  return needs
end

local function offer(words)
  local next_word = string.gmatch(words, '%S+')
  local offered = {gpus = tonumber(next_word()), memory = tonumber(next_word()), gpu_memory = {}, tags = {}}
  local place = next_word()
  offered.without_gpus, offered.lends_gpus = place ~= '0', place == '2'
  offered.memory_known = offered.memory > 0
  for bytes in string.gmatch(next_word(), '%d+') do
    offered.gpu_memory[#offered.gpu_memory + 1] = tonumber(bytes)
  end
  for tag in next_word do offered.tags[tag] = true end
  return offered
end

local function fits_gpus(needs, offered)
  if needs.gpu_memory > 0 then
    local count = 0
    for _, bytes in ipairs(offered.gpu_memory) do
      if bytes >= needs.gpu_memory then count = count + 1 end
    end
    return count >= needs.gpus
  end
  if needs.gpus > 0 then return offered.gpus >= needs.gpus end
  return offered.without_gpus
end

local function fits(needs, offered)
  if not fits_gpus(needs, offered) then return false end
  if offered.memory_known and needs.memory > offered.memory then return false end
  for _, tag in ipairs(needs.tags) do
    if not offered.tags[tag] then return false end
  end
  return true
end

-- How long anything runs nobody knows: whatever is given away now may be missing when the rest comes
-- free. So all GPUs are withheld from what stands behind a task that needs some.
local function withhold(offered, capacity, needs)
  if needs.gpus > 0 or capacity.lends_gpus then
    offered.gpus, offered.gpu_memory = 0, {}
    if offered.lends_gpus then offered.without_gpus = false end
  end
  offered.memory = math.max(0, offered.memory - needs.memory)
end

local function nothing(offered)
  return offered.gpus == 0 and #offered.gpu_memory == 0 and not offered.without_gpus
end
