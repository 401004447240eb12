--! needs clock.lua
-- The indexes that queries read, kept true by whatever changes a task. keys.UPDATED tells what they are.
--
-- set_status(id, status, ...): the task's status and further fields and values of its hash
-- touch(id): something else changed that `updated` tells of
-- index(id): enter a task, as its hash stands
-- unindex(id): take it out, as its hash stands; so before the hash changes

-- Each set that the task belongs into, by its fields, and when it was created.
local function indexes(id)
  local project, status, type, parent, tags, system_tags, created = unpack(redis.call('HMGET', keys.task(id),
    'project', 'status', 'type', 'parent', 'tags', 'system_tags', 'created'))
  local sets = {keys.indexed_project(project), keys.indexed_status(status), keys.indexed_type(type or 'training')}
  local slash = string.find(project, '/', 1, true)
  while slash do
    sets[#sets + 1] = keys.indexed_below(string.sub(project, 1, slash - 1))
    slash = string.find(project, '/', slash + 1, true)
  end
  if parent then sets[#sets + 1] = keys.indexed_parent(parent) end
  for _, tag in ipairs(tags and cjson.decode(tags) or {}) do sets[#sets + 1] = keys.indexed_tag(tag) end
  for _, tag in ipairs(system_tags and cjson.decode(system_tags) or {}) do
    sets[#sets + 1] = keys.indexed_system_tag(tag)
  end
  return sets, created
end

local function index(id)
  local sets, created = indexes(id)
  for _, set in ipairs(sets) do redis.call('ZADD', set, created, id) end
  local name, updated = unpack(redis.call('HMGET', keys.task(id), 'name', 'updated'))
  redis.call('ZADD', keys.NAMES, 0, name .. '\0' .. id)
  redis.call('ZADD', keys.UPDATED, updated, id)
end

local function unindex(id)
  for _, set in ipairs((indexes(id))) do redis.call('ZREM', set, id) end
  redis.call('ZREM', keys.NAMES, redis.call('HGET', keys.task(id), 'name') .. '\0' .. id)
  redis.call('ZREM', keys.UPDATED, id)
end

local function touch(id)
  redis.call('HSET', keys.task(id), 'updated', now)
  redis.call('ZADD', keys.UPDATED, 'XX', now, id)
end

local function set_status(id, status, ...)
  local task = keys.task(id)
  local before, created = unpack(redis.call('HMGET', task, 'status', 'created'))
  redis.call('HSET', task, 'status', status, 'updated', now, ...)
  -- One from before the indexes: they lack it wholly.
  if not redis.call('ZSCORE', keys.UPDATED, id) then return index(id) end
  redis.call('ZADD', keys.UPDATED, now, id)
  if before ~= status then
    redis.call('ZREM', keys.indexed_status(before), id)
    redis.call('ZADD', keys.indexed_status(status), created, id)
  end
end
