"""What the log view is made of: the same whatever way a log was cut into chunks."""

from __future__ import annotations

import io
import itertools
import re

from hypothesis import given
from hypothesis import strategies as st

from elsewhere.contract.task import LogChunk
from elsewhere.escapes import EscapeFilter
from elsewhere.following import TextView, last_lines

PIECES = st.sampled_from(
    [
        b"text", b"\n", b"\r", b"\x1b", b"[", b"]", b"31", b";", b"m", b"K", b"\x07", b"\\", b"P", b"\x1b[0m",
        b"\x1b]0;title\x07", b"\x1b[2J", b"\x1b[38;5;1m", b"\xc2", b"\x9b", b"\xe2\x82\xac", b"\x00", b"(B",
    ]
)  # fmt: skip
LOGS = st.lists(PIECES, max_size=30).map(b"".join)
COLOUR = re.compile(rb"\x1b\[[0-9;:]*m")


def cut(text: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(text) + 1) for place in places), len(text)]
    return [text[start:end] for start, end in itertools.pairwise(edges)]


def filtered(chunks: list[bytes]) -> bytes:
    escapes = EscapeFilter()
    return b"".join([*map(escapes.feed, chunks), escapes.close()])


@given(LOGS, st.lists(st.integers(0, 1000), max_size=5))
def test_escapes_are_found_however_they_are_cut(log: bytes, places: list[int]) -> None:
    assert filtered(cut(log, places)) == filtered([log])


@given(LOGS)
def test_no_escape_but_colours_reaches_the_terminal(log: bytes) -> None:
    rest = COLOUR.sub(b"", filtered([log]))
    assert b"\x1b" not in rest
    assert b"\x00" not in rest


@given(st.text())
def test_text_passes_untouched(text: str) -> None:
    plain = "".join(
        letter for letter in text if letter in "\b\t\n\r" or ord(letter) >= 160 or " " <= letter <= "~"
    )
    assert filtered([plain.encode()]) == plain.encode()


def test_an_escape_without_an_end_swallows_only_itself() -> None:
    endless = b"\x1b]52;c;" + b"A" * 100_000
    assert filtered([endless, b"\nafter\n"]).endswith(b"\nafter\n")
    many = b"\x1b]" * 200_000
    assert b"\x1b" not in filtered([many])


def test_a_state_that_was_overwritten_between_two_reads_is_not_shown() -> None:
    pieces = [("output", b"a\n"), ("live", b"10%"), ("live", b"20%"), ("output", b"100%\n")]
    chunks = [LogChunk(str(at), kind, 1, data, 0.0) for at, (kind, data) in enumerate(pieces)]
    assert [chunk.data for chunk in last_lines(chunks, 5)] == [b"a\n", b"100%\n"]
    stream = io.TextIOWrapper(io.BytesIO())
    view = TextView(stream)
    for chunk in chunks:
        view.show(chunk)
    view.close()
    assert stream.buffer.getvalue() == b"a\n100%\n"


@given(LOGS, st.lists(st.integers(0, 1000), max_size=5), st.integers(0, 6))
def test_the_last_lines_are_those_of_the_whole_log(log: bytes, places: list[int], count: int) -> None:
    chunks = [LogChunk(str(at), "output", 1, data, 0.0) for at, data in enumerate(cut(log, places)) if data]
    lines = re.findall(rb"[^\n]*\n|[^\n]+\Z", log)
    expected = b"".join(lines[-count:]) if count else b""
    assert b"".join(chunk.data for chunk in last_lines(chunks, count)) == expected


def test_a_stream_that_takes_text_alone_gets_whole_characters() -> None:
    stream = io.StringIO()
    view = TextView(stream)
    for data in ("é".encode()[:1], "é".encode()[1:] + b"\n"):
        view.show(LogChunk("1", "output", 1, data, 0.0))
    view.close()
    assert stream.getvalue() == "é\n"
