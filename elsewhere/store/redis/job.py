"""A task as an RQ 3.0 job: made without RQ, so that a desk needs none of it.

``tests/queueing/test_rq.py`` holds these fields against RQ's own.
"""

from __future__ import annotations

import json
import zlib

FUNCTION = "elsewhere.run_by_agent"
"""A function that is nowhere: a stock RQ worker that takes the job fails it and runs nothing."""


def job_fields(task_id: str) -> dict[str, str | bytes | int]:
    """The fields of the RQ job's hash that do not change with the task's moves.

    ``enqueue.lua`` adds description and ``created_at``, the moves add status, queue and times.
    The call is JSON, which RQ reads with its ``JSONSerializer``; nothing is ever unpickled.
    """
    call = json.dumps([FUNCTION, None, [task_id], {}])
    return {
        "data": zlib.compress(call.encode()),
        "timeout": -1,
        "result_ttl": -1,
        "failure_ttl": -1,
        "success_callback_name": "",
        "failure_callback_name": "",
        "stopped_callback_name": "",
        "group_id": "",
    }
