"""What a script says of its own end comes to its supervisor, or is refused at once."""

from __future__ import annotations

import json
import socket as sockets
from collections.abc import Iterator
from pathlib import Path

import pytest
from direct_task import DirectTask

from agent.relay import RelayServer, attempt_calls
from elsewhere.contract.codec import encode
from elsewhere.contract.errors import UsageError
from elsewhere.contract.lease import Lease
from elsewhere.contract.outcome import Verdict
from elsewhere.contract.status import Status
from elsewhere.store.memory import MemoryStore
from elsewhere.store.relay import RelayStore


@pytest.fixture
def judged(socket: Path, store: MemoryStore, lease: Lease) -> Iterator[list[Verdict]]:
    kept: list[Verdict] = []
    with RelayServer(socket, calls=attempt_calls(DirectTask(store, lease), lease, set(), kept.append)):
        yield kept


def test_each_comes_as_it_was_given(socket: Path, judged: list[Verdict]) -> None:
    relay = RelayStore(str(socket))
    given = [Verdict(Status.FAILED, "diverged"), Verdict(Status.COMPLETED)]
    for verdict in given:
        relay.judge(verdict)
    relay.close()
    assert judged == given


def test_a_status_that_no_script_ends_with_is_refused(socket: Path, judged: list[Verdict]) -> None:
    relay = RelayStore(str(socket))
    for status in (Status.PUBLISHED, Status.QUEUED, Status.CREATED):
        with pytest.raises(UsageError, match=f"as {status}"):
            relay.judge(Verdict(status))
    relay.close()
    assert judged == []


def test_one_of_an_older_attempt_is_late(socket: Path, judged: list[Verdict], lease: Lease) -> None:
    peer = sockets.socket(sockets.AF_UNIX, sockets.SOCK_STREAM)
    peer.settimeout(10)
    peer.connect(str(socket))
    arguments = {"verdict": encode(Verdict(Status.FAILED)), "attempt": lease.attempt - 1}
    peer.sendall(json.dumps({"id": 1, "call": "verdict", "arguments": arguments}).encode() + b"\n")
    with peer.makefile("rb") as answers:
        assert json.loads(answers.readline())["error"]["kind"] == "LateWrite"
    peer.close()
    assert judged == []
