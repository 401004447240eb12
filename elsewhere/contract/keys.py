"""Every Redis key that Elsewhere reads or writes, and what it holds.

Our own keys begin with ``elsewhere:``. Those that begin with ``rq:`` belong to RQ's
data model: we keep them truthful so that ``rq info`` and RQ's dashboards agree with
``agent list``. One server holds one installation; Redis Cluster is not supported,
because a claim touches keys of several queues in one script.
"""

from __future__ import annotations

TASKS = "elsewhere:tasks"
"""Sorted set: every task's id, scored by the server's time of its creation (seconds)."""

TASK_IDS = "elsewhere:task_ids"
"""Sorted set: every task's id with score 0, so that a prefix is looked up by range."""

UPDATED = "elsewhere:index:updated"
"""Sorted set: id of every task that stands in the indexes, scored by its last change (seconds).

The indexes are sorted sets of ids, named ``indexed_…`` below, one for each value that queries
ask for. They are scored by creation, which never changes, so that a move touches two of them and
this set, and any of them gives a page in that order by itself; another order comes from this set
or ``NAMES``. Nothing but the tasks' hashes is the truth: a task that is in ``TASKS`` and not here
was stored by a version that knew no indexes, and is indexed when somebody next asks.
"""

NAMES = "elsewhere:index:names"
"""Sorted set, all scored 0: name, a zero byte and id of every indexed task."""

LEASES = "elsewhere:leases"
"""Sorted set: ids of leased tasks, scored by the end of the lease (server's time, milliseconds)."""

ACCEPTED = "elsewhere:accepted"
"""Set: ids of the tasks that are queued, or in progress under an agent."""

SERVER_RUN = "elsewhere:server_run"
"""String: ``run_id`` of the server as the last reaping saw it, so that a restart is noticed."""

QUEUES_PAUSED = "elsewhere:queues:paused"
"""Set: names of queues that nobody takes from until they are resumed."""

AGENTS = "elsewhere:agents"
"""Sorted set: names of agents, scored by their last sign of life (server's time, milliseconds)."""

RQ_QUEUES = "rq:queues"
"""RQ, set: the key of every queue that ever held a job."""

RQ_WORKERS = "rq:workers"
"""RQ, set: the key of every registered worker; each agent registers as one."""


def task(task_id: str) -> str:
    """Hash: the task itself.

    Fields: ``project name status status_message spec parameters overrides attempt
    lost_attempts agent queue exit_code created started ended stop``, and ``needs`` (a copy
    of the spec's, so that a claim need not decode specs), ``schema`` (version of what is encoded
    here: an agent leaves tasks of a newer one to agents that can read them), ``log_sequence`` (number of
    the newest thing that the current attempt wrote, whatever it is) and ``lease_ms`` (length of
    the newest lease). ``terms`` is there where they are not the usual ones, and of them
    ``priority run_at parents retries backoff`` as scripts read them. ``retries_used``,
    ``retried`` (``ATTEMPT AGENT EXIT_CODE`` of the newest attempt that was followed by a retry)
    and ``waits_for`` (``until SECONDS`` or ``parents COUNT ONE_OF_THEM``; without it, a queued
    task stands in its queue) come with the moves; so does ``passed_over`` (milliseconds: since when
    agents that could run it have had no room and taken others), until the task leaves its place.
    Times are seconds with six decimals, by the server's clock; an absent field is None.

    What tasks are found and described by: ``type comment parent progress updated``, ``tags`` and
    ``system_tags`` (JSON lists), and a field for each property (``property:NAME``) and for
    what is known of each parameter (``about:SECTION/KEY``), both JSON, so that edits of
    different ones never meet. All of these may be absent.
    """
    return f"elsewhere:task:{task_id}"


def indexed_project(project: str) -> str:
    """Sorted set: ids of the tasks of exactly that project, scored by creation."""
    return f"elsewhere:index:project:{project}"


def indexed_below(project: str) -> str:
    """Sorted set: ids of the tasks of all sub-projects of that project, scored by creation."""
    return f"elsewhere:index:below:{project}"


def indexed_status(status: str) -> str:
    """Sorted set: ids of the tasks of that status, scored by creation."""
    return f"elsewhere:index:status:{status}"


def indexed_type(kind: str) -> str:
    """Sorted set: ids of the tasks of that type, scored by creation."""
    return f"elsewhere:index:type:{kind}"


def indexed_tag(tag: str) -> str:
    """Sorted set: ids of the tasks with that tag, scored by creation."""
    return f"elsewhere:index:tag:{tag}"


def indexed_system_tag(tag: str) -> str:
    """Sorted set: ids of the tasks with that system tag, scored by creation."""
    return f"elsewhere:index:system_tag:{tag}"


def indexed_parent(task_id: str) -> str:
    """Sorted set: ids of the tasks that came of that one, scored by creation."""
    return f"elsewhere:index:parent:{task_id}"


def task_configurations(task_id: str) -> str:
    """Hash: the task's configurations under their names, as the codec writes them."""
    return f"elsewhere:task:{task_id}:configurations"


def task_log(task_id: str) -> str:
    """Stream: the log. Fields of an entry: ``k`` kind, ``a`` attempt, ``d`` data."""
    return f"elsewhere:task:{task_id}:log"


def task_log_size(task_id: str) -> str:
    """Hash: the account of the log stream.

    ``bytes`` held in it; ``cut``: bytes that the cap has removed, up to position ``cut_to``;
    ``live``: position of the live chunk at its end, which the next chunk replaces.
    """
    return f"elsewhere:task:{task_id}:log_size"


def task_events(task_id: str) -> str:
    """Stream of at most 1,000 entries: what happened. Fields: ``kind``, ``attempt``, ``detail``."""
    return f"elsewhere:task:{task_id}:events"


def task_control(task_id: str) -> str:
    """Stream of one entry: rung when the running attempt should look at its lease now."""
    return f"elsewhere:task:{task_id}:control"


def task_built(task_id: str) -> str:
    """String: what the newest attempt's environment really held, as the codec writes it.

    Not a field of the task: it may be long, and tasks are read far more often than it is.
    """
    return f"elsewhere:task:{task_id}:built"


def task_series(task_id: str) -> str:
    """Hash: number of each series of scalars, from 0, under the JSON list of its title and its name."""
    return f"elsewhere:task:{task_id}:series"


def task_series_size(task_id: str) -> str:
    """Hash: the account of all series of a task.

    ``bytes`` held in them; ``beyond``: points of series that were too many, and that were dropped.
    """
    return f"elsewhere:task:{task_id}:series_size"


def series(task_id: str, number: str) -> str:
    """Hash: the account of one series.

    ``bytes`` held in it; ``next``: number of its next chunk; ``count`` of the points reported;
    ``coarsened``: how many of them the cap has removed; ``lowest`` and ``highest`` of its values
    but NaN; ``finite`` ones and their ``total``; ``last``: ``ITERATION VALUE MILLISECONDS``.
    """
    return f"elsewhere:task:{task_id}:series:{number}"


def series_tail(task_id: str, number: str) -> str:
    """String: the newest points of a series, 24 bytes each, until they make a chunk."""
    return f"elsewhere:task:{task_id}:series:{number}:tail"


def series_chunks(task_id: str, number: str) -> str:
    """Hash: the older points, in chunks under numbers that grow with time; some may be missing."""
    return f"elsewhere:task:{task_id}:series:{number}:chunks"


def series_outlines(task_id: str, number: str) -> str:
    """Hash: the outline of each chunk under its number."""
    return f"elsewhere:task:{task_id}:series:{number}:outlines"


def task_parents(task_id: str) -> str:
    """Set: ids of the parents that have not completed yet, while a queued task waits for them."""
    return f"elsewhere:task:{task_id}:parents"


def task_children(task_id: str) -> str:
    """Set: ids of the queued tasks that wait for this one."""
    return f"elsewhere:task:{task_id}:children"


def claim(token: str) -> str:
    """String that expires: ``ID ATTEMPT`` of what the take with this token claimed."""
    return f"elsewhere:claim:{token}"


def task_reserved(task_id: str) -> str:
    """String that expires: name of the agent that keeps room free for this queued task."""
    return f"elsewhere:task:{task_id}:reserved"


def agent_reserved(name: str) -> str:
    """String that expires: id of the queued task that this agent keeps room free for."""
    return f"elsewhere:agent:{name}:reserved"


def blob(sha256: str) -> str:
    """Hash: the bytes with that hash, in pieces of 1 MiB under ``0``, ``1``, …, and their ``size``.

    ``size`` is written last: a blob without it is incomplete.
    """
    return f"elsewhere:blob:{sha256}"


def submission(key: str) -> str:
    """String that expires: id of the task that a submit with this idempotency key made."""
    return f"elsewhere:submission:{key}"


def queue_wake(queue: str) -> str:
    """Stream of one entry: rung when a queue may have something new for a taker."""
    return f"elsewhere:queue:{queue}:wake"


def agent(name: str) -> str:
    """Hash that expires: what an agent tells of itself.

    Fields: ``name host pid queues slots busy gpus gpus_free tags version started state``, and
    ``reserved`` (id of the task that it keeps room free for, or '').
    """
    return f"elsewhere:agent:{name}"


def agent_control(name: str) -> str:
    """Stream of one entry: rung when an agent should look at its state (drain)."""
    return f"elsewhere:agent:{name}:control"


def rq_queue(queue: str) -> str:
    """RQ, list: ids of the tasks that stand in the queue, first to run on the left."""
    return f"rq:queue:{queue}"


def rq_job(task_id: str) -> str:
    """RQ, hash: the task as an RQ job."""
    return f"rq:job:{task_id}"


def rq_scheduled(queue: str) -> str:
    """RQ, sorted set: ids of tasks that wait for their time, scored by it (seconds)."""
    return f"rq:scheduled:{queue}"


def rq_deferred(queue: str) -> str:
    """RQ, sorted set: ids of tasks that wait for parents, scored by when they began to (seconds)."""
    return f"rq:deferred:{queue}"


def rq_started(queue: str) -> str:
    """RQ, sorted set: ``TASK:ATTEMPT`` of running attempts.

    Always scored ``+inf``: RQ's own cleaning (done by ``rq info``) would otherwise fail a
    job whose lease is late, beside our reaper. Leases are in ``LEASES``.
    """
    return f"rq:wip:{queue}"


def rq_finished(queue: str) -> str:
    """RQ, sorted set: ids of completed tasks, scored ``+inf``: RQ's cleaning never drops them."""
    return f"rq:finished:{queue}"


def rq_failed(queue: str) -> str:
    """RQ, sorted set: ids of failed tasks, scored ``+inf``."""
    return f"rq:failed:{queue}"


def rq_canceled(queue: str) -> str:
    """RQ, sorted set: ids of stopped tasks, scored ``+inf``."""
    return f"rq:canceled:{queue}"


def rq_execution(task_id: str, attempt: int) -> str:
    """RQ, hash that expires: one running attempt as an RQ execution."""
    return f"rq:execution:{task_id}:{attempt}"


def rq_executions(task_id: str) -> str:
    """RQ, sorted set: numbers of the running attempts of a task, as RQ execution ids."""
    return f"rq:executions:{task_id}"


def rq_worker(agent_name: str) -> str:
    """RQ, hash that expires: an agent as an RQ worker."""
    return f"rq:worker:{agent_name}"


def rq_workers_of(queue: str) -> str:
    """RQ, set: keys of the agents that serve a queue."""
    return f"rq:workers:{queue}"
