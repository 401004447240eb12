"""The folder in which an attempt's state outlives its processes.

``attempt.json`` says which attempt this is and which process owns it (by id **and** start
time, since ids are given again); ``place.json`` what of the machine is the attempt's: the daemon
writes it before it starts the supervisor, so that the next daemon gives that to nobody else.
``journal/`` holds the log; ``verdict.json`` what the script has said of its own end;
``outcome.json`` is written the moment the script has ended, and is what
a successor commits when the supervisor is killed before it could. ``lost.txt`` stays alone when
the attempt was lost, until the daemon has told it.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import psutil

from agent.place import Place
from elsewhere.contract.codec import decode, encode
from elsewhere.contract.errors import SchemaError
from elsewhere.contract.lease import Lease
from elsewhere.contract.outcome import Exited, Lost, NeverRan, Outcome, Stopped, Verdict

_OUTCOMES: Final[dict[str, type[Exited] | type[NeverRan] | type[Stopped] | type[Lost]]] = {
    kind.__name__: kind for kind in (Exited, NeverRan, Stopped, Lost)
}


@dataclass(frozen=True)
class ProcessMark:
    """One process, for certain: its id and when it started, since ids are given again.

    ``started`` is in clock ticks since boot where the kernel tells (Linux), which no change
    of the clock moves, and in seconds since the epoch elsewhere.
    """

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> ProcessMark | None:
        """The mark of the process that has this id now; None where there is none."""
        started = _started(pid)
        return None if started is None else cls(pid, started)

    @classmethod
    def own(cls) -> ProcessMark:
        """The mark of this process."""
        return cls(os.getpid(), _started(os.getpid()) or 0.0)

    @property
    def alive(self) -> bool:
        """Whether exactly this process runs; one that waits to be reaped does not."""
        return _started(self.pid) == self.started


def _started(pid: int) -> float | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except FileNotFoundError:
        return None if Path("/proc/self/stat").exists() else _started_by_the_clock(pid)
    except OSError:
        return None
    # Behind the name, which may hold anything: state is the 3rd field of all, the start the 22nd.
    fields = stat[stat.rindex(b")") + 2 :].split()
    return None if fields[0] in (b"Z", b"X") else float(fields[19])


def _started_by_the_clock(pid: int) -> float | None:
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.Error:
        return None


@dataclass(frozen=True)
class AttemptMark:
    """What is known of an attempt on this machine."""

    lease: Lease
    supervisor: ProcessMark
    command: ProcessMark | None = None
    """The launched command; None before the launch."""
    engine: str | None = None
    """URL of the engine that its container is in, "" for the usual one; None without a container."""


class AttemptState:
    """The state folder of one attempt. The supervisor writes it; its daemon reads it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def name(self) -> str:
        """Name of the attempt on this machine: task id and attempt number."""
        return self.folder.name

    @property
    def journal(self) -> Path:
        """Folder of the journal's segments."""
        return self.folder / "journal"

    @property
    def log(self) -> Path:
        """What the supervisor itself has to say."""
        return self.folder / "supervisor.log"

    @property
    def hold(self) -> Path:
        """Locked by the process that takes care of the attempt, as long as that lives."""
        return self.folder / "hold"

    def write_mark(self, mark: AttemptMark) -> None:
        """Say which process owns the attempt."""
        body = asdict(mark) | {"lease": encode(mark.lease)}
        self._write("attempt.json", json.dumps(body))

    def read_mark(self) -> AttemptMark | None:
        """Which process owns the attempt; None where nobody has said so, or not whole."""
        try:
            body = json.loads((self.folder / "attempt.json").read_text())
            command = body["command"]
            return AttemptMark(
                decode(Lease, body["lease"]),
                ProcessMark(**body["supervisor"]),
                None if command is None else ProcessMark(**command),
                # Written before there were containers: its supervisor may live on over an upgrade.
                body.get("engine"),
            )
        except (OSError, ValueError, KeyError, TypeError, SchemaError):
            return None

    def write_place(self, place: Place) -> None:
        """Say what the attempt holds; where the disk is full, nothing is said.

        Without waiting for the disk, since the claim waits for this: what a crash of the machine
        takes, it takes from the attempt, too.
        """
        with contextlib.suppress(OSError):
            self._write("place.json", json.dumps(asdict(place)), durable=False)

    def read_place(self) -> Place | None:
        """What the attempt holds; None where nobody has said so."""
        try:
            body = json.loads((self.folder / "place.json").read_text())
            gpus = body.pop("gpus")
            return Place(None if gpus is None else tuple(gpus), **body)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write_outcome(self, outcome: Outcome) -> None:
        """Keep the outcome, on disk before it is anywhere else."""
        self._write("outcome.json", json.dumps({"kind": type(outcome).__name__, "value": encode(outcome)}))

    def read_outcome(self) -> Outcome | None:
        """The outcome that was kept, if any."""
        try:
            body = json.loads((self.folder / "outcome.json").read_text())
            return decode(_OUTCOMES[body["kind"]], body["value"])
        except (OSError, ValueError, KeyError, SchemaError):
            return None

    def write_verdict(self, verdict: Verdict) -> None:
        """Keep what the script says of its own end; the last word counts."""
        self._write("verdict.json", encode(verdict))

    def read_verdict(self) -> Verdict | None:
        """What the script has said of its own end, if anything."""
        try:
            return decode(Verdict, (self.folder / "verdict.json").read_text())
        except (OSError, SchemaError):
            return None

    def leave_word(self, loss: Lost) -> None:
        """Tell the daemon why the attempt was lost: the store takes no word of it any more."""
        self._write("lost.txt", loss.reason)

    def word(self) -> str | None:
        """Why the attempt was lost, where it was."""
        try:
            return (self.folder / "lost.txt").read_text()
        except OSError:
            return None

    def age(self) -> float:
        """Seconds since the folder last changed, by the clock; 0 where it is gone."""
        try:
            return time.time() - self.folder.stat().st_mtime
        except OSError:
            return 0.0

    def remove(self) -> None:
        """Forget the attempt: everything of it is in the store."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _write(self, name: str, text: str, *, durable: bool = True) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / name
        temporary = path.with_suffix(f".{os.getpid()}.new")
        with temporary.open("w") as file:
            file.write(text)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)


def attempt_states(agent_folder: Path) -> list[AttemptState]:
    """The state folders of all attempts that an agent of this machine has begun."""
    attempts = agent_folder / "attempts"
    return [AttemptState(path) for path in sorted(attempts.iterdir())] if attempts.is_dir() else []
