"""What every way to read the GPUs promises, on each of them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pynvml
import pytest
from gpu.driver import Driver

import agent.gpu
from agent.gpu import Gpu, Gpus
from agent.gpu.nvml import NvmlGpus
from agent.gpu.recorded import RecordedGpus, write
from elsewhere.contract.errors import ConfigurationError

Open = Callable[[tuple[Gpu, ...]], Gpus]


@pytest.fixture(params=["nvml", "recorded"])
def open_gpus(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Open:
    def opened(gpus: tuple[Gpu, ...]) -> Gpus:
        if request.param == "nvml":
            Driver(monkeypatch, gpus)
            return NvmlGpus()
        write(tmp_path / "gpus.json", [gpus])
        return RecordedGpus(tmp_path / "gpus.json")

    return opened


def test_each_gpu_is_told_with_all_that_is_known_of_it(open_gpus: Open, readings: tuple[Gpu, ...]) -> None:
    gpus = open_gpus(readings)
    assert gpus.look() == readings
    assert gpus.look() == readings
    assert gpus.absence == ""


def test_a_gpu_that_does_not_tell_its_memory_is_there_all_the_same(
    open_gpus: Open, readings: tuple[Gpu, ...]
) -> None:
    silent = replace(readings[1], index=0, peers=(), memory_total=0)
    assert open_gpus((silent,)).look() == (silent,)


def test_a_machine_without_gpus_says_why(open_gpus: Open) -> None:
    gpus = open_gpus(())
    assert gpus.look() == ()
    assert gpus.absence
    assert not gpus.absence.endswith(".")


def test_what_was_closed_finds_nothing_and_may_be_closed_again(
    open_gpus: Open, readings: tuple[Gpu, ...]
) -> None:
    gpus = open_gpus(readings)
    gpus.close()
    gpus.close()
    assert gpus.look() == ()


def test_several_threads_may_look(open_gpus: Open, readings: tuple[Gpu, ...]) -> None:
    gpus = open_gpus(readings)
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda _: gpus.look(), range(40))) == {readings}


class TestTheDriver:
    def test_a_gpu_that_fell_off_the_bus_is_left_out(
        self, monkeypatch: pytest.MonkeyPatch, readings: tuple[Gpu, ...]
    ) -> None:
        driver = Driver(monkeypatch, readings)
        gpus = NvmlGpus()
        driver.lost.add("GPU-1b")
        assert gpus.look() == (readings[0], readings[2])

    def test_a_gpu_in_parts_is_told_as_its_parts(
        self, monkeypatch: pytest.MonkeyPatch, readings: tuple[Gpu, ...]
    ) -> None:
        driver = Driver(monkeypatch, readings[:1])
        parts = [Gpu(0, f"MIG-{number}", "NVIDIA A100", 10) for number in range(2)]
        driver.instances["GPU-0a"] = parts
        assert NvmlGpus().look() == tuple(parts)

    def test_a_machine_without_the_driver_has_no_gpus(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def no_library() -> None:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

        monkeypatch.setattr(pynvml, "nvmlInit", no_library)
        gpus = NvmlGpus()
        assert gpus.look() == ()
        assert "driver" in gpus.absence

    def test_a_machine_without_the_package_has_no_gpus(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "pynvml", None)
        gpus = NvmlGpus()
        assert gpus.look() == ()
        assert "nvidia-ml-py" in gpus.absence

    def test_nobody_pays_for_it_who_does_not_look(self) -> None:
        code = "import sys, agent.gpu, agent.daemon; sys.exit('pynvml' in sys.modules)"
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


class TestTheRecording:
    def test_readings_are_played_one_after_the_other(self, tmp_path: Path, readings: tuple[Gpu, ...]) -> None:
        path = tmp_path / "gpus.json"
        write(path, [readings, readings[:1]])
        gpus = RecordedGpus(path)
        assert [gpus.look() for _ in range(3)] == [readings, readings[:1], readings[:1]]
        write(path, [readings[1:]])
        assert gpus.look() == readings[1:]

    def test_one_reading_alone_will_do(self, tmp_path: Path) -> None:
        path = tmp_path / "gpus.json"
        path.write_text('[{"index": 0, "uuid": "GPU-1", "memory_total": 5, "added_tomorrow": 1}]')
        assert RecordedGpus(path).look() == (Gpu(0, "GPU-1", memory_total=5),)

    @pytest.mark.parametrize("text", ["", "{", "5", '[[{"index": 0}]]', '[["x"]]', '{"gpus": []}'])
    def test_what_is_no_recording_is_told_at_once(self, tmp_path: Path, text: str) -> None:
        path = tmp_path / "gpus.json"
        path.write_text(text)
        with pytest.raises(ConfigurationError, match=r"gpus\.json"):
            RecordedGpus(path)

    def test_the_environment_chooses_it(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, readings: tuple[Gpu, ...]
    ) -> None:
        write(tmp_path / "gpus.json", [readings])
        monkeypatch.setenv("ELSEWHERE_GPUS_RECORDED", str(tmp_path / "gpus.json"))
        assert agent.gpu.here().look() == readings
