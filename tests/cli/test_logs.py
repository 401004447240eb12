"""`logs`: the script's bytes as they are, notes marked, live, and safe for a terminal."""

from __future__ import annotations

import json
import os
import pty
import signal
from contextlib import suppress
from typing import Any

import pytest

import queueing
from elsewhere.contract import keys
from elsewhere.contract.lease import Claim
from elsewhere.contract.outcome import Exited
from elsewhere.contract.task import NewTask

NOISE = b"epoch 1\rep\xff\x00och 2 \x1b[31mred\x1b[0m \x1b[2J\xe2\x82"


@pytest.fixture
def running(store: Any, new_task: NewTask) -> Claim:
    """A task that an attempt runs."""
    task = store.create(new_task)
    store.enqueue(task.id, "default")
    return queueing.take_task(store.connection, "box", task.id, 600.0)


class Live(bytes):
    """The state of a progress bar."""


def write(store: Any, claim: Claim, *pieces: bytes | str) -> None:
    """Append output (bytes), states (Live) and notes (text)."""
    task = claim.lease.task_id
    first = int(store.connection.hget(keys.task(task), "log_sequence")) + 1
    for sequence, piece in enumerate(pieces, first):
        if isinstance(piece, bytes):
            store.append_log(task, 1, sequence, piece, "live" if isinstance(piece, Live) else "output")
        else:
            store.append_log(task, 1, sequence, piece.encode(), "note")


def end(store: Any, claim: Claim, code: int = 0) -> None:
    queueing.commit(store.connection, claim.lease, Exited(code))


def read_until(descriptor: int, wanted: bytes) -> bytes:
    seen = b""
    while wanted not in seen:
        piece = os.read(descriptor, 65536)
        assert piece, f"it ended after {seen!r}"
        seen += piece
    return seen


def test_a_pipe_gets_the_bytes_as_they_were_written(agent: Any, store: Any, running: Claim) -> None:
    write(store, running, NOISE, b"\xac no newline")
    process = agent.start("logs", running.lease.task_id)
    out, err = process.communicate(timeout=60)
    assert (out, err, process.returncode) == (NOISE + b"\xac no newline", b"", 0)


def test_notes_stand_out_on_lines_of_their_own(agent: Any, store: Any, running: Claim) -> None:
    write(store, running, "the tree is rebuilt", b"half a line", "the agent was lost", b"more\n")
    assert agent("logs", running.lease.task_id).stdout == (
        "── the tree is rebuilt ──\nhalf a line\n── the agent was lost ──\nmore\n"
    )


@pytest.mark.parametrize(
    ("count", "expected"),
    [("0", ""), ("1", "d"), ("2", "c\nd"), ("3", "── note ──\nc\nd"), ("4", "b b\n── note ──\nc\nd")],
)
def test_tail_is_the_last_lines_however_they_were_cut(
    agent: Any, store: Any, running: Claim, count: str, expected: str
) -> None:
    write(store, running, b"a\nb", b" b\n", "note", b"c\nd")
    assert agent("logs", running.lease.task_id, "--tail", count).stdout == expected


def test_follow_shows_what_comes_and_ends_with_the_task(agent: Any, store: Any, running: Claim) -> None:
    write(store, running, b"one\ntwo\n")
    process = agent.start("logs", "-f", "--tail", "1", running.lease.task_id[:12])
    read_until(process.stdout.fileno(), b"two\n")
    write(store, running, b"three\n")
    read_until(process.stdout.fileno(), b"three\n")
    end(store, running, 1)
    out, err = process.communicate(timeout=60)
    assert (out, err, process.returncode) == (b"", b"", 0)


def test_follow_of_an_ended_task_ends(agent: Any, store: Any, running: Claim) -> None:
    write(store, running, b"one\ntwo\n")
    end(store, running)
    assert agent("logs", "-f", running.lease.task_id).stdout == "one\ntwo\n"
    assert agent("logs", "-f", "--tail", "1", running.lease.task_id).stdout == "two\n"


def test_an_interrupt_stops_following_only(agent: Any, store: Any, running: Claim) -> None:
    write(store, running, b"one\n")
    process = agent.start("logs", "-f", running.lease.task_id)
    read_until(process.stdout.fileno(), b"one\n")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (out, err, process.returncode) == (b"", b"", 130)
    assert store.get(running.lease.task_id).stop is None
    write(store, running, b"two\n")


def test_a_terminal_gets_colours_and_dim_notes_but_no_other_escapes(
    agent: Any, store: Any, running: Claim
) -> None:
    write(store, running, b"\x1b[31mred\x1b[0m \x1b]0;owned\x07\x1b[2", b"Jtext", "no\x1b[2Jte")
    end(store, running)
    controller, terminal = pty.openpty()
    process = agent.start("logs", "-f", running.lease.task_id, stdout=terminal)
    os.close(terminal)
    seen = b""
    with suppress(OSError):  # a terminal that nobody writes to any more reads as EIO
        while piece := os.read(controller, 65536):
            seen += piece
    os.close(controller)
    assert process.wait(60) == 0
    note = b"\x1b[2m" + "── note ──".encode() + b"\x1b[0m\r\n"
    assert seen == b"\x1b[31mred\x1b[0m text\r\n" + note + b"\x1b[0m"


ERASED, UNWRAPPED, WRAPPED = b"\r\x1b[K", b"\x1b[?7l", b"\x1b[?7h"


def in_place(state: bytes) -> bytes:
    return ERASED + UNWRAPPED + state + b"\x1b[0m" + WRAPPED


def test_a_terminal_shows_a_line_that_overwrites_itself_in_place(
    agent: Any, store: Any, running: Claim
) -> None:
    write(store, running, b"begin\n", Live(b"10%"))
    controller, terminal = pty.openpty()
    process = agent.start("logs", "-f", running.lease.task_id, stdout=terminal)
    seen = read_until(controller, b"10%")
    write(store, running, Live(b"\x1b[32m20%\x1b[A"))
    seen += read_until(controller, b"20%")
    write(store, running, b"100%\n", "done")
    end(store, running)
    os.close(terminal)
    with suppress(OSError):  # a terminal that nobody writes to any more reads as EIO
        while piece := os.read(controller, 65536):
            seen += piece
    os.close(controller)
    assert process.wait(60) == 0
    note = b"\x1b[2m" + "── done ──".encode() + b"\x1b[0m\r\n"
    assert seen == (
        b"begin\r\n" + in_place(b"10%") + in_place(b"\x1b[32m20%") + ERASED + b"100%\r\n" + note + b"\x1b[0m"
    )


def test_a_follower_in_a_pipe_gets_what_is_final_only(agent: Any, store: Any, running: Claim) -> None:
    write(store, running, b"begin\n", Live(b"10%"))
    process = agent.start("logs", "-f", running.lease.task_id)
    seen = read_until(process.stdout.fileno(), b"begin\n")
    write(store, running, Live(b"20%"))
    write(store, running, b"100%\n")
    end(store, running)
    assert seen + process.communicate(timeout=60)[0] == b"begin\n100%\n"


def test_the_state_of_a_running_bar_is_the_last_line_of_the_log(
    agent: Any, store: Any, running: Claim
) -> None:
    write(store, running, b"a\nb\n", Live(b"10%"))
    task = running.lease.task_id
    assert agent("logs", task).stdout == "a\nb\n10%"
    assert agent("logs", "--tail", "2", task).stdout == "b\n10%"
    assert agent("logs", "--tail", "0", task).stdout == ""
    kinds = [json.loads(line)["kind"] for line in agent("logs", "--json", task).stdout.splitlines()]
    assert kinds == ["output", "live"]
    write(store, running, b"loading: ", Live(b"20%"))
    assert agent.start("logs", task).communicate(timeout=60)[0] == b"a\nb\nloading: \r20%"


def test_with_json_each_piece_is_a_line_and_no_character_is_cut(
    agent: Any, store: Any, running: Claim
) -> None:
    write(store, running, "hello", b"5 \xe2\x82", b"\xac\xff\n")
    end(store, running)
    ended = agent("logs", "--json", running.lease.task_id)
    assert (ended.returncode, ended.stderr) == (0, "")
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [(line["kind"], line["text"]) for line in lines[:3]] == [
        ("note", "hello"), ("output", "5 "), ("output", "€\N{REPLACEMENT CHARACTER}\n"),
    ]  # fmt: skip
    assert lines[-1]["kind"] == "end"
    assert all(isinstance(line["time"], float) and line["attempt"] == 1 for line in lines)


def test_a_reader_that_leaves_early_is_no_error(agent: Any, store: Any, running: Claim) -> None:
    write(store, running, *[b"x" * 100_000 + b"\n"] * 5)
    process = agent.start("logs", running.lease.task_id)
    assert process.stdout.read(10) == b"x" * 10
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(60) == 141
