"""Plays recorded readings: a machine with GPUs, where there is none.

The file is a JSON list of readings, or one reading; a reading is a list of GPUs, each an object with
the fields of ``agent.gpu.Gpu``, of which ``index`` and ``uuid`` must be there. Each look plays
the next reading, and the last one stays. ``write`` makes such a file.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from agent.gpu.port import Gpu, GpuProcess
from elsewhere.contract.errors import ConfigurationError


class RecordedGpus:
    """Readings out of a file, which is read again whenever it has changed.

    Raises:
        ConfigurationError: the file cannot be read, or holds no readings.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._closed = False
        self._stamp = self._stamped()
        self._readings = _read(path)
        self._next = 0

    @property
    def absence(self) -> str:
        """Says so where not even the newest reading has a GPU."""
        return "" if self._readings[-1] else f"the readings in {self._path} show none"

    def look(self) -> tuple[Gpu, ...]:
        """The next reading."""
        with self._lock:
            if self._closed:
                return ()
            self._refresh()
            reading = self._readings[min(self._next, len(self._readings) - 1)]
            self._next += 1
            return reading

    def close(self) -> None:
        """Play no more."""
        self._closed = True

    def _refresh(self) -> None:
        stamp = self._stamped()
        if stamp == self._stamp:
            return
        try:
            self._readings, self._next, self._stamp = _read(self._path), 0, stamp
        except ConfigurationError:
            return  # half written, or gone: what was played last stands for what cannot be seen

    def _stamped(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino


def write(path: Path, readings: Iterable[Sequence[Gpu]]) -> None:
    """Record readings, so that they can be played; a player that is at work begins with the first of them."""
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps([[asdict(gpu) for gpu in reading] for reading in readings], indent=1))
    fresh.replace(path)


def _read(path: Path) -> list[tuple[Gpu, ...]]:
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(body, list) and all(isinstance(item, dict) for item in body):
            body = [body]
        readings = [tuple(sorted(map(_gpu, reading), key=lambda gpu: gpu.index)) for reading in body]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ConfigurationError(
            f"{path} holds no readings of GPUs: {error}",
            "Correct the file, or unset ELSEWHERE_GPUS_RECORDED.",
        ) from error
    return readings or [()]


def _gpu(body: Any) -> Gpu:
    if not isinstance(body, dict):
        raise TypeError(f"a GPU is an object, not {body!r:.40}")
    known = {field.name for field in fields(Gpu)}
    told = {name: value for name, value in body.items() if name in known}
    told["peers"] = tuple(told.get("peers") or ())
    if told.get("processes") is not None:
        told["processes"] = tuple(GpuProcess(**process) for process in told["processes"])
    return Gpu(**told)
