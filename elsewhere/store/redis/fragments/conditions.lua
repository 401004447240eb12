-- What a query asks of the indexes, as words of ARGV from `first` on: how many groups; for each, how many
-- sets, and their keys; how many sets a task may not be in, and their keys. A task is in one set of each
-- group at least.
--
-- fulfilling(ids, first): those of the ids that fulfil it, in order, and where ARGV goes on

local function fulfilling(ids, first)
  local at = first + 1
  local function narrow(wanted)
    local last, inside, left = at + tonumber(ARGV[at]), {}, {}
    for key = at + 1, last do
      if #ids == 0 then break end
      for place, score in ipairs(redis.call('ZMSCORE', ARGV[key], unpack(ids))) do
        if score then inside[place] = true end
      end
    end
    for place, id in ipairs(ids) do
      if (inside[place] or false) == wanted then left[#left + 1] = id end
    end
    ids, at = left, last + 1
  end
  for _ = 1, tonumber(ARGV[first]) do narrow(true) end
  narrow(false)
  return ids, at
end
