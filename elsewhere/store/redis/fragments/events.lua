-- record(id, kind, attempt, detail): append to what happened to a task; the newest 1,000 are kept.

local function record(id, kind, attempt, detail)
  redis.call('XADD', keys.task_events(id), 'MAXLEN', 1000, '*',
    'kind', kind, 'attempt', attempt, 'detail', detail)
end
