--! needs fence.lua
--! needs index.lua
--! needs numbers.lua
-- Change what is set by hand of a task. Each field is replaced alone and lists are merged here, so that
-- edits made at the same time all count.
--
-- KEYS[1] the task's hash
-- ARGV[1] id   ARGV[2] attempt or ''   ARGV[3] sequence, or '' for a write without a number
-- ARGV[4] '1' where only a draft may be changed so   ARGV[5] tags that replace all, or ''
-- ARGV[6] tags to remove   ARGV[7] tags to add   ARGV[8], ARGV[9] system tags likewise
-- ARGV[10] fields to drop   (all lists are JSON)   ARGV[11..] fields and values to set
-- answer  {'ok', {field, value, ...}}, {'refused', status}, {'gap', number expected}, {'missing'}
-- or {'late', status, attempt}

local id, attempt, sequence, drafts_only, tags = unpack(ARGV, 1, 5)
local status = redis.call('HGET', KEYS[1], 'status')
if not status then return {'missing'} end
if attempt ~= '' then
  local refused = refusal(id, attempt, nil, 'edit')
  if refused then return refused end
end
if sequence ~= '' then
  local stands, expected = number(id, sequence, 0)
  if stands == 'seen' then return {'ok', redis.call('HGETALL', KEYS[1])} end
  if stands == 'gap' then return {'gap', expected} end
end
if drafts_only == '1' and status ~= 'created' then return {'refused', status} end
if sequence ~= '' then taken(id, sequence) end

-- The words of a field without some and with others, each once, in order.
local function merge(field, replaced, removed, added)
  local words = replaced or cjson.decode(redis.call('HGET', KEYS[1], field) or '[]')
  local left, merged = {}, {}
  for _, word in ipairs(removed) do left[word] = true end
  local function take(word)
    if not left[word] then
      left[word] = true
      merged[#merged + 1] = word
    end
  end
  for _, word in ipairs(words) do take(word) end
  for _, word in ipairs(removed) do left[word] = nil end
  for _, word in ipairs(merged) do left[word] = true end
  for _, word in ipairs(added) do take(word) end
  if #merged == 0 then
    redis.call('HDEL', KEYS[1], field)
  else
    redis.call('HSET', KEYS[1], field, cjson.encode(merged))
  end
end

local found_by = {name = true, project = true, type = true, parent = true}
local dropped = cjson.decode(ARGV[10])
local removed, added = cjson.decode(ARGV[6]), cjson.decode(ARGV[7])
local removed_system, added_system = cjson.decode(ARGV[8]), cjson.decode(ARGV[9])
local retags = tags ~= '' or #removed + #added > 0
local retags_system = #removed_system + #added_system > 0
local moves = retags or retags_system
for _, field in ipairs(dropped) do moves = moves or found_by[field] end
for at = 11, #ARGV, 2 do moves = moves or found_by[ARGV[at]] end

if moves then unindex(id) end
for _, field in ipairs(dropped) do redis.call('HDEL', KEYS[1], field) end
for at = 11, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1]) end
if retags then merge('tags', tags ~= '' and cjson.decode(tags), removed, added) end
if retags_system then merge('system_tags', nil, removed_system, added_system) end
touch(id)
if moves then index(id) end
if redis.call('EXISTS', keys.rq_job(id)) == 1 then
  local project, name = unpack(redis.call('HMGET', KEYS[1], 'project', 'name'))
  redis.call('HSET', keys.rq_job(id), 'description', project .. '/' .. name)
end
return {'ok', redis.call('HGETALL', KEYS[1])}
