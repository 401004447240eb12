from __future__ import annotations

import contextlib
import dataclasses
import queue
import threading
from collections.abc import Iterator

import pytest

from elsewhere.contract.errors import (
    AmbiguousTask,
    IllegalMove,
    LateWrite,
    SchemaError,
    TaskNotFound,
    UsageError,
)
from elsewhere.contract.series import Points, Scalars
from elsewhere.contract.spec import Blob, Entry, Image, Needs, Packages, RecordedFile, Source, TaskSpec
from elsewhere.contract.status import LEGAL_MOVES, Status
from elsewhere.contract.task import NewTask, StopRequest, TaskRecord
from elsewhere.store.protocol import Store

NOBODY = "0" * 32


def test_a_new_task_is_a_draft_that_holds_what_the_desk_sent(store: Store, new: NewTask) -> None:
    task = store.create(new)
    assert (task.project, task.name, task.status, task.attempt) == ("digits", "svm", Status.CREATED, 0)
    assert (task.spec, task.parameters) == (new.spec, {"Args/C": 0.5})
    assert task.created > 0
    assert (task.agent, task.queue, task.exit_code, task.started, task.ended, task.stop) == (None,) * 6
    assert store.get(task.id) == task


def test_every_field_of_a_spec_comes_back_as_it_was_sent(store: Store) -> None:
    spec = TaskSpec(
        Entry("a/ü.py", "module", "sub dir", ("", "--x", "line\nbreak", "\x00")),
        Source("https://h/r.git", "c" * 40, None, "f" * 40, Blob("a" * 64, 2**40), None, Blob("b" * 64, 0)),
        Packages("3.11.7", ("numpy==2.0",), (), (RecordedFile("requirements.txt", "d" * 64),)),
        Image("cuda:12", (), "apt-get update\n"),
        Needs(2, ("a100", "big disk", "50%"), 2**36 + 1),
    )
    parameters = {"A/empty": [], "A/object": {}, "A/long": 2**60 + 1, "A/float": 0.1, "A/none": None}
    task = store.get(store.create(NewTask("p", "n", spec, parameters, ("A/long",))).id)
    assert (task.spec, task.parameters, task.overrides) == (spec, parameters, ("A/long",))


def test_a_submission_makes_one_task_however_often_it_is_repeated(store: Store, new: NewTask) -> None:
    first = store.create(new, submission="key")
    assert store.create(new, submission="key").id == first.id
    assert store.create(new, submission="other").id != first.id
    assert len(store.newest()) == 2


def test_racing_submissions_with_one_key_make_one_task(store: Store, new: NewTask) -> None:
    made: list[str] = []
    threads = [
        threading.Thread(target=lambda: made.append(store.create(new, submission="k").id)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 8
    assert len(set(made)) == 1


def test_a_retried_submit_makes_one_task_that_stands_in_its_queue_once(store: Store, new: NewTask) -> None:
    for _ in range(3):
        task = store.create(new, submission="key")
        assert store.enqueue(task.id, "q") == 0
    assert [task.status for task in store.newest()] == [Status.QUEUED]
    assert store.enqueue(store.create(new).id, "q") == 1


def test_a_value_that_cannot_be_stored_is_refused_by_name(store: Store, new: NewTask) -> None:
    bad = dataclasses.replace(new, parameters={"Args/model": object()})  # type: ignore[dict-item]
    with pytest.raises(SchemaError, match="Args/model"):
        store.create(bad)


def test_an_unknown_task_is_an_error_that_names_it(store: Store) -> None:
    for call in (
        lambda: store.get(NOBODY),
        lambda: store.enqueue(NOBODY, "default"),
        lambda: store.move(NOBODY, Status.CLOSED, expected=Status.CREATED),
        lambda: store.set_parameters(NOBODY, {}),
        lambda: store.request_stop(NOBODY, StopRequest("me")),
        lambda: store.append_log(NOBODY, 1, 1, b""),
        lambda: store.record_event(NOBODY, "launched"),
        lambda: store.follow_log(NOBODY),
    ):
        with pytest.raises(TaskNotFound, match=NOBODY):
            call()


def test_a_task_is_found_by_the_beginning_of_its_id(store: Store, draft: TaskRecord) -> None:
    for length in (1, 6, 32):
        assert store.resolve(draft.id[:length]) == draft.id
    assert store.resolve(draft.id[:8].upper()) == draft.id
    for nobody in ("", "xyz", "*", draft.id + "0", NOBODY):
        with pytest.raises(TaskNotFound):
            store.resolve(nobody)


def test_a_prefix_of_several_ids_is_refused_with_candidates(store: Store, new: NewTask) -> None:
    ids = [store.create(new).id for _ in range(40)]
    digits = [task_id[0] for task_id in ids]
    common = max(set(digits), key=digits.count)
    with pytest.raises(AmbiguousTask) as caught:
        store.resolve(common)
    assert sum(task_id[:12] in caught.value.what for task_id in ids) >= 2


def test_the_newest_come_first_and_in_pages(store: Store, new: NewTask) -> None:
    ids = [store.create(dataclasses.replace(new, name=f"n{number}")).id for number in range(7)]
    assert [task.id for task in store.newest()] == ids[::-1]
    assert [task.id for task in store.newest(limit=3, offset=2)] == ids[::-1][2:5]
    assert store.newest(limit=0) == []
    store.enqueue(ids[1], "q")
    store.enqueue(ids[4], "q")
    assert [task.id for task in store.newest(status=Status.QUEUED)] == [ids[4], ids[1]]
    assert [task.id for task in store.newest(limit=1, offset=1, status=Status.QUEUED)] == [ids[1]]


def test_enqueuing_puts_drafts_in_line_and_may_be_repeated(store: Store, new: NewTask) -> None:
    first, second = store.create(new), store.create(new)
    assert [store.enqueue(first.id, "q"), store.enqueue(second.id, "q")] == [0, 1]
    assert store.enqueue(second.id, "q") == 1
    assert (store.get(first.id).status, store.get(first.id).queue) == (Status.QUEUED, "q")


def test_a_task_stands_in_one_queue_only(store: Store, draft: TaskRecord) -> None:
    store.enqueue(draft.id, "q")
    with pytest.raises(IllegalMove, match="queued in q"):
        store.enqueue(draft.id, "other")


def test_a_queue_name_that_would_break_keys_is_refused(store: Store, draft: TaskRecord) -> None:
    for name in ("", "a b", "a,b", "a:b", "ä", "x" * 201):
        with pytest.raises(UsageError):
            store.enqueue(draft.id, name)
    assert store.get(draft.id).status is Status.CREATED


def bring(store: Store, task_id: str, status: Status) -> None:
    """Move a draft along legal ways to ``status``."""
    route = {
        Status.CREATED: [],
        Status.IN_PROGRESS: [Status.IN_PROGRESS],
        Status.COMPLETED: [Status.IN_PROGRESS, Status.COMPLETED],
        Status.FAILED: [Status.IN_PROGRESS, Status.FAILED],
        Status.STOPPED: [Status.STOPPED],
        Status.CLOSED: [Status.CLOSED],
        Status.PUBLISHED: [Status.CLOSED, Status.PUBLISHED],
    }
    if status is Status.QUEUED:
        store.enqueue(task_id, "q")
        return
    stands = Status.CREATED
    for target in route[status]:
        store.move(task_id, target, expected=stands)
        stands = target


@pytest.mark.parametrize("origin", list(Status), ids=str)
def test_every_store_makes_the_legal_moves_and_no_others(store: Store, new: NewTask, origin: Status) -> None:
    for target in Status:
        task = store.create(new)
        bring(store, task.id, origin)
        # Into a queue leads only enqueue, which knows one.
        if target in LEGAL_MOVES[origin] and target is not Status.QUEUED:
            assert store.move(task.id, target, expected=origin).status is target
            assert store.get(task.id).status is target
        else:
            with pytest.raises(IllegalMove, match=origin.value):
                store.move(task.id, target, expected=origin)
            assert store.get(task.id).status is origin


def test_a_move_from_where_the_task_does_not_stand_is_refused(store: Store, draft: TaskRecord) -> None:
    with pytest.raises(IllegalMove, match="is created"):
        store.move(draft.id, Status.COMPLETED, expected=Status.IN_PROGRESS)


def test_one_of_many_racing_moves_wins(store: Store, draft: TaskRecord) -> None:
    won: list[Status] = []

    def try_to(target: Status) -> None:
        with contextlib.suppress(IllegalMove):
            won.append(store.move(draft.id, target, expected=Status.CREATED).status)

    threads = [
        threading.Thread(target=try_to, args=(target,)) for target in [Status.STOPPED, Status.CLOSED] * 4
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert won == [store.get(draft.id).status]


def test_a_run_at_a_desk_is_an_attempt_that_ends_with_code_and_message(
    store: Store, running: TaskRecord
) -> None:
    assert (running.attempt, running.agent, running.ended) == (1, None, None)
    assert running.started is not None
    ended = store.move(
        running.id, Status.FAILED, expected=Status.IN_PROGRESS, message="the script exited", exit_code=3
    )
    assert (ended.status, ended.status_message, ended.exit_code) == (Status.FAILED, "the script exited", 3)
    assert ended.ended is not None
    assert ended.ended >= running.started >= running.created


def test_a_reset_task_is_a_draft_again_whose_fence_still_holds(store: Store, running: TaskRecord) -> None:
    store.append_log(running.id, 1, 1, b"old")
    store.move(running.id, Status.FAILED, expected=Status.IN_PROGRESS, message="bad", exit_code=1)
    draft = store.move(running.id, Status.CREATED, expected=Status.FAILED)
    assert (draft.status_message, draft.exit_code, draft.started, draft.ended) == ("", None, None, None)
    assert draft.parameters == {"Args/C": 0.5}
    assert store.read_log(running.id) == []
    again = store.move(running.id, Status.IN_PROGRESS, expected=Status.CREATED)
    assert again.attempt == 2
    with pytest.raises(LateWrite):
        store.append_log(running.id, 1, 2, b"from the dead")
    store.append_log(running.id, 2, 1, b"new")
    assert [chunk.data for chunk in store.read_log(running.id)] == [b"new"]


def test_a_task_that_will_be_continued_keeps_its_log_and_series_behind_a_new_fence(
    store: Store, running: TaskRecord
) -> None:
    points = Scalars("loss", "train", Points.of([(0, 1.0, 1.0), (1, 0.5, 2.0)]))
    store.append_log(running.id, 1, 1, b"first")
    store.add_scalars(running.id, [points], attempt=1, sequence=2)
    store.move(running.id, Status.FAILED, expected=Status.IN_PROGRESS, message="bad", exit_code=1)
    draft = store.move(running.id, Status.CREATED, expected=Status.FAILED, keeps_results=True)
    assert (draft.status_message, draft.exit_code, draft.started, draft.ended) == ("", None, None, None)
    again = store.move(running.id, Status.IN_PROGRESS, expected=Status.CREATED)
    with pytest.raises(LateWrite):
        store.append_log(running.id, 1, 3, b"from the dead")
    store.append_log(running.id, again.attempt, 1, b" second")
    store.move(running.id, Status.COMPLETED, expected=Status.IN_PROGRESS)
    chunks = list(store.follow_log(running.id))
    assert [chunk.data for chunk in chunks] == [b"first", b" second", b""]
    assert [chunk.kind for chunk in chunks] == ["output", "output", "end"]
    assert [series.last.iteration for series in store.series(running.id)] == [1]


def test_a_dequeued_task_can_be_put_into_another_queue(store: Store, draft: TaskRecord) -> None:
    store.enqueue(draft.id, "q")
    assert store.move(draft.id, Status.CREATED, expected=Status.QUEUED).queue is None
    assert store.enqueue(draft.id, "other") == 0


def test_closing_and_publishing_keep_how_the_task_ended(store: Store, running: TaskRecord) -> None:
    ended = store.move(running.id, Status.FAILED, expected=Status.IN_PROGRESS, message="bad", exit_code=1)
    closed = store.move(running.id, Status.CLOSED, expected=Status.FAILED)
    assert (closed.ended, closed.exit_code, closed.status_message) == (ended.ended, 1, "bad")
    assert [chunk.kind for chunk in store.read_log(running.id)] == ["end"]


def test_parameters_are_merged_and_those_set_by_hand_are_named(store: Store, draft: TaskRecord) -> None:
    store.set_parameters(draft.id, {"Args/lr": 1e-4, "Args/C": 2}, overrides=("Args/C",))
    store.set_parameters(draft.id, {"General/names": []})
    task = store.get(draft.id)
    assert task.parameters == {"Args/C": 2, "Args/lr": 1e-4, "General/names": []}
    assert task.overrides == ("Args/C",)


def test_parameters_that_racing_writers_set_are_all_there(store: Store, draft: TaskRecord) -> None:
    threads = [
        threading.Thread(target=store.set_parameters, args=(draft.id, {f"A/{number}": number}))
        for number in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(store.get(draft.id).parameters) >= {f"A/{number}" for number in range(12)}


def test_writes_of_an_attempt_that_is_not_the_newest_are_refused(store: Store, running: TaskRecord) -> None:
    for attempt in (0, 2):
        with pytest.raises(LateWrite):
            store.append_log(running.id, attempt, 1, b"x")
        with pytest.raises(LateWrite):
            store.set_parameters(running.id, {"a": 1}, attempt=attempt)
        with pytest.raises(LateWrite):
            store.record_event(running.id, "launched", attempt=attempt)
    assert store.get(running.id).parameters == {"Args/C": 0.5}
    assert store.read_log(running.id) == []
    assert "late_write_refused" in [event.kind for event in store.events(running.id)]


def test_writes_of_an_attempt_whose_task_has_ended_are_refused(store: Store, running: TaskRecord) -> None:
    store.move(running.id, Status.COMPLETED, expected=Status.IN_PROGRESS)
    with pytest.raises(LateWrite, match="completed"):
        store.append_log(running.id, 1, 1, b"x")
    with pytest.raises(LateWrite):
        store.set_parameters(running.id, {"a": 1}, attempt=1)


def test_a_draft_or_queued_task_is_stopped_at_once(store: Store, new: NewTask) -> None:
    draft, queued = store.create(new), store.create(new)
    store.enqueue(queued.id, "q")
    for task in (draft, queued):
        assert store.request_stop(task.id, StopRequest("ada", 5.0)) is Status.STOPPED
        stopped = store.get(task.id)
        assert (stopped.status, stopped.status_message, stopped.stop) == (
            Status.STOPPED,
            "stopped by ada",
            None,
        )
        assert stopped.ended is not None
    third = store.create(new)
    assert store.enqueue(third.id, "q") == 0


def test_a_running_task_gets_the_request_to_stop(store: Store, running: TaskRecord) -> None:
    assert store.request_stop(running.id, StopRequest("ada of desk 3", 2.5)) is Status.IN_PROGRESS
    assert store.get(running.id).stop == StopRequest("ada of desk 3", 2.5)
    assert store.request_stop(running.id, StopRequest("bob")) is Status.IN_PROGRESS
    assert store.get(running.id).stop == StopRequest("bob", None)
    store.move(running.id, Status.STOPPED, expected=Status.IN_PROGRESS)
    assert store.get(running.id).stop is None


class TestWaitingForAStop:
    """``wait_for_stop``: what a run at a desk listens by."""

    @pytest.fixture
    def heard(self, store: Store, running: TaskRecord) -> Iterator[queue.Queue[TaskRecord]]:
        """Gets what a thread hears that waits."""
        heard: queue.Queue[TaskRecord] = queue.Queue()
        listener = threading.Thread(
            target=lambda: heard.put(store.wait_for_stop(running.id, 60)), daemon=True
        )
        listener.start()
        yield heard
        listener.join()

    def test_a_request_is_heard(
        self, store: Store, running: TaskRecord, heard: queue.Queue[TaskRecord]
    ) -> None:
        store.record_event(running.id, "launched", attempt=1)
        store.request_stop(running.id, StopRequest("ada", 2.5))
        assert heard.get(timeout=60).stop == StopRequest("ada", 2.5)

    def test_one_that_came_before_is_heard_at_once(self, store: Store, running: TaskRecord) -> None:
        store.request_stop(running.id, StopRequest("ada"))
        assert store.wait_for_stop(running.id).stop == StopRequest("ada")

    def test_an_end_is_heard(self, store: Store, running: TaskRecord, heard: queue.Queue[TaskRecord]) -> None:
        store.move(running.id, Status.COMPLETED, expected=Status.IN_PROGRESS)
        assert heard.get(timeout=60).status is Status.COMPLETED

    def test_what_does_not_run_is_not_waited_for(self, store: Store, draft: TaskRecord) -> None:
        assert store.wait_for_stop(draft.id).status is Status.CREATED
        with pytest.raises(TaskNotFound):
            store.wait_for_stop(NOBODY)

    def test_time_that_is_out_brings_the_task_as_it_is(self, store: Store, running: TaskRecord) -> None:
        assert store.wait_for_stop(running.id, 0.01) == store.get(running.id)


def test_an_ended_task_stays_as_it_is_when_asked_to_stop(store: Store, running: TaskRecord) -> None:
    store.move(running.id, Status.COMPLETED, expected=Status.IN_PROGRESS)
    assert store.request_stop(running.id, StopRequest("ada")) is Status.COMPLETED
    assert store.get(running.id).status is Status.COMPLETED


def test_events_tell_what_happened_in_order(store: Store, running: TaskRecord) -> None:
    store.record_event(running.id, "workspace", "built", attempt=1)
    store.record_event(running.id, "environment")
    store.move(running.id, Status.FAILED, expected=Status.IN_PROGRESS, message="first line\nsecond")
    events = store.events(running.id)
    assert [event.kind for event in events] == ["created", "moved", "workspace", "environment", "ended"]
    assert [event.attempt for event in events] == [0, 1, 1, 1, 1]
    assert events[-1].detail == "failed: first line"
    assert [event.time for event in events] == sorted(event.time for event in events)


def test_of_very_many_events_the_newest_thousand_are_kept(store: Store, draft: TaskRecord) -> None:
    for number in range(1005):
        store.record_event(draft.id, "moved", str(number))
    events = store.events(draft.id)
    assert len(events) == 1000
    assert events[-1].detail == "1004"


def test_nobody_serves_a_queue_that_no_agent_knows(store: Store) -> None:
    assert store.serving("default") == []
