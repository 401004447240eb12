"""The checks of a chaos run see what they are there to see."""

from __future__ import annotations

from dataclasses import replace

import pytest
from chaos.checks import Story, complaints
from chaos.work import Told, expected_output

from elsewhere.contract.events import Event
from elsewhere.contract.spec import Entry, TaskSpec
from elsewhere.contract.status import Status
from elsewhere.contract.task import LogChunk, LogKind, TaskRecord

ID = "0" * 32
LINES = 5
RECORD = TaskRecord(ID, "chaos", "task", Status.COMPLETED, TaskSpec(Entry("main.py")), attempt=2, exit_code=0)


def _chunk(data: str, kind: LogKind = "output", attempt: int = 2) -> LogChunk:
    return LogChunk("0-1", kind, attempt, data.encode(), 0.0)


WHOLE = [_chunk("attempt 1 line 0\n", attempt=1), _chunk(expected_output(2, LINES)), _chunk("", "end")]
ENDED = [Event(0.0, "requeued", 1), Event(0.0, "ended", 2)]
RAN = [Told("start", ID, 1, 10), Told("start", ID, 2, 11), Told("end", ID, 2, 11)]
GOOD = Story(RECORD, WHOLE, ENDED, RAN, LINES)
POISONED = replace(
    GOOD,
    record=replace(
        RECORD,
        status=Status.FAILED,
        status_message="poisoned: 3 attempts",
        attempt=3,
        lost_attempts=3,
        exit_code=None,
    ),
    events=[
        Event(0.0, "requeued", 1),
        Event(0.0, "requeued", 2),
        Event(0.0, "poisoned", 3),
        Event(0.0, "ended", 3),
    ],
    told=RAN[:2],
)


@pytest.mark.parametrize("story", [GOOD, POISONED])
def test_there_is_nothing_to_say_about_a_task_that_went_well(story: Story) -> None:
    assert complaints(story) == []


BAD = {
    "never ended": (
        replace(GOOD, record=replace(RECORD, status=Status.IN_PROGRESS)),
        "neither completed nor",
    ),
    "failed": (replace(GOOD, record=replace(RECORD, status=Status.FAILED)), "neither completed nor"),
    "another exit": (replace(GOOD, record=replace(RECORD, exit_code=9)), "exited 9"),
    "committed twice": (replace(GOOD, events=[*ENDED, ENDED[-1]]), "for the attempts [2, 2]"),
    "never ran": (replace(GOOD, told=RAN[:1]), "left [] in the book"),
    "did not come to its end": (replace(GOOD, told=RAN[:2]), "not one start and one end"),
    "came to its end twice": (replace(GOOD, told=[*RAN, RAN[-1]]), "not one start and one end"),
    "an attempt ran twice": (replace(GOOD, told=[RAN[0], *RAN]), "attempt 1 was started 2 times"),
    "a later attempt ran": (replace(GOOD, told=[*RAN, Told("start", ID, 3, 12)]), "attempt 3 ran"),
    "lines are missing": (replace(GOOD, chunks=[WHOLE[0], WHOLE[2]]), "lacks 6 lines"),
    "lines are there twice": (replace(GOOD, chunks=[WHOLE[1], *WHOLE]), "has 6 lines"),
    "lines out of order": (
        replace(GOOD, chunks=[_chunk("\n".join(reversed(expected_output(2, LINES).splitlines()))), WHOLE[2]]),
        "not in order",
    ),
    "no end chunk": (replace(GOOD, chunks=WHOLE[:2]), "0 end chunks"),
    "poisoned too soon": (replace(POISONED, events=POISONED.events[1:]), "poisoned after 2"),
}


@pytest.mark.parametrize(("story", "words"), BAD.values(), ids=BAD)
def test_what_went_wrong_with_a_task_is_said(story: Story, words: str) -> None:
    assert any(words in complaint for complaint in complaints(story)), complaints(story)
