-- forget_series(id): a task has no series any more. Freed in the background: they may be large.

local function forget_series(id)
  for _, number in ipairs(redis.call('HVALS', keys.task_series(id))) do
    redis.call('UNLINK', keys.series(id, number), keys.series_tail(id, number),
      keys.series_chunks(id, number), keys.series_outlines(id, number))
  end
  redis.call('DEL', keys.task_series(id), keys.task_series_size(id))
end
