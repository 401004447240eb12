"""What the Relay promises to the user's processes, and to the supervisor behind it."""

from __future__ import annotations

import contextlib
import json
import os
import socket as sockets
import stat
import threading
import time
from pathlib import Path

import pytest
from direct_task import DirectTask

from agent.journal import Journal
from agent.journaled import JournaledTask
from agent.relay import LONGEST_LINE, RelayServer, attempt_calls
from elsewhere.contract.errors import (
    LateWrite,
    RelayClosed,
    SchemaError,
    ServerUnreachable,
    TaskNotFound,
    UsageError,
)
from elsewhere.contract.lease import Lease
from elsewhere.contract.status import Status
from elsewhere.contract.task import JSONValue, TaskRecord
from elsewhere.store.memory import MemoryStore
from elsewhere.store.relay import RelayStore


def dial(path: Path) -> sockets.socket:
    peer = sockets.socket(sockets.AF_UNIX, sockets.SOCK_STREAM)
    peer.settimeout(10)
    peer.connect(str(path))
    return peer


def ask(peer: sockets.socket, line: bytes) -> dict[str, object]:
    peer.sendall(line + b"\n")
    with peer.makefile("rb") as answers:
        answer = json.loads(answers.readline())
    assert isinstance(answer, dict)
    return answer


def test_an_attempt_sees_its_task_as_the_store_holds_it(
    relay: RelayStore, store: MemoryStore, record: TaskRecord
) -> None:
    assert relay.task() == store.get(record.id)
    assert relay.get(record.id) == store.get(record.id)
    given = relay.given()
    assert (given.parameters, given.overrides) == ({"Args/C": 0.5}, ("Args/C",))


def test_parameters_are_merged_and_keep_their_json_types(
    relay: RelayStore, store: MemoryStore, record: TaskRecord
) -> None:
    values: dict[str, JSONValue] = {
        "Args/a": 1,
        "Args/b": 1.0,
        "Args/c": True,
        "Args/d": None,
        "Args/e": ["ä", {"k": "\u2028"}],
    }
    relay.set_parameters(record.id, values)
    stored = store.get(record.id).parameters
    assert stored == {"Args/C": 0.5, **values}
    assert [type(stored[f"Args/{key}"]) for key in "abc"] == [int, float, bool]
    assert store.get(record.id).overrides == ("Args/C",)


def test_a_parser_s_use_of_overrides_is_told(relay: RelayStore, used: set[str]) -> None:
    relay.report({}, ["Args/C"])
    assert used == {"Args/C"}


def test_an_event_is_recorded_for_the_attempt(
    relay: RelayStore, store: MemoryStore, record: TaskRecord
) -> None:
    relay.record_event(record.id, "launched", "first batch")
    assert [(e.kind, e.attempt, e.detail) for e in store.events(record.id)][-1] == (
        "launched",
        record.attempt,
        "first batch",
    )
    with pytest.raises(SchemaError, match="made_up"):
        relay.record_event(record.id, "made_up", "")  # type: ignore[arg-type]


def test_a_late_writer_is_refused_by_its_own_name(
    relay: RelayStore, store: MemoryStore, record: TaskRecord
) -> None:
    for target, expected in (("closed", "in_progress"), ("created", "closed"), ("in_progress", "created")):
        store.move(record.id, Status(target), expected=Status(expected))
    with pytest.raises(LateWrite) as refusal:
        relay.set_parameters(record.id, {"Args/C": 9})
    assert refusal.value.next_step == LateWrite.default_next_step
    assert store.get(record.id).parameters["Args/C"] == 0.5


def test_another_task_cannot_be_reached(relay: RelayStore, record: TaskRecord) -> None:
    with pytest.raises(TaskNotFound):
        relay.get("0" * 32)
    with pytest.raises(TaskNotFound):
        relay.set_parameters("0" * 32, {"Args/C": 1})
    with pytest.raises(LateWrite):
        relay.set_parameters(record.id, {"Args/C": 1}, attempt=record.attempt + 1)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"not json",
        b"\xff\xfe",
        b"[1, 2]",
        b"[" * 100_000,
        b'{"id":1}',
        b'{"id":1,"call":"shutdown"}',
        b'{"id":1,"call":["task"]}',
        b'{"id":1,"call":"task","arguments":7}',
        b'{"id":1,"call":"write"}',
        b'{"id":1,"call":"write","arguments":{"write":7}}',
        b'{"id":1,"call":"write","arguments":{"write":"Tm8="}}',
        b'{"id":1,"call":"write","arguments":{"write":"no base64"}}',
        b'{"id":1,"call":"parameters_used","arguments":{"names":[1]}}',
        b'{"id":1,"call":"configuration"}garbage',
    ],
)
def test_a_bad_request_is_answered_with_an_error_and_the_next_one_works(
    server: RelayServer, socket: Path, line: bytes
) -> None:
    with dial(socket) as peer:
        refused = ask(peer, line)
        assert isinstance(refused["error"], dict)
        assert refused["error"]["kind"] in {"UsageError", "SchemaError"}
        answered = ask(peer, b'{"id":2,"call":"task"}')
        assert answered["id"] == 2
        assert "result" in answered


def test_a_line_without_end_is_cut_off_and_others_go_on(server: RelayServer, socket: Path) -> None:
    with dial(socket) as peer, dial(socket) as other:
        with contextlib.suppress(BrokenPipeError):
            peer.sendall(b"x" * (LONGEST_LINE + 70_000))
        with peer.makefile("rb") as answers:
            assert json.loads(answers.readline())["error"]["kind"] == "UsageError"
            assert "result" in ask(other, b'{"id":1,"call":"task"}')


def test_a_request_too_long_is_refused_by_its_limit(relay: RelayStore, record: TaskRecord) -> None:
    with pytest.raises((UsageError, RelayClosed)):
        relay.set_parameters(record.id, {"Args/x": "x" * (2 * LONGEST_LINE)})
    assert relay.given().parameters == {"Args/C": 0.5}


def test_a_call_that_breaks_does_not_reach_the_supervisor_nor_tell_its_secrets(socket: Path) -> None:
    def broken(arguments: dict[str, object]) -> None:
        raise RuntimeError("redis://:s3cret@host")

    with RelayServer(socket, calls={"task": broken}), dial(socket) as peer:
        for _ in range(2):
            answer = ask(peer, b'{"id":1,"call":"task"}')
            assert "s3cret" not in json.dumps(answer)
            assert "RuntimeError" in json.dumps(answer)


def test_who_does_not_read_its_answers_holds_nobody_up(server: RelayServer, socket: Path) -> None:
    deaf = dial(socket)
    deaf.setblocking(False)
    requests = b'{"id":1,"call":"task"}\n' * 2000
    sent = 0
    deadline = time.monotonic() + 20
    while sent < 20 * len(requests) and time.monotonic() < deadline:
        try:
            sent += deaf.send(requests)
        except BlockingIOError:
            break
    with deaf, dial(socket) as peer:
        assert "result" in ask(peer, b'{"id":1,"call":"task"}')


def test_requests_sent_at_once_are_answered_in_order(server: RelayServer, socket: Path) -> None:
    with dial(socket) as peer, peer.makefile("rb") as answers:
        peer.sendall(b"".join(b'{"id":%d,"call":"task"}\n' % number for number in range(500)))
        assert [json.loads(answers.readline())["id"] for _ in range(500)] == list(range(500))


def test_threads_share_one_connection(relay: RelayStore, record: TaskRecord, store: MemoryStore) -> None:
    def write(number: int) -> None:
        for turn in range(20):
            relay.set_parameters(record.id, {f"Args/{number}_{turn}": turn})

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.get(record.id).parameters) == 161


def test_a_forked_child_connects_anew_even_when_a_thread_held_the_lock(
    relay: RelayStore, record: TaskRecord
) -> None:
    relay.task()
    relay._lock.acquire()
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if relay.task().id == record.id else 1)
        finally:
            os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    relay._lock.release()
    assert relay.task().id == record.id


def test_a_supervisor_that_is_gone_is_named(socket: Path) -> None:
    with pytest.raises(RelayClosed, match=r"relay\.sock"):
        RelayStore(str(socket)).task()


def test_a_supervisor_that_says_nothing_is_given_up_on(socket: Path) -> None:
    silent = threading.Event()
    with RelayServer(socket, calls={"task": lambda arguments: silent.wait(20)}):
        end = RelayStore(str(socket), timeout=0.2)
        with pytest.raises(RelayClosed):
            end.task()
        silent.set()


def test_a_supervisor_that_closes_is_noticed_and_its_socket_is_gone(
    socket: Path, store: MemoryStore, lease: Lease
) -> None:
    server = RelayServer(socket, calls=attempt_calls(DirectTask(store, lease), lease, set()))
    end = RelayStore(str(socket))
    end.task()
    server.close()
    server.close()
    assert not socket.exists()
    with pytest.raises(RelayClosed):
        end.task()
    with RelayServer(socket, calls=attempt_calls(DirectTask(store, lease), lease, set())):
        assert end.task().id == lease.task_id
    end.close()


def test_the_socket_is_for_its_owner_only(server: RelayServer, socket: Path) -> None:
    assert stat.S_IMODE(socket.stat().st_mode) == 0o600
    assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700


def test_an_attempt_reads_and_reports_while_the_store_is_away(
    socket: Path, store: MemoryStore, lease: Lease, record: TaskRecord
) -> None:
    class Away(MemoryStore):
        def get(self, task_id: str) -> TaskRecord:
            raise ServerUnreachable("no server")

    journal = Journal(socket.parent / "journal")
    with RelayServer(socket, calls=attempt_calls(JournaledTask(Away(), journal, record), lease, set())):
        end = RelayStore(str(socket))
        assert end.given().parameters == {"Args/C": 0.5}
        end.report({"Args/C": 2.5}, [])
        assert end.given().parameters == {"Args/C": 2.5}
        end.close()
    journal.close()
    assert [(entry.sequence, entry.kind) for entry in journal.read()] == [(1, "write")]
