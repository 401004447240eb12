"""The journal keeps every chunk, in order, across crashes and segments."""

import threading
from pathlib import Path

from agent.journal import Entry, EntryKind, Journal


def test_chunks_come_back_in_order_over_many_segments(tmp_path: Path) -> None:
    journal = Journal(tmp_path, segment_bytes=100)
    written = [b"x" * size for size in range(60)]
    for data in written:
        journal.append("output", data)
    journal.close()
    assert [entry.data for entry in journal.read()] == written
    assert [entry.sequence for entry in journal.read(after=57)] == [58, 59, 60]


def test_a_reader_waits_for_what_is_written_later(tmp_path: Path) -> None:
    journal = Journal(tmp_path, segment_bytes=64)
    got: list[Entry] = []
    reader = threading.Thread(target=lambda: got.extend(journal.read()))
    reader.start()
    for number in range(100):
        journal.append("note" if number % 2 else "output", str(number).encode())
    journal.close()
    reader.join(10)
    assert [int(entry.data) for entry in got] == list(range(100))
    assert got[1].kind == "note"


def test_a_torn_chunk_is_taken_back_and_its_number_given_again(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append("output", b"whole")
    journal.append("output", b"torn")
    journal.close()
    segment = next(tmp_path.glob("*.chunks"))
    segment.write_bytes(segment.read_bytes()[:-2])
    again = Journal(tmp_path)
    assert again.last == 1
    again.append("output", b"second")
    again.close()
    assert [(entry.sequence, entry.data) for entry in again.read()] == [(1, b"whole"), (2, b"second")]


def test_acknowledged_segments_are_removed_and_the_rest_stays(tmp_path: Path) -> None:
    journal = Journal(tmp_path, segment_bytes=50)
    for number in range(20):
        journal.append("output", b"%020d" % number)
    before = len(list(tmp_path.glob("*.chunks")))
    journal.forget(10)
    assert len(list(tmp_path.glob("*.chunks"))) < before
    journal.close()
    assert [entry.sequence for entry in journal.read(after=10)] == list(range(11, 21))


def test_what_was_built_and_scalars_keep_their_kind(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append("built", b"b")
    journal.append("scalars", b"s")
    journal.close()
    again = Journal(tmp_path)
    again.close()
    assert [(entry.kind, entry.data) for entry in again.read()] == [("built", b"b"), ("scalars", b"s")]


def test_over_its_limit_a_journal_gives_up_scalars_after_the_log_and_events_never(tmp_path: Path) -> None:
    journal = Journal(tmp_path, segment_bytes=200, limit_bytes=2000)
    kinds: tuple[EntryKind, ...] = ("output", "scalars", "event")
    for number in range(600):
        journal.append(kinds[number % 3], b"%030d" % number)
    journal.close()
    left = {kind: [entry.sequence for entry in journal.read() if entry.kind == kind] for kind in kinds}
    assert left["event"] == list(range(3, 601, 3))
    assert len(left["output"]) < len(left["scalars"]) < 100
    # The newest of everything is there.
    assert {598, 599, 600} <= {number for numbers in left.values() for number in numbers}
    scalars = sum(1 for _ in left["scalars"]) * 43
    assert scalars <= 2000 * 1.5
