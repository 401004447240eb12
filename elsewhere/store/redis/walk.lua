--! needs conditions.lua
-- One window of a sorted set, from a score on, and what of it fulfils a query's conditions.
--
-- ARGV[1] the set   ARGV[2] '1' from the largest score on   ARGV[3] score to begin at
-- ARGV[4] members of that score that were looked at   ARGV[5] members to look at   ARGV[6..] the conditions
-- answer  {score of the last member, members of that score looked at by now, id, ...}; {} at the end

local set, reverse, from, passed, count = ARGV[1], ARGV[2] == '1', ARGV[3], tonumber(ARGV[4]), ARGV[5]
local window
if reverse then
  window = redis.call('ZRANGE', set, from, '-inf', 'BYSCORE', 'REV', 'LIMIT', passed, count, 'WITHSCORES')
else
  window = redis.call('ZRANGE', set, from, '+inf', 'BYSCORE', 'LIMIT', passed, count, 'WITHSCORES')
end
if #window == 0 then return {} end
local ids, last, same = {}, window[#window], 0
for at = 1, #window, 2 do
  ids[#ids + 1] = window[at]
  if window[at + 1] == last then same = same + 1 end
end
if last == from then same = same + passed end
return {last, same, unpack((fulfilling(ids, 6)))}
