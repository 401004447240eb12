"""The launch of an attempt: the command of the desk, and nothing of the machine that is not meant for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from agent import launch
from agent.surroundings import SurroundingsConfig
from elsewhere.contract.errors import LaunchError
from elsewhere.contract.lease import Lease
from elsewhere.contract.spec import Entry
from elsewhere.contract.terms import Limits
from executors.contract import Container, Launch


@dataclass(frozen=True)
class Environment:
    """An environment as it is with a layer of the tree's own packages."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def variables(self, path: str) -> Mapping[str, str]:
        return {
            "VIRTUAL_ENV": str(self.folder),
            "PATH": f"{self.folder / 'bin'}:{path}",
            "ELSEWHERE_LAYER": "/layer",
        }


LEASE = Lease("0" * 32, 3, "box", 20.0)
ENTRY = Entry("src/train.py", working_directory="runs", arguments=("--C", "0.5"))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "tree" / "src").mkdir(parents=True)
    (tmp_path / "tree" / "src" / "train.py").write_text("")
    return tmp_path / "tree"


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return Environment(tmp_path / "environment")


@pytest.fixture
def build(tree: Path, environment: Environment, tmp_path: Path) -> Any:
    def make(entry: Entry = ENTRY, *, gpus: tuple[str, ...] | None = None, **options: Any) -> Launch:
        return launch.build(
            entry, tree, environment, LEASE, sdk=tmp_path / "sdk", relay=tmp_path / "relay.sock", gpus=gpus,
            limits=Limits(1, 2.0), **options,
        )  # fmt: skip

    return make


def test_the_command_is_what_a_person_would_type(build: Any, tree: Path, environment: Environment) -> None:
    made = build()
    assert made.argv == (str(environment.python), "../src/train.py", "--C", "0.5")
    assert made.working_directory == tree / "runs"
    assert made.working_directory.is_dir()
    module = build(Entry("pkg.fit", "module", arguments=("-x",)))
    assert module.argv[1:] == ("-m", "pkg.fit", "-x")
    assert made.limits == Limits(1, 2.0)


def test_a_script_that_did_not_travel_and_a_folder_outside_are_refused(build: Any) -> None:
    with pytest.raises(LaunchError, match=r"missing\.py is not in the rebuilt tree"):
        build(Entry("missing.py"))
    with pytest.raises(LaunchError, match="outside"):
        build(replace(ENTRY, working_directory="../.."))


def test_the_process_gets_the_environments_the_attempts_and_the_tasks_variables(
    build: Any, environment: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin")
    monkeypatch.setenv("PYTHONPATH", "/of/the/daemons/shell")
    monkeypatch.setenv("ELSEWHERE_REDIS_URL", "redis://:hunter2@127.0.0.1/0")
    made = build(replace(ENTRY, variables=("HF_HOME=/data", "PYTHONPATH=src"))).environment
    assert (made["VIRTUAL_ENV"], made["ELSEWHERE_LAYER"]) == (str(environment.folder), "/layer")
    assert made["PATH"] == f"{environment.folder / 'bin'}:/usr/bin"
    assert made["PYTHONPATH"] == f"{tmp_path / 'sdk'}:src"
    assert (made["ELSEWHERE_TASK_ID"], made["ELSEWHERE_ATTEMPT"]) == (LEASE.task_id, "3")
    assert (made["ELSEWHERE_RELAY"], made["HF_HOME"]) == (str(tmp_path / "relay.sock"), "/data")
    assert "hunter2" not in str(made)
    assert build().environment["PYTHONPATH"] == str(tmp_path / "sdk")


def test_a_variable_that_a_task_may_not_set_is_no_launch(build: Any) -> None:
    with pytest.raises(LaunchError, match="LD_PRELOAD"):
        build(replace(ENTRY, variables=("LD_PRELOAD=evil.so",)))


def test_what_the_owner_adds_and_hides_is_followed(build: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "mars")
    monkeypatch.setenv("TZ", "UTC")
    assert "AWS_REGION" not in build().environment
    made = build(surroundings=SurroundingsConfig(("AWS_*",), ("TZ",))).environment
    assert made["AWS_REGION"] == "mars"
    assert "TZ" not in made


@pytest.mark.parametrize(("gpus", "shown"), [(("2", "3"), "2,3"), ((), "")])
def test_the_script_sees_the_gpus_of_its_slot_in_the_drivers_order(
    build: Any, gpus: tuple[str, ...], shown: str
) -> None:
    made = build(gpus=gpus).environment
    assert made["CUDA_VISIBLE_DEVICES"] == shown
    assert made["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"


def test_without_gpus_to_deal_the_machines_own_setting_stays(
    build: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    monkeypatch.delenv("CUDA_DEVICE_ORDER", raising=False)
    made = build().environment
    assert made["CUDA_VISIBLE_DEVICES"] == "1"
    assert "CUDA_DEVICE_ORDER" not in made


def test_in_a_container_the_images_own_variables_stay(
    build: Any, environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HOME", "USER", "TMPDIR", "XDG_CACHE_HOME", "LD_LIBRARY_PATH", "NVIDIA_VISIBLE_DEVICES"):
        monkeypatch.setenv(name, "/of/the/machine")
    monkeypatch.setenv("PATH", "/of/the/machine/bin")
    monkeypatch.setenv("NCCL_DEBUG", "INFO")
    container = Container("sha256:0")
    made = build(container=container, gpus=("4", "7"))
    assert made.container is container
    assert "/of/the/machine" not in str(made.environment)
    assert made.environment["NCCL_DEBUG"] == "INFO"
    assert made.environment["PATH"] == f"{environment.folder / 'bin'}:{launch.CONTAINER_PATH}"
    # The two that are in there are counted from 0 again.
    assert made.environment["CUDA_VISIBLE_DEVICES"] == "0,1"
    assert (
        build(container=container, image_variables={"PATH": "/conda/bin"})
        .environment["PATH"]
        .endswith(":/conda/bin")
    )
    assert "CUDA_VISIBLE_DEVICES" not in build(container=container, gpus=("MIG-1",)).environment
