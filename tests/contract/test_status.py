from __future__ import annotations

import itertools

import pytest

from elsewhere.contract.outcome import (
    Exited,
    Lost,
    NeverRan,
    Outcome,
    Step,
    Stopped,
    exit_code_of,
    message_of,
    status_of,
)
from elsewhere.contract.status import ENDED, LEGAL_MOVES, Status, may_move


def test_every_status_has_its_legal_moves_and_none_leads_to_itself() -> None:
    assert set(LEGAL_MOVES) == set(Status)
    assert all(status not in targets for status, targets in LEGAL_MOVES.items())


def test_the_way_of_a_task_is_legal() -> None:
    way = [Status.CREATED, Status.QUEUED, Status.IN_PROGRESS, Status.COMPLETED, Status.PUBLISHED]
    assert all(may_move(origin, target) for origin, target in itertools.pairwise(way))


def test_nothing_leads_out_of_published() -> None:
    assert not any(may_move(Status.PUBLISHED, target) for target in Status)


def test_a_reset_leads_from_each_ended_status_but_published() -> None:
    resettable = {status for status in Status if may_move(status, Status.CREATED)}
    assert resettable == (ENDED - {Status.PUBLISHED}) | {Status.QUEUED}


def test_an_ended_task_runs_again_only_by_a_reset() -> None:
    for status in ENDED:
        assert not LEGAL_MOVES[status] & {Status.QUEUED, Status.IN_PROGRESS}


@pytest.mark.parametrize(
    ("outcome", "status", "code"),
    [
        (Exited(0), Status.COMPLETED, 0),
        (Exited(1), Status.FAILED, 1),
        (Exited(-15), Status.FAILED, -15),
        (NeverRan(Step.ENVIRONMENT, "no package x"), Status.FAILED, None),
        (Stopped("ada"), Status.STOPPED, None),
    ],
)
def test_each_outcome_has_its_status_and_code(outcome: Outcome, status: Status, code: int | None) -> None:
    assert (status_of(outcome), exit_code_of(outcome)) == (status, code)
    assert may_move(Status.IN_PROGRESS, status_of(outcome))


def test_a_lost_attempt_gives_its_task_no_status() -> None:
    with pytest.raises(ValueError):
        status_of(Lost("vanished"))


def test_your_script_failed_and_we_failed_to_run_it_are_told_in_different_words() -> None:
    assert message_of(Exited(3, "ValueError: x")) == "the script exited with code 3\nValueError: x"
    assert message_of(Exited(-11)) == "the script was killed by SIGSEGV"
    assert message_of(Exited(-250)) == "the script was killed by signal 250"
    assert message_of(NeverRan(Step.LAUNCH, "no python")) == "the script never ran (launch): no python"
    assert message_of(Exited(0)) == ""
