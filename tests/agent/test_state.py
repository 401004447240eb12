"""What an attempt's folder tells over an upgrade of the agent."""

from __future__ import annotations

import json
from pathlib import Path

from agent.state import AttemptMark, AttemptState, ProcessMark
from elsewhere.contract.codec import encode
from elsewhere.contract.lease import Lease

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
