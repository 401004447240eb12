"""The sender brings everything to the store, or says what it could not bring."""

from __future__ import annotations

from pathlib import Path

from agent.finish import finish
from agent.journal import Entry, Journal
from agent.stream import Sender
from elsewhere.contract.errors import LateWrite, ServerUnreachable
from elsewhere.contract.outcome import Exited, Lost, Outcome
from elsewhere.contract.status import Status


class Server:
    """Takes entries, and fails as it is told to."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.got: list[tuple[int, int]] = []
        self.committed: list[Outcome] = []

    def deliver(self, entry: Entry, skipped: int) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.got.append((entry.sequence, skipped))

    def commit(self, outcome: Outcome) -> Status:
        self.committed.append(outcome)
        return Status.COMPLETED


DONE = Exited(0)


def ended(server: Server, journal: Journal, outcome: Outcome = DONE) -> Outcome:
    sender = Sender(journal, server.deliver)
    sender.start()
    return finish(outcome, journal, sender, server)  # type: ignore[arg-type]


def written(folder: Path, count: int) -> Journal:
    journal = Journal(folder, segment_bytes=64, limit_bytes=128)
    for number in range(count):
        journal.append("event" if number % 5 == 0 else "output", b"%030d" % number)
    return journal


def test_an_entry_that_no_server_took_is_sent_again(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append("output", b"one")
    journal.append("output", b"two")
    server = Server(ServerUnreachable("away"), ServerUnreachable("away"))
    assert ended(server, journal) == Exited(0)
    # The third is that the task is through.
    assert server.got == [(1, 0), (2, 0), (3, 0)]


def test_a_refused_attempt_commits_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append("output", b"late")
    server = Server(LateWrite("attempt 2 owns it"))
    assert isinstance(ended(server, journal), Lost)
    assert server.committed == []


def test_a_failure_that_nobody_foresaw_is_told_with_the_outcome(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append("output", b"one")
    server = Server(RuntimeError("out of tune"))
    outcome = ended(server, journal, Exited(3, "Traceback"))
    assert isinstance(outcome, Exited)
    assert outcome.code == 3
    assert "not sent: RuntimeError: out of tune" in outcome.traceback
    assert outcome.traceback.endswith("Traceback")
    assert server.committed == [outcome]


def test_a_journal_over_its_limit_keeps_events_and_marks_what_it_gave_up(tmp_path: Path) -> None:
    journal = written(tmp_path, 20)
    server = Server()
    ended(server, journal)
    numbers = [number for number, _ in server.got]
    assert numbers == sorted(set(numbers))
    # Events are the numbers 1, 6, 11, 16: all there, whatever was cut around them.
    assert {1, 6, 11, 16, 20} <= set(numbers)
    expected = 0
    for number, skipped in server.got:
        assert number - skipped == expected + 1
        expected = number
    assert any(skipped for _, skipped in server.got)
