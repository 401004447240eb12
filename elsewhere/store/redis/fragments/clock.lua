-- The server's clock, read once: everything that one run of a script writes bears the same time.
--
-- now          seconds since the epoch as text with six decimals
-- now_ms       milliseconds since the epoch, a number
-- utc(seconds) text of seconds since the epoch as RQ writes times, 2026-01-31T12:00:00.000000Z

local clock = redis.call('TIME')
local now = string.format('%s.%06d', clock[1], tonumber(clock[2]))
local now_ms = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)

local function utc(seconds)
  local whole, micro = string.match(seconds, '^(%d+)%.(%d+)$')
  whole = tonumber(whole)
  local day, rest = math.floor(whole / 86400), whole % 86400
  -- Days to a civil date, with years that begin in March so that leap days come last.
  local shifted = day + 719468
  local era = math.floor(shifted / 146097)
  local of_era = shifted - era * 146097
  local year_of_era = math.floor((of_era - math.floor(of_era / 1460) + math.floor(of_era / 36524)
    - math.floor(of_era / 146096)) / 365)
  local of_year = of_era - (365 * year_of_era + math.floor(year_of_era / 4) - math.floor(year_of_era / 100))
  local march = math.floor((5 * of_year + 2) / 153)
  local month = march < 10 and march + 3 or march - 9
  local year = year_of_era + era * 400 + (month <= 2 and 1 or 0)
  return string.format('%04d-%02d-%02dT%02d:%02d:%02d.%sZ', year, month,
    of_year - math.floor((153 * march + 2) / 5) + 1,
    math.floor(rest / 3600), math.floor(rest % 3600 / 60), rest % 60, micro)
end
