"""NVIDIA's driver as nvidia-ml-py shows it, made to tell what a reading says; the package itself is the real one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pynvml
import pytest

from agent.gpu import Gpu


class Driver:
    """A driver with these GPUs; what is None in a reading is not supported on that GPU."""

    def __init__(self, patch: pytest.MonkeyPatch, gpus: tuple[Gpu, ...]) -> None:
        self.gpus = gpus
        self.lost: set[str] = set()
        self.instances: dict[str, list[Gpu]] = {}
        for name in vars(type(self)):
            if name.startswith("nvml"):
                patch.setattr(pynvml, name, getattr(self, name))

    def _told(self, gpu: Gpu, value: Any) -> Any:
        if gpu.uuid in self.lost:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)
        if value is None:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
        return value

    def nvmlInit(self) -> None: ...

    def nvmlShutdown(self) -> None: ...

    def nvmlDeviceGetCount(self) -> int:
        return len(self.gpus)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> Gpu:
        return self.gpus[index]

    def nvmlDeviceGetUUID(self, gpu: Gpu) -> str:
        return self._told(gpu, gpu.uuid)

    def nvmlDeviceGetName(self, gpu: Gpu) -> str:
        return self._told(gpu, gpu.name)

    def nvmlDeviceGetPciInfo(self, gpu: Gpu) -> Any:
        return SimpleNamespace(busId=f"00000000:{0x10 + gpu.index:02X}:00.0")

    def nvmlDeviceGetMemoryInfo(self, gpu: Gpu) -> Any:
        memory = SimpleNamespace(total=gpu.memory_total, used=gpu.memory_used)
        return self._told(gpu, memory if gpu.memory_total else None)

    def nvmlDeviceGetUtilizationRates(self, gpu: Gpu) -> Any:
        return self._told(gpu, None if gpu.utilisation is None else SimpleNamespace(gpu=int(gpu.utilisation)))

    def nvmlDeviceGetTemperature(self, gpu: Gpu, _sensor: int) -> int:
        return self._told(gpu, None if gpu.temperature is None else int(gpu.temperature))

    def nvmlDeviceGetPowerUsage(self, gpu: Gpu) -> int:
        return self._told(gpu, None if gpu.power is None else int(gpu.power * 1000))

    def nvmlDeviceGetP2PStatus(self, gpu: Gpu, other: Gpu, _what: int) -> int:
        return pynvml.NVML_P2P_STATUS_OK if other.uuid in gpu.peers else pynvml.NVML_P2P_STATUS_NOT_SUPPORTED

    def nvmlDeviceGetMigMode(self, gpu: Gpu) -> list[int]:
        mode = pynvml.NVML_DEVICE_MIG_ENABLE if gpu.uuid in self.instances else pynvml.NVML_DEVICE_MIG_DISABLE
        return [mode, mode]

    def nvmlDeviceGetMaxMigDeviceCount(self, gpu: Gpu) -> int:
        return 7

    def nvmlDeviceGetMigDeviceHandleByIndex(self, gpu: Gpu, number: int) -> Gpu:
        try:
            return self.instances[gpu.uuid][number]
        except IndexError:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_FOUND) from None

    def nvmlDeviceGetComputeRunningProcesses(self, gpu: Gpu) -> list[Any]:
        processes = gpu.processes
        if processes is not None:
            return self._told(
                gpu, [SimpleNamespace(pid=p.pid, usedGpuMemory=p.memory_bytes) for p in processes]
            )
        return self._told(gpu, None)
