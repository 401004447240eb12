"""What the engine sends in frames arrives as what was printed: whole, in order, and bounded."""

from __future__ import annotations

import fcntl
import os
import select
import socket
import struct
import termios
import threading
import time
from collections.abc import Iterator

import pytest

from executors.docker import drained
from executors.docker.stream import Frames, Stream

DEADLINE = 30.0


def frame(payload: bytes, kind: int = 1) -> bytes:
    return struct.pack(">BxxxL", kind, len(payload)) + payload


class Ends:
    """A stream between an engine's end of a connection and the reading end of a pipe."""

    def __init__(self) -> None:
        self.engine, self.connection = socket.socketpair()
        self.output, written = os.pipe()
        self.stream = Stream(self.connection, written)
        self.thread = threading.Thread(target=self.stream.pump, daemon=True)

    def read_all(self) -> bytes:
        seen = bytearray()
        while select.select([self.output], [], [], DEADLINE)[0]:
            chunk = os.read(self.output, 65536)
            if not chunk:
                return bytes(seen)
            seen += chunk
        raise AssertionError("no end")

    def send_all(self, data: bytes) -> threading.Thread:
        def send() -> None:
            self.engine.sendall(data)
            self.engine.shutdown(socket.SHUT_WR)

        thread = threading.Thread(target=send, daemon=True)
        thread.start()
        return thread


@pytest.fixture
def ends() -> Iterator[Ends]:
    made = Ends()
    yield made
    os.close(made.output)
    made.stream.hang_up()
    if made.thread.ident is not None:
        made.thread.join(DEADLINE)
        assert not made.thread.is_alive()
    made.stream.close()
    made.engine.close()


def test_the_first_line_is_kept_from_the_output_and_what_follows_is_not(ends: Ends) -> None:
    sender = ends.send_all(frame(b"ru") + frame(b"n\nfirst") + frame(b" words"))
    assert ends.stream.first_line(DEADLINE) == b"run"
    ends.thread.start()
    assert ends.read_all() == b"first words"
    sender.join(DEADLINE)


def test_an_early_end_leaves_what_there_is_of_a_first_line(ends: Ends) -> None:
    ends.send_all(frame(b"ru")).join(DEADLINE)
    assert ends.stream.first_line(DEADLINE) == b"ru"


def test_frames_of_every_size_arrive_in_order(ends: Ends) -> None:
    payloads = [os.urandom(size) for size in (0, 1, 32768, 65536, 262140, 262144, 1_000_000, 5)]
    sender = ends.send_all(b"".join(map(frame, payloads)))
    ends.thread.start()
    assert ends.read_all() == b"".join(payloads)
    sender.join(DEADLINE)


def test_a_frame_that_comes_byte_by_byte_arrives_whole(ends: Ends) -> None:
    ends.thread.start()
    for byte in frame(b"slow"):
        ends.engine.send(bytes([byte]))
    ends.engine.shutdown(socket.SHUT_WR)
    assert ends.read_all() == b"slow"


def test_a_connection_that_breaks_within_a_frame_ends_the_output(ends: Ends) -> None:
    ends.send_all(frame(b"whole") + frame(b"broken")[:-3]).join(DEADLINE)
    ends.thread.start()
    assert ends.read_all() == b"wholebro"


def test_a_reader_that_waits_makes_the_engine_wait(ends: Ends) -> None:
    ends.thread.start()
    ends.engine.setblocking(False)
    sent = 0
    # The pipe, the connection and nothing else: the engine is stopped early.
    while select.select([], [ends.engine], [], 0.5)[1]:
        try:
            sent += ends.engine.send(frame(b"x" * 30000))
        except BlockingIOError:
            continue
    assert sent < 2_000_000


def test_room_is_made_for_what_a_dying_command_printed(ends: Ends) -> None:
    ends.thread.start()
    sender = ends.send_all(frame(b"x" * 30000) * 100)
    sender.join(0.2)
    assert sender.is_alive()
    ends.stream.make_room()
    sender.join(DEADLINE)
    assert not sender.is_alive()
    assert ends.read_all() == b"x" * 3_000_000


def test_what_was_not_put_into_the_pipe_is_there_for_a_successor() -> None:
    engine, connection = socket.socketpair()
    with engine, connection, socket.socket(fileno=os.dup(connection.fileno())) as copy:
        engine.sendall(frame(b"one") + frame(b"two"))
        killed, successor = Frames(connection), Frames(copy)
        assert killed.next() == b"onetwo"
        assert successor.next() == b"onetwo"
        killed.release()
        killed.release()
        engine.sendall(frame(b"three"))
        assert successor.next() == b"three"


def test_the_pump_leaves_in_the_connection_what_the_pipe_has_no_room_for(ends: Ends) -> None:
    with socket.socket(fileno=os.dup(ends.connection.fileno())) as copy:
        ends.send_all(frame(b"x" * 30000) * 6).join(DEADLINE)
        ends.thread.start()
        deadline = time.monotonic() + DEADLINE
        while (piped := waiting_in(ends.output)) < 65536 and time.monotonic() < deadline:
            time.sleep(0.01)
        left = Frames(copy).next()
        assert left is not None
        assert piped + len(left) >= 180000


def waiting_in(pipe: int) -> int:
    return int(struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4))[0])


def test_a_successor_reads_the_pipe_and_then_the_connection() -> None:
    engine, connection = socket.socketpair()
    output, written = os.pipe()
    os.write(written, b"in the pipe, ")
    os.close(written)
    with engine, connection:
        engine.sendall(frame(b"in the ") + frame(b"connection"))
        engine.shutdown(socket.SHUT_WR)
        left = drained((output, connection.fileno()))
        seen = b""
        while chunk := os.read(left, 1000):
            seen += chunk
        assert seen == b"in the pipe, in the connection"
        assert connection.fileno() >= 0
    os.close(left)
    os.close(output)
