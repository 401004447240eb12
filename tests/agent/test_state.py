"""What an attempt's folder tells over an upgrade of the agent."""

from __future__ import annotations

import json
from pathlib import Path

from agent.state import AttemptMark, AttemptState, ProcessMark
from elsewhere.contract.codec import encode
from elsewhere.contract.lease import Lease
from elsewhere.contract.outcome import Exited, Verdict, status_of
from elsewhere.contract.status import Status

LEASE = Lease("0" * 32, 1, "box", 20.0)


def test_the_mark_of_a_supervisor_from_before_there_were_containers_is_read(tmp_path: Path) -> None:
    """Else an upgraded daemon would not find its live supervisors."""
    old = {
        "lease": encode(LEASE),
        "slot": 3,
        "supervisor": {"pid": 11, "started": 1.0},
        "command": {"pid": 12, "started": 2.0},
    }
    (tmp_path / "attempt.json").write_text(json.dumps(old))
    expected = AttemptMark(LEASE, ProcessMark(11, 1.0), ProcessMark(12, 2.0))
    assert AttemptState(tmp_path).read_mark() == expected


def test_a_mark_comes_back_as_it_was_written(tmp_path: Path) -> None:
    mark = AttemptMark(LEASE, ProcessMark(11, 1.0), ProcessMark(12, 2.0), "unix:///run/engine.sock")
    AttemptState(tmp_path).write_mark(mark)
    assert AttemptState(tmp_path).read_mark() == mark


def test_the_last_verdict_of_a_script_comes_back_and_what_is_no_verdict_is_none(tmp_path: Path) -> None:
    state = AttemptState(tmp_path)
    assert state.read_verdict() is None
    state.write_verdict(Verdict(Status.FAILED))
    state.write_verdict(Verdict(Status.STOPPED, "early"))
    assert state.read_verdict() == Verdict(Status.STOPPED, "early")
    (tmp_path / "verdict.json").write_text('{"status": "gone"}')
    assert state.read_verdict() is None


def test_an_outcome_comes_back_with_the_verdict_that_it_holds(tmp_path: Path) -> None:
    outcome = Exited(0, verdict=Verdict(Status.FAILED, "loss is NaN"))
    AttemptState(tmp_path).write_outcome(outcome)
    assert AttemptState(tmp_path).read_outcome() == outcome
    assert status_of(outcome) is Status.FAILED
