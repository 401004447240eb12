"""Reads NVIDIA's GPUs through the driver's own library, by nvidia-ml-py."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from agent.gpu.port import Gpu, GpuProcess

_Value = TypeVar("_Value")

_PCI_DEVICES = Path("/sys/bus/pci/devices")


@dataclass(frozen=True)
class _Device:
    """A GPU, or a MIG instance of one, with what never changes of it."""

    handle: Any
    index: int
    uuid: str
    name: str
    numa_node: int | None
    peers: tuple[str, ...]


class NvmlGpus:
    """The GPUs of this machine; none where there is no driver.

    A GPU that is cut into MIG instances is told as these: each has the GPU's index and a
    UUID of its own, which begins with ``MIG-``.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._devices: tuple[_Device, ...] = ()
        self._open = False
        self.absence = ""
        try:
            # Not before here: most machines that import us have no GPU.
            import pynvml
        except ImportError:
            self.absence = "the package nvidia-ml-py is not installed (pip install 'elsewhere[agent]')"
            return
        nvml: Any = pynvml
        self._nvml = nvml
        try:
            nvml.nvmlInit()
        except nvml.NVMLError as error:
            self.absence = f"NVIDIA's driver does not answer: {error}"
            return
        self._open = True
        self._devices = tuple(self._find())
        if not self._devices:
            self.absence = "NVIDIA's driver knows of none"

    def look(self) -> tuple[Gpu, ...]:
        """A reading of each GPU that answers."""
        with self._lock:
            if not self._open:
                return ()
            readings = [self._read(device) for device in self._devices]
            return tuple(reading for reading in readings if reading is not None)

    def close(self) -> None:
        """Let go of the driver."""
        with self._lock:
            if self._open:
                self._open = False
                with contextlib.suppress(self._nvml.NVMLError):
                    self._nvml.nvmlShutdown()

    def _find(self) -> Iterator[_Device]:
        nvml = self._nvml
        count = self._told(nvml.nvmlDeviceGetCount) or 0
        handles = [self._told(nvml.nvmlDeviceGetHandleByIndex, index) for index in range(count)]
        uuids = [handle and self._told(nvml.nvmlDeviceGetUUID, handle) for handle in handles]
        for index, (handle, uuid) in enumerate(zip(handles, uuids, strict=True)):
            if not uuid:
                continue  # there, but out of order
            node, kind = self._numa_node(handle), _text(self._told(nvml.nvmlDeviceGetName, handle))
            instances = list(self._instances(handle))
            for instance, name in instances:
                yield _Device(instance, index, name, kind, node, ())
            if not instances:
                linked = [
                    _text(other)
                    for peer, other in zip(handles, uuids, strict=True)
                    if other and other != uuid and self._are_linked(handle, peer)
                ]
                yield _Device(handle, index, _text(uuid), kind, node, tuple(linked))

    def _instances(self, handle: Any) -> Iterator[tuple[Any, str]]:
        """The MIG instances of a GPU that is cut into such, and their UUIDs."""
        nvml = self._nvml
        mode = self._told(nvml.nvmlDeviceGetMigMode, handle)
        if not mode or mode[0] != nvml.NVML_DEVICE_MIG_ENABLE:
            return
        for number in range(self._told(nvml.nvmlDeviceGetMaxMigDeviceCount, handle) or 0):
            instance = self._told(nvml.nvmlDeviceGetMigDeviceHandleByIndex, handle, number)
            uuid = instance and self._told(nvml.nvmlDeviceGetUUID, instance)
            if uuid:
                yield instance, _text(uuid)

    def _numa_node(self, handle: Any) -> int | None:
        # Of the GPU's place in the machine. nvmlDeviceGetNumaNodeId tells of memory on the GPU itself,
        # which only some have as a node of its own.
        pci = self._told(self._nvml.nvmlDeviceGetPciInfo, handle)
        if pci is None:
            return None
        domain, _, rest = _text(pci.busId).lower().partition(":")
        try:
            node = int((_PCI_DEVICES / f"{domain[-4:]}:{rest}" / "numa_node").read_text())
        except (OSError, ValueError):
            return None
        return node if node >= 0 else None

    def _are_linked(self, handle: Any, peer: Any) -> bool:
        nvml = self._nvml
        status = self._told(nvml.nvmlDeviceGetP2PStatus, handle, peer, nvml.NVML_P2P_CAPS_INDEX_NVLINK)
        return bool(status == nvml.NVML_P2P_STATUS_OK)

    def _read(self, device: _Device) -> Gpu | None:
        nvml = self._nvml
        total = used = 0
        try:
            memory = nvml.nvmlDeviceGetMemoryInfo(device.handle)
            total, used = int(memory.total), int(memory.used)
        except nvml.NVMLError_NotSupported:
            pass  # it shares the machine's memory
        except nvml.NVMLError:
            return None
        rates = self._told(nvml.nvmlDeviceGetUtilizationRates, device.handle)
        temperature = self._told(nvml.nvmlDeviceGetTemperature, device.handle, nvml.NVML_TEMPERATURE_GPU)
        milliwatts = self._told(nvml.nvmlDeviceGetPowerUsage, device.handle)
        return Gpu(
            index=device.index,
            uuid=device.uuid,
            name=device.name,
            memory_total=total,
            memory_used=used,
            utilisation=None if rates is None else float(rates.gpu),
            temperature=None if temperature is None else float(temperature),
            power=None if milliwatts is None else milliwatts / 1000,
            numa_node=device.numa_node,
            peers=device.peers,
            processes=self._processes(device.handle),
        )

    def _processes(self, handle: Any) -> tuple[GpuProcess, ...] | None:
        running = self._told(self._nvml.nvmlDeviceGetComputeRunningProcesses, handle)
        if running is None:
            return None
        return tuple(
            GpuProcess(int(one.pid), None if one.usedGpuMemory is None else int(one.usedGpuMemory))
            for one in running
        )

    def _told(self, ask: Callable[..., _Value], *arguments: Any) -> _Value | None:
        """The driver's answer; None where this GPU, or this driver, has none."""
        try:
            return ask(*arguments)
        except self._nvml.NVMLError:
            return None


def _text(value: str | bytes | None) -> str:
    # Older releases of the package answer bytes.
    return value.decode() if isinstance(value, bytes) else value or ""
