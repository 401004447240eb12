"""The plan of what goes wrong: the same for the same seed, and complete."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from chaos.schedule import Fault, plan
from chaos.work import jobs


def _plan(seed: int, seconds: float = 180.0) -> tuple[Fault, ...]:
    return plan(seed, seconds, agents=4, lease=3.0)


def test_a_seed_gives_the_same_faults_and_tasks_again() -> None:
    assert _plan(7) == _plan(7)
    assert jobs(7, 300, 150.0) == jobs(7, 300, 150.0)


def test_a_seed_gives_the_same_faults_in_another_process() -> None:
    code = "from chaos.schedule import plan; print(plan(7, 180.0, agents=4, lease=3.0))"
    tests = Path(__file__).parents[1]
    told = [
        subprocess.run(
            [sys.executable, "-c", code], cwd=tests, env={"PYTHONHASHSEED": salt, "PYTHONPATH": str(tests)},
            capture_output=True, text=True, check=True,
        ).stdout
        for salt in ("1", "2")
    ]  # fmt: skip
    assert told == [f"{_plan(7)}\n"] * 2


def test_another_seed_gives_other_faults_and_tasks() -> None:
    assert _plan(7) != _plan(8)
    assert jobs(7, 300, 150.0) != jobs(8, 300, 150.0)


def test_a_longer_run_begins_like_a_shorter_one() -> None:
    short = [fault for fault in _plan(7, 60.0) if fault.at < 40]
    assert short == [fault for fault in _plan(7, 600.0) if fault.at < 40]


def test_faults_at_one_place_come_one_after_the_other_and_are_healed_in_the_end() -> None:
    for seed in range(20):
        faults = _plan(seed)
        assert [fault.at for fault in faults] == sorted(fault.at for fault in faults)
        lanes = defaultdict(list)
        for fault in faults:
            lanes[fault.place].append(fault)
        for lane in lanes.values():
            for one, next_one in itertools.pairwise(lane):
                assert one.at + one.seconds < next_one.at
            assert lane[-1].at + lane[-1].seconds <= 180.0


def test_three_minutes_bring_every_kind_of_fault_whatever_the_seed() -> None:
    for seed in range(20):
        assert len({fault.kind for fault in _plan(seed)}) == 14


def test_all_tasks_are_submitted_while_things_go_wrong() -> None:
    work = jobs(7, 300, 150.0)
    assert len(work) == 300
    assert all(0 <= one.at <= next_one.at <= 150 for one, next_one in itertools.pairwise(work))
