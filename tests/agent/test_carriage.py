"""Progress bars are stored in their last state, and nothing else is touched."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.carriage import LONGEST_STATE, Carriage


def stored(*pieces: bytes) -> bytes:
    carriage = Carriage()
    return b"".join(carriage.feed(piece) for piece in pieces) + carriage.finish()


@pytest.mark.parametrize(
    ("pieces", "result"),
    [
        ((b"plain\n", b"text"), b"plain\ntext"),
        ((b"\r 0%", b"\r50%", b"\r100%\n", b"done\n"), b"100%\ndone\n"),
        ((b"\r 0%\r50%",), b"50%"),
        ((b"dos\r\n", b"lines\r\n"), b"dos\r\nlines\r\n"),
        ((b"bar\r     \rnote\n",), b"note\n"),
        ((b"begun ", b"\rover\n"), b"begun \rover\n"),
        ((b"one\ntwo\rTWO\nthree",), b"one\nTWO\nthree"),
        ((b"split\r", b"\nnext\n"), b"split\r\nnext\n"),
    ],
)
def test_the_last_state_of_a_line_is_what_is_stored(pieces: tuple[bytes, ...], result: bytes) -> None:
    assert stored(*pieces) == result


def test_the_newest_state_is_shown_while_the_line_is_unfinished() -> None:
    carriage = Carriage()
    assert carriage.feed(b"\r 7%") == b""
    assert carriage.state == b" 7%"
    assert carriage.feed(b"\r 8%") == b""
    assert carriage.state == b" 8%"


def test_an_endless_line_of_overwriting_stays_bounded() -> None:
    carriage = Carriage()
    for _ in range(200):
        assert carriage.feed(b"\r" + b"x" * 1000 + b"y" * 1000) == b""
    assert len(carriage._state) <= LONGEST_STATE + 2001


@given(st.lists(st.binary().map(lambda data: data.replace(b"\r", b"."))))
def test_output_without_carriage_returns_passes_untouched(pieces: list[bytes]) -> None:
    assert stored(*pieces) == b"".join(pieces)


@given(st.binary(), st.lists(st.integers(0, 50)))
def test_how_output_is_cut_into_pieces_changes_at_most_a_return(data: bytes, cuts: list[int]) -> None:
    pieces, rest = [], data.replace(b"\x00", b"\r")
    for cut in cuts:
        pieces.append(rest[:cut])
        rest = rest[cut:]
    whole, cut_up = stored(data.replace(b"\x00", b"\r")), stored(*pieces, rest)
    assert cut_up.split(b"\n")[-1].split(b"\r")[-1].strip() == whole.split(b"\n")[-1].split(b"\r")[-1].strip()
    assert cut_up.count(b"\n") == whole.count(b"\n")
