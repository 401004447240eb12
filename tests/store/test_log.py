from __future__ import annotations

import queue
import threading
from collections.abc import Callable

import pytest

from elsewhere.contract.errors import LateWrite
from elsewhere.contract.status import Status
from elsewhere.contract.task import LogChunk, LogKind, NewTask, StopRequest, TaskRecord
from elsewhere.store.protocol import Store


def test_chunks_come_back_in_order_with_every_byte(store: Store, running: TaskRecord) -> None:
    written = [bytes(range(256)), b"", b"\r50%\r100%\n", "ü".encode()[:1]]
    for number, data in enumerate(written, start=1):
        store.append_log(running.id, 1, number, data)
    store.append_log(running.id, 1, 5, b"a word from the agent\n", "note")
    chunks = store.read_log(running.id)
    assert [chunk.data for chunk in chunks[:4]] == written
    assert [chunk.kind for chunk in chunks] == ["output"] * 4 + ["note"]
    assert {chunk.attempt for chunk in chunks} == {1}
    assert [chunk.time for chunk in chunks] == sorted(chunk.time for chunk in chunks)


def test_reading_goes_on_after_any_position(store: Store, running: TaskRecord) -> None:
    for number in range(1, 201):
        store.append_log(running.id, 1, number, b"%d" % number)
    chunks = store.read_log(running.id)
    assert [int(chunk.data) for chunk in chunks] == list(range(1, 201))
    assert store.read_log(running.id, chunks[69].position, limit=100) == chunks[70:170]
    assert store.read_log(running.id, chunks[-1].position) == []


def test_a_repeated_chunk_is_dropped_and_a_gap_is_refused(store: Store, running: TaskRecord) -> None:
    store.append_log(running.id, 1, 1, b"one")
    store.append_log(running.id, 1, 2, b"two")
    for number in (1, 2):
        store.append_log(running.id, 1, number, b"again")
    with pytest.raises(ValueError, match="number 3 comes next"):
        store.append_log(running.id, 1, 4, b"four")
    with pytest.raises(ValueError):
        store.append_log(running.id, 1, 0, b"zero")
    assert [chunk.data for chunk in store.read_log(running.id)] == [b"one", b"two"]


def test_no_attempt_may_write_the_end_chunk(store: Store, running: TaskRecord) -> None:
    with pytest.raises(ValueError, match="end"):
        store.append_log(running.id, 1, 1, b"", "end")


def test_every_way_to_end_a_task_ends_its_log_once(store: Store, new: NewTask) -> None:
    def stopped_in_queue(task_id: str) -> None:
        store.enqueue(task_id, "q")
        store.request_stop(task_id, StopRequest("me"))
        store.request_stop(task_id, StopRequest("me"))

    def completed_then_published(task_id: str) -> None:
        store.move(task_id, Status.IN_PROGRESS, expected=Status.CREATED)
        store.move(task_id, Status.COMPLETED, expected=Status.IN_PROGRESS)
        store.move(task_id, Status.PUBLISHED, expected=Status.COMPLETED)

    def closed(task_id: str) -> None:
        store.move(task_id, Status.CLOSED, expected=Status.CREATED)

    ways: list[Callable[[str], None]] = [stopped_in_queue, completed_then_published, closed]
    for way in ways:
        task = store.create(new)
        way(task.id)
        assert [chunk.kind for chunk in store.read_log(task.id)] == ["end"]
        assert [chunk.kind for chunk in store.follow_log(task.id)] == ["end"]


def test_a_log_over_its_cap_loses_its_beginning_and_says_how_much(make_store, new: NewTask) -> None:
    store: Store = make_store(log_cap=10_000)
    task = store.create(new)
    store.move(task.id, Status.IN_PROGRESS, expected=Status.CREATED)
    for number in range(1, 51):
        store.append_log(task.id, 1, number, b"%03d" % number + b"x" * 997)
    chunks = store.read_log(task.id)
    note, kept = chunks[0], chunks[1:]
    assert note.kind == "note"
    assert f"{(50 - len(kept)) * 1000} bytes" in note.data.decode()
    assert 5 < len(kept) < 10
    assert [int(chunk.data[:3]) for chunk in kept] == list(range(51 - len(kept), 51))
    assert store.read_log(task.id, note.position) == kept
    assert store.read_log(task.id, limit=1) == [note]


def test_a_reader_that_the_cap_has_overtaken_is_told_so(make_store, new: NewTask) -> None:
    store: Store = make_store(log_cap=5_000)
    task = store.create(new)
    store.move(task.id, Status.IN_PROGRESS, expected=Status.CREATED)
    store.append_log(task.id, 1, 1, b"x" * 1000)
    position = store.read_log(task.id)[0].position
    for number in range(2, 20):
        store.append_log(task.id, 1, number, b"x" * 1000)
    assert [chunk.kind for chunk in store.read_log(task.id, position)][:2] == ["note", "output"]


def test_tiny_chunks_are_bounded_as_well(make_store, new: NewTask) -> None:
    store: Store = make_store(log_cap=10_000)
    task = store.create(new)
    store.move(task.id, Status.IN_PROGRESS, expected=Status.CREATED)
    for number in range(1, 400):
        store.append_log(task.id, 1, number, b".")
    assert len(store.read_log(task.id)) < 200


def test_a_chunk_larger_than_the_cap_is_still_there(make_store, new: NewTask) -> None:
    store: Store = make_store(log_cap=1000)
    task = store.create(new)
    store.move(task.id, Status.IN_PROGRESS, expected=Status.CREATED)
    store.append_log(task.id, 1, 1, b"x" * 5000)
    assert len(store.read_log(task.id)[0].data) == 5000


def follow(store: Store, task_id: str, after: str = "") -> tuple[queue.Queue[LogChunk], threading.Thread]:
    heard: queue.Queue[LogChunk] = queue.Queue()

    def listen() -> None:
        for chunk in store.follow_log(task_id, after):
            heard.put(chunk)

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    return heard, thread


def test_a_follower_hears_each_chunk_as_it_is_written_until_the_end(
    store: Store, running: TaskRecord
) -> None:
    store.append_log(running.id, 1, 1, b"before")
    heard, thread = follow(store, running.id)
    assert heard.get(timeout=10).data == b"before"
    for number in range(2, 150):
        store.append_log(running.id, 1, number, b"%d" % number)
        assert heard.get(timeout=10).data == b"%d" % number
    store.move(running.id, Status.COMPLETED, expected=Status.IN_PROGRESS)
    assert heard.get(timeout=10).kind == "end"
    thread.join(10)
    assert not thread.is_alive()


def test_a_follower_may_come_before_the_first_chunk_and_go_on_after_a_position(
    store: Store, running: TaskRecord
) -> None:
    early, _ = follow(store, running.id)
    store.append_log(running.id, 1, 1, b"one")
    first = early.get(timeout=10)
    late, _ = follow(store, running.id, first.position)
    store.append_log(running.id, 1, 2, b"two")
    assert early.get(timeout=10).data == late.get(timeout=10).data == b"two"
    store.move(running.id, Status.COMPLETED, expected=Status.IN_PROGRESS)
    assert early.get(timeout=10).kind == late.get(timeout=10).kind == "end"


def test_following_an_ended_task_beyond_its_end_returns_at_once(store: Store, running: TaskRecord) -> None:
    store.move(running.id, Status.COMPLETED, expected=Status.IN_PROGRESS)
    end = store.read_log(running.id)[-1]
    assert list(store.follow_log(running.id, end.position)) == []


def test_a_queued_task_is_followed_into_its_stop(store: Store, draft: TaskRecord) -> None:
    store.enqueue(draft.id, "q")
    heard, thread = follow(store, draft.id)
    store.request_stop(draft.id, StopRequest("me"))
    assert heard.get(timeout=10).kind == "end"
    thread.join(10)


def test_a_new_attempt_numbers_its_chunks_from_one(store: Store, running: TaskRecord) -> None:
    store.append_log(running.id, 1, 1, b"one")
    store.move(running.id, Status.STOPPED, expected=Status.IN_PROGRESS)
    store.move(running.id, Status.CREATED, expected=Status.STOPPED)
    store.move(running.id, Status.IN_PROGRESS, expected=Status.CREATED)
    with pytest.raises(LateWrite):
        store.append_log(running.id, 1, 2, b"late")
    store.append_log(running.id, 2, 1, b"fresh")
    assert [(chunk.attempt, chunk.data) for chunk in store.read_log(running.id)] == [(2, b"fresh")]


def test_chunks_events_and_parameters_share_one_line_of_numbers(store: Store, running: TaskRecord) -> None:
    store.append_log(running.id, 1, 1, b"one")
    store.record_event(running.id, "workspace", "two", attempt=1, sequence=2)
    store.set_parameters(running.id, {"Args/C": 3}, attempt=1, sequence=3)
    store.append_log(running.id, 1, 4, b"four")
    # Nothing of it happens again, whatever is sent again.
    store.append_log(running.id, 1, 1, b"again")
    store.record_event(running.id, "workspace", "again", attempt=1, sequence=2)
    store.set_parameters(running.id, {"Args/C": "again"}, attempt=1, sequence=3)
    assert [chunk.data for chunk in store.read_log(running.id)] == [b"one", b"four"]
    assert [event.detail for event in store.events(running.id) if event.kind == "workspace"] == ["two"]
    assert store.get(running.id).parameters["Args/C"] == 3
    for write in (
        lambda: store.append_log(running.id, 1, 6, b""),
        lambda: store.record_event(running.id, "launched", attempt=1, sequence=6),
        lambda: store.set_parameters(running.id, {"Args/C": 6}, attempt=1, sequence=6),
    ):
        with pytest.raises(ValueError, match="number 5 comes next, not 6"):
            write()
    assert store.get(running.id).parameters["Args/C"] == 3


def test_a_number_belongs_to_an_attempt_and_begins_with_one(store: Store, running: TaskRecord) -> None:
    with pytest.raises(ValueError):
        store.record_event(running.id, "launched", sequence=1)
    with pytest.raises(ValueError):
        store.set_parameters(running.id, {}, attempt=1, sequence=0)
    with pytest.raises(ValueError):
        store.append_log(running.id, 1, 3, b"", skipped=3)


def test_numbers_that_the_writer_gave_up_are_no_gap(store: Store, running: TaskRecord) -> None:
    store.append_log(running.id, 1, 1, b"one")
    with pytest.raises(ValueError, match="number 2 comes next"):
        store.append_log(running.id, 1, 5, b"five", skipped=2)
    store.append_log(running.id, 1, 5, b"five", skipped=3)
    store.append_log(running.id, 1, 5, b"five", skipped=3)
    store.append_log(running.id, 1, 6, b"six")
    # Given up, although it had arrived: its answer was lost.
    store.append_log(running.id, 1, 8, b"eight", skipped=2)
    assert [chunk.data for chunk in store.read_log(running.id)] == [b"one", b"five", b"six", b"eight"]


def test_a_live_chunk_is_replaced_by_whatever_comes_next(store: Store, running: TaskRecord) -> None:
    heard, thread = follow(store, running.id)
    written: list[tuple[bytes, LogKind]] = [
        (b"10%", "live"),
        (b"50%", "live"),
        (b"100%\n", "output"),
        (b"10%", "live"),
        (b"said\n", "note"),
        (b"20%", "live"),
    ]
    for number, (data, kind) in enumerate(written, start=1):
        store.append_log(running.id, 1, number, data, kind)
        chunk = heard.get(timeout=10)
        assert (chunk.data, chunk.kind) == (data, kind)
    assert [chunk.data for chunk in store.read_log(running.id)] == [b"100%\n", b"said\n", b"20%"]
    store.move(running.id, Status.COMPLETED, expected=Status.IN_PROGRESS)
    assert heard.get(timeout=10).kind == "end"
    thread.join(10)
    assert [chunk.kind for chunk in store.read_log(running.id)] == ["output", "note", "end"]


def test_reading_goes_on_after_a_live_chunk_that_is_gone(store: Store, running: TaskRecord) -> None:
    store.append_log(running.id, 1, 1, b"10%", "live")
    position = store.read_log(running.id)[-1].position
    store.append_log(running.id, 1, 2, b"20%", "live")
    store.append_log(running.id, 1, 3, b"done\n")
    assert [chunk.data for chunk in store.read_log(running.id, position)] == [b"done\n"]


def test_live_chunks_weigh_nothing_once_they_are_replaced(make_store, new: NewTask) -> None:
    store: Store = make_store(log_cap=5_000)
    task = store.create(new)
    store.move(task.id, Status.IN_PROGRESS, expected=Status.CREATED)
    store.append_log(task.id, 1, 1, b"first")
    for number in range(2, 200):
        store.append_log(task.id, 1, number, b"x" * 1000, "live")
    store.append_log(task.id, 1, 200, b"last")
    assert [chunk.data for chunk in store.read_log(task.id)] == [b"first", b"last"]
