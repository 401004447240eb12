--! needs conditions.lua
-- Those of some tasks that fulfil a query's conditions.
--
-- ARGV[1..] the conditions   and then ids, as many as one call takes
-- answer  ids, in order

local ids = {}
local _, first = fulfilling({}, 1)
for at = first, #ARGV do ids[#ids + 1] = ARGV[at] end
return (fulfilling(ids, 1))
