"""A switch beside each launch that ends its tree when the supervisor dies without a word.

A supervisor that is killed by SIGKILL leaves its command running with nobody to renew the
lease: another agent runs the task again, and two scripts write into the same place. The
kernel's own switch (PR_SET_PDEATHSIG) reaches the command only, not what it started, and
fires when the *thread* ends that started it. So a shell of about 1 MB waits on a pipe that
only the supervisor holds. It is started after the command, off the way to its first line.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

_SHELL: Final = "/bin/sh"
_SCRIPT: Final = Path(__file__).with_name("deadman.sh")


class Deadman:
    """The switch of one launch."""

    def __init__(self, process: subprocess.Popen[bytes], held: int) -> None:
        self._process = process
        self._held: int | None = held

    @classmethod
    def watch(cls, group: int, mark: str | None, folders: Sequence[Path]) -> Deadman | None:
        """Watch over the launch of that process group; None where there is no shell, or no room for it.

        The cgroups ``folders`` are removed after the tree.
        """
        try:
            heard, held = os.pipe()
        except OSError:
            return None
        entries = mark.split("\n") if mark else ["", ""]
        try:
            process = subprocess.Popen(
                [_SHELL, str(_SCRIPT), str(group), *entries, *map(str, folders)],
                stdin=heard,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env={"PATH": os.defpath},
                start_new_session=True,
            )
        except OSError:
            os.close(held)
            return None
        finally:
            os.close(heard)
        return cls(process, held)

    @property
    def pid(self) -> int:
        """Id of the waiting shell."""
        return self._process.pid

    @property
    def held(self) -> int | None:
        """The end of the pipe that holds the switch back, and every copy of it; None once let go."""
        return self._held

    def dismiss(self) -> None:
        """All is over: the shell ends and touches nothing. Safe to repeat."""
        if self._held is not None:
            with suppress(BrokenPipeError):
                os.write(self._held, b"over\n")
            self.fire()
            self._process.wait()

    def fire(self) -> None:
        """Let the shell end the tree, as if the calling process had died, unless dismissed."""
        if self._held is not None:
            os.close(self._held)
            self._held = None
