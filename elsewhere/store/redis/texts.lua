-- Names and comments of tasks, for patterns to be searched in.
--
-- ARGV[1..] ids
-- answer  {name, comment, name, comment, ...}; '' for what is not there

local texts = {}
for _, id in ipairs(ARGV) do
  local name, comment = unpack(redis.call('HMGET', keys.task(id), 'name', 'comment'))
  texts[#texts + 1] = name or ''
  texts[#texts + 1] = comment or ''
end
return texts
