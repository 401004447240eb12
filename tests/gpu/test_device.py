"""Which of the machine's GPUs `--gpus` means."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.gpu import Gpu
from agent.gpu.device import chosen
from agent.gpu.recorded import RecordedGpus, write
from elsewhere.contract.errors import ConfigurationError


@pytest.fixture(autouse=True)
def _nothing_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


@pytest.fixture
def machine(tmp_path: Path) -> RecordedGpus:
    path = tmp_path / "gpus.json"
    parts = [Gpu(3, "MIG-d1", memory_total=5), Gpu(3, "MIG-d2", memory_total=5)]
    write(path, [[Gpu(0, "GPU-a1"), Gpu(1, "GPU-a2"), Gpu(2, "GPU-b3"), *parts]])
    return RecordedGpus(path)


@pytest.mark.parametrize(
    ("words", "handles"),
    [
        (("1",), ("1",)),
        (("2", "0"), ("0", "2")),
        (("GPU-b3", "0"), ("0", "GPU-b3")),
        (("GPU-b",), ("GPU-b3",)),
        (("3",), ("MIG-d1", "MIG-d2")),
        (("MIG-d2",), ("MIG-d2",)),
        (("all",), ("0", "1", "2", "MIG-d1", "MIG-d2")),
    ],
)
def test_a_task_is_told_a_gpu_as_the_agent_was(
    machine: RecordedGpus, words: tuple[str, ...], handles: tuple[str, ...]
) -> None:
    assert tuple(device.handle for device in chosen(words, machine)) == handles


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("7",), r"has no GPU 7\nIt has 0 \(GPU-a1\), 1"),
        (("GPU-c",), "has no GPU GPU-c"),
        (("GPU-a",), "begins several"),
        (("0", "GPU-a1"), "GPU-a1 is a GPU that was named already"),
    ],
)
def test_a_name_that_is_none_is_told(machine: RecordedGpus, words: tuple[str, ...], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        chosen(words, machine)


def test_an_agent_that_asks_for_gpus_where_there_are_none_is_told_why(tmp_path: Path) -> None:
    write(tmp_path / "gpus.json", [])
    with pytest.raises(ConfigurationError, match=r"no GPUs to deal out: the readings in .* show none"):
        chosen(("0",), RecordedGpus(tmp_path / "gpus.json"))


@pytest.mark.parametrize(("hidden", "handles"), [("1,0", ("0", "1")), ("GPU-b3", ("2",)), ("0", ("0",))])
def test_all_leaves_out_what_a_batch_system_hides(
    machine: RecordedGpus, monkeypatch: pytest.MonkeyPatch, hidden: str, handles: tuple[str, ...]
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    assert tuple(device.handle for device in chosen(("all",), machine)) == handles


def test_all_of_nothing_is_told(machine: RecordedGpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(ConfigurationError, match="hides every GPU"):
        chosen(("all",), machine)
