"""`daemon` and `execute`: what their options mean to the rooms behind them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

import agent.daemon
import agent.execute
from agent.cli import main
from agent.config import DaemonConfig
from elsewhere.contract.task import NewTask


def configured(monkeypatch: pytest.MonkeyPatch, *words: str) -> DaemonConfig:
    """The configuration that the daemon would have run with."""
    seen: list[DaemonConfig] = []

    def run(config: DaemonConfig) -> int:
        seen.append(config)
        return 7

    monkeypatch.setattr(agent.daemon, "run", run)
    assert main(["daemon", *words]) == 7, "the daemon's exit code is the command's"
    return seen[0]


def test_a_daemon_serves_the_default_queue_with_one_slot(
    elsewhere_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = configured(monkeypatch)
    assert (config.queues, config.slots, config.gpus, config.tags) == (("default",), 1, (), ())
    assert (config.name, config.once, config.exit_when_idle, config.json_log) == (None, False, None, False)
    assert (config.heartbeat_seconds, config.lease_seconds) == (5.0, 20.0)
    assert (config.stop_grace_seconds, config.on_partition, config.fair) == (10.0, "continue", False)
    assert (config.slots_per_gpu, config.skip_busy_gpus, config.reserve_after_seconds) == (1, False, 60)
    assert (config.packages_origin, config.docker) == ("", False)
    assert (config.docker_image, config.docker_arguments) == ("", ())
    assert config.settings.folders.config == elsewhere_home / "config"


def test_every_option_of_a_daemon_reaches_it(elsewhere_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = (
        "--queue b --queue a --queue b --slots 3 --gpus 0,GPU-1 --tag big --tag fast --name box --once"
        " --exit-when-idle 0 --heartbeat 0.5 --lease 2 --json --grace 3 --on-partition stop --fair"
        " --skip-busy-gpus --packages existing:/opt/env --docker team/image"
    )
    (elsewhere_home / "config").mkdir(parents=True)
    (elsewhere_home / "config" / "elsewhere.toml").write_text("[daemon]\nreserve_after = 5\n")
    config = configured(monkeypatch, *words.split(), "--docker-args", "--shm-size=8g -e 'NAME=two words'")
    assert (config.queues, config.slots, config.gpus) == (("b", "a"), 3, ("0", "GPU-1"))
    assert (config.tags, config.name, config.once) == (("big", "fast"), "box", True)
    assert (config.exit_when_idle, config.json_log) == (0.0, True)
    assert (config.heartbeat_seconds, config.lease_seconds) == (0.5, 2.0)
    assert (config.stop_grace_seconds, config.on_partition, config.fair) == (3.0, "stop", True)
    assert (config.skip_busy_gpus, config.reserve_after_seconds) == (True, 5)
    assert (config.packages_origin, config.docker, config.docker_image) == (
        "existing:/opt/env",
        True,
        "team/image",
    )
    assert config.docker_arguments == ("--shm-size=8g", "-e", "NAME=two words")


@pytest.mark.parametrize(
    ("words", "slots", "per_gpu"),
    [
        ("--gpus all", 0, 1),
        ("--gpus 0 --slots-per-gpu 2", 0, 2),
        ("--gpus 0 --slots 2", 2, 1),
        ("--slots 3", 3, 1),
    ],
)
def test_places_beside_gpus_are_those_that_were_asked_for(
    elsewhere_home: Path, monkeypatch: pytest.MonkeyPatch, words: str, slots: int, per_gpu: int
) -> None:
    config = configured(monkeypatch, *words.split())
    assert (config.slots, config.slots_per_gpu) == (slots, per_gpu)


def test_containers_may_leave_their_image_to_the_settings(
    elsewhere_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = configured(monkeypatch, "--docker", "")
    assert (config.docker, config.docker_image) == (True, "")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--gpus", "0,0"), "0 is named twice"),
        (("--gpus", "first"), "'first' names no GPU"),
        (("--gpus", "all,0"), "'all' names no GPU"),
        (("--slots-per-gpu", "2"), "this agent has no GPUs"),
        (("--skip-busy-gpus",), "this agent has no GPUs"),
        (("--gpus", "0", "--slots", "1", "--slots-per-gpu", "2"), "contradict one another"),
        (("--docker-args", "--shm-size=1g"), "tasks run in no containers"),
        (("--docker", "x", "--docker-args", "'"), "cannot be parted into words"),
        (("--packages", "somewhere"), "cannot come from 'somewhere'"),
    ],
)
def test_options_that_make_no_sense_are_told_before_anything_is_served(
    elsewhere_home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    says: str,
) -> None:
    monkeypatch.setattr(agent.daemon, "run", lambda config: 7)
    assert main(["daemon", *words]) == 2
    assert says in capfd.readouterr().err


def test_execute_resolves_the_id_and_keeps_stdout_to_the_task(
    elsewhere_home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    store: Any,
    new_task: NewTask,
    valkey_url: str,
) -> None:
    monkeypatch.setenv("ELSEWHERE_REDIS_URL", valkey_url)
    task = store.create(new_task)

    def run(settings: Any, task_id: str) -> int:
        os.write(1, f"running {task_id}\n".encode())
        return 3

    monkeypatch.setattr(agent.execute, "run", run)
    assert main(["execute", task.id[:12]]) == 3
    assert capfd.readouterr().out == f"running {task.id}\n"
    assert main(["execute", task.id[:12], "--json"]) == 3
    said = capfd.readouterr()
    assert json.loads(said.out)["id"] == task.id
    assert said.err == f"running {task.id}\n"
