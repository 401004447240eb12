"""A run that becomes a draft: the task itself, or a copy of it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from elsewhere.contract.errors import IllegalMove
from elsewhere.contract.status import Status
from elsewhere.desk.capturing import captured
from elsewhere.desk.store_sink import as_new, renew
from elsewhere.face.stores import the_store
from elsewhere.store.deliver import deliver
from elsewhere.store.identity import new_id
from elsewhere.submission import insist

if TYPE_CHECKING:
    from collections.abc import Iterable

    from elsewhere.contract.task import NewTask, TaskRecord
    from elsewhere.contract.write import ConfigurationSet
    from elsewhere.desk.run import Run
    from elsewhere.desk.started import Started
    from elsewhere.store.protocol import Store
    from elsewhere.wish import Wish


class Drafted(NamedTuple):
    """A run that is ready to be queued."""

    record: TaskRecord
    store: Store
    notes: tuple[str, ...]
    """What the capture has to say, for the person at the desk."""


def draft(run: Run, started: Started, wish: Wish | None, *, copy: bool) -> Drafted:
    """Capture a run as it is now, and make a draft of it: a copy, or the very task.

    Raises:
        CaptureError: it cannot be captured.
        ServerUnreachable: no server answers.
        IllegalMove: somebody else has taken the task.
    """
    store = the_store()
    found = run.found()
    # Nothing is sent meanwhile: least of all the task itself, where it was not yet.
    with run.courier.paused():
        what = captured(started, wish)
        record, configurations = run.contents()
        new = replace(as_new(record), spec=what.spec)
        if copy:
            new = replace(new, parent=found.id)
            made = new_draft(store, new, what.payloads, configurations, task_id=new_id())
        else:
            keeps = found.how == "continue"
            made = own_draft(store, new, what.payloads, configurations, task_id=found.id, keeps_results=keeps)
            run.retire()
    return Drafted(made, store, what.notes)


def new_draft(
    store: Store,
    new: NewTask,
    payloads: Iterable[bytes],
    configurations: Iterable[ConfigurationSet],
    *,
    task_id: str,
) -> TaskRecord:
    """Make a draft of that id. Answers that are lost are asked for again.

    Raises:
        ServerUnreachable: the store does not answer any more.
    """
    for payload in payloads:
        insist(partial(store.put_blob, payload))
    insist(lambda: store.create(new, task_id=task_id))
    for configuration in configurations:
        insist(partial(deliver, store, task_id, configuration))
    return insist(lambda: store.get(task_id))


def own_draft(
    store: Store,
    new: NewTask,
    payloads: Iterable[bytes],
    configurations: Iterable[ConfigurationSet],
    *,
    task_id: str,
    keeps_results: bool,
) -> TaskRecord:
    """Make the run's own task a draft, wherever it stands; else as ``new_draft``.

    Raises:
        IllegalMove: somebody else has taken it.
    """
    for payload in payloads:
        insist(partial(store.put_blob, payload))
    stands = insist(lambda: store.create(new, task_id=task_id))
    while stands.status is not Status.CREATED:
        target = Status.CREATED if stands.status.ended else Status.CLOSED
        stands = insist(partial(_moved, store, stands, target, keeps_results))
    insist(lambda: renew(store, stands, new))
    for configuration in configurations:
        insist(partial(deliver, store, task_id, configuration))
    return insist(lambda: store.get(task_id))


def _moved(store: Store, stands: TaskRecord, target: Status, keeps_results: bool) -> TaskRecord:
    try:
        return store.move(stands.id, target, expected=stands.status, keeps_results=keeps_results)
    except IllegalMove:
        now = store.get(stands.id)
        if now.status is stands.status:
            raise
        return now  # it was moved by a call whose answer was lost
