"""Looks at an attempt every few seconds, and writes what it takes into the task's series.

An attempt never fails, nor waits, because of it: whatever goes wrong is said once in the
supervisor's log, and the next look is taken as if nothing had been. It is held to a share of a
processor by its own accounts: where a look takes longer, there are fewer.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from agent.monitor import titles
from agent.monitor.config import MonitorConfig
from agent.monitor.network import transferred
from agent.monitor.processes import Look, ProcessTree, pss_bytes
from elsewhere.contract.series import Points, Scalars

if TYPE_CHECKING:
    from agent.gpu.port import Gpu, Gpus

SHARE = 0.002
"""Of one processor: what looking may take, and once more what measuring memory truly may take."""
FIRST_SECONDS = 1.0
"""The first look, unless looks are more frequent: a short script shall have one, too."""
FAREWELL_SECONDS = 2.0
"""How long ``finish`` waits for a look in progress; a driver may hang."""

Write = Callable[[Sequence[Scalars]], None]
"""Takes a batch. What it raises costs that batch only."""

Reading = tuple[str, str, float]
"""Title, series and value."""

_logger = logging.getLogger(__name__)


class Monitor:
    """Watches one tree of processes in a thread of its own, from ``start`` to ``finish``.

    Args:
        pid: the process at the top of the tree, by its id on this machine (a container's init);
            None watches GPUs and the network alone.
        write: is given what was seen, a batch a look.
        gpus: how GPUs are read; None reads none.
        devices: indices or UUIDs of the GPUs that the attempt has; None means all.
        adopter: the subreaper of the tree, where all its children belong to the tree.
    """

    def __init__(
        self,
        pid: int | None,
        write: Write,
        config: MonitorConfig,
        gpus: Gpus | None = None,
        *,
        devices: tuple[str, ...] | None = None,
        adopter: int | None = None,
    ) -> None:
        self._pid = pid
        self._tree = None if pid is None else ProcessTree(pid, adopter)
        self._write = write
        self._seconds = config.seconds
        self._gpus = gpus
        self._devices = devices
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="monitor", daemon=True)
        self._began = self._looked = 0.0
        self._before: Look | None = None
        self._network_before: tuple[int, int] | None = None
        self._pss_due = 0.0
        self._pss_cost = 0.0
        self._complained = False

    def start(self) -> None:
        """Begin to watch, unless the configuration says never. To be called once."""
        if self._seconds:
            self._began = time.monotonic()
            self._thread.start()

    def finish(self) -> None:
        """Watch no more. Safe to repeat, and to call without a start."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join(FAREWELL_SECONDS)

    def _watch(self) -> None:
        self._attempt(lambda: list(self._readings()))  # what rates are counted from
        pause = min(FIRST_SECONDS, self._seconds)
        while not self._over.wait(pause):
            begun = time.thread_time()
            self._attempt(self._look)
            cost = time.thread_time() - begun - self._pss_cost
            pause = max(self._seconds, cost / SHARE)

    def _attempt(self, work: Callable[[], object]) -> None:
        try:
            work()
        except Exception:
            if not self._complained:
                _logger.exception("the resource monitor missed something")
            self._complained = True

    def _look(self) -> None:
        now, age = time.time(), round(time.monotonic() - self._began)
        batch = [
            Scalars(title, series, Points.of([(age, value, now)]))
            for title, series, value in self._readings()
        ]
        if batch:
            self._write(batch)

    def _readings(self) -> Iterator[Reading]:
        now = time.monotonic()
        elapsed, self._looked = now - self._looked, now
        self._pss_cost = 0.0
        yield from self._tree_readings(elapsed)
        yield from self._network_readings(elapsed)
        if self._gpus is not None:
            for gpu in self._gpus.look():
                if self._has(gpu):
                    yield from _gpu_readings(gpu)

    def _tree_readings(self, elapsed: float) -> Iterator[Reading]:
        look = None if self._tree is None else self._tree.look()
        if look is None:
            return
        before, self._before = self._before, look
        yield titles.PROCESSES, titles.COUNT, float(look.processes)
        yield titles.MEMORY, titles.RSS, float(look.rss_bytes)
        pss = self._pss(look)
        if pss is not None:
            yield titles.MEMORY, titles.PSS, float(pss)
        if before is None:
            return
        yield titles.CPU, titles.PERCENT, 100 * _rate(before.cpu_seconds, look.cpu_seconds, elapsed)
        if before.read_bytes is not None and look.read_bytes is not None:
            yield titles.DISK, titles.READ, _rate(before.read_bytes, look.read_bytes, elapsed)
        if before.written_bytes is not None and look.written_bytes is not None:
            yield titles.DISK, titles.WRITTEN, _rate(before.written_bytes, look.written_bytes, elapsed)

    def _pss(self, look: Look) -> int | None:
        """The true size of the tree, as often as its price allows."""
        if time.monotonic() < self._pss_due:
            return None
        begun = time.thread_time()
        size = pss_bytes(look)
        self._pss_cost = time.thread_time() - begun
        self._pss_due = time.monotonic() + self._pss_cost / SHARE
        return size

    def _network_readings(self, elapsed: float) -> Iterator[Reading]:
        before, self._network_before = self._network_before, transferred(self._pid)
        if before is None or self._network_before is None:
            return
        received, sent = self._network_before
        yield titles.NETWORK, titles.RECEIVED, _rate(before[0], received, elapsed)
        yield titles.NETWORK, titles.SENT, _rate(before[1], sent, elapsed)

    def _has(self, gpu: Gpu) -> bool:
        if self._devices is None:
            return True
        # CUDA takes the beginning of a UUID for the whole.
        return any(
            device == str(gpu.index) or (device.startswith("GPU-") and gpu.uuid.startswith(device))
            for device in self._devices
        )


def _gpu_readings(gpu: Gpu) -> Iterator[Reading]:
    if gpu.utilisation is not None:
        yield titles.GPU, f"{gpu.index}_percent", gpu.utilisation
    yield titles.GPU, f"{gpu.index}_memory_bytes", float(gpu.memory_used)
    if gpu.temperature is not None:
        yield titles.GPU, f"{gpu.index}_celsius", gpu.temperature


def _rate(before: float, now: float, elapsed: float) -> float:
    # What left the tree unseen took its totals with it: that is no negative use.
    return max(0.0, now - before) / elapsed if elapsed > 0 else 0.0
