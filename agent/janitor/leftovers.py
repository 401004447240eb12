"""What attempts have left whose supervisors are dead, and whom no daemon will care for.

All is looked at one by one, at the moment when it is asked for: what is given out may be
removed at once.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from agent.lock import is_locked
from agent.presence import is_present
from agent.state import AttemptState

_ATTEMPT: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]*-[0-9]+")


def abandoned_states(agents: Path, seconds: float) -> Iterator[AttemptState]:
    """States of dead attempts in which nothing moved for ``seconds``, of agents that are gone."""
    for folder in sorted(agents.glob("*/attempts/*")):
        state = AttemptState(folder)
        if _age(folder, folder.rglob("*")) >= seconds and not _is_cared_for(state):
            yield state


def abandoned_workspaces(workspaces: Path, agents: Path, seconds: float) -> Iterator[Path]:
    """Workspaces made longer than ``seconds`` ago that belong to no living attempt.

    Where there is a state that does not say whose attempt it is, the workspace stays as
    long as that does.
    """
    for path in sorted(workspaces.glob("*-*")):
        if not _ATTEMPT.fullmatch(path.name) or path.is_symlink() or _age(path) < seconds:
            continue
        states = [AttemptState(folder) for folder in agents.glob(f"*/attempts/{path.name}")]
        if not any(state.read_mark() is None or _is_cared_for(state) for state in states):
            yield path


def _is_cared_for(state: AttemptState) -> bool:
    """Whether the attempt lives, or its daemon does, who will see to it; also where nobody can tell."""
    mark = state.read_mark()
    if mark is not None and (mark.supervisor.alive or (mark.command is not None and mark.command.alive)):
        return True
    try:
        # The lock also tells of a supervisor on another machine that shares this folder.
        return is_locked(state.hold) or is_present(state.folder.parent.parent)
    except OSError:
        return True


def _age(path: Path, inside: Iterable[Path] = ()) -> float:
    """Seconds since the newest change of ``path`` and what is ``inside``; 0 for what is gone."""
    try:
        newest = max(each.lstat().st_mtime for each in (path, *inside))
    except FileNotFoundError:
        return 0.0
    return time.time() - newest
