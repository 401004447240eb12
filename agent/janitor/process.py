"""The janitor as a process of its own, so that no daemon waits for a disk."""

from __future__ import annotations

import os
from typing import Final

from agent.janitor.config import JanitorConfig
from agent.janitor.sweep import Swept, sweep
from agent.log import daemon_log
from elsewhere.settings import Folders

_NICENESS: Final = 10


def become_janitor(folders: Folders, config: JanitorConfig, agent: str, *, as_json: bool) -> int:
    """``sweep`` in a freshly forked process, telling on stderr what was done; returns its exit code."""
    os.nice(_NICENESS)
    log = daemon_log(agent, as_json=as_json)
    try:
        swept = sweep(folders, config)
    except Exception as error:  # noqa: BLE001 - the next round begins afresh
        log.warning("the janitor failed", reason=f"{type(error).__name__}: {error}")
        return 1
    if swept.removed:
        log.info("made room", **_counts(swept), freed_bytes=swept.freed_bytes)
    if swept.missing_bytes:
        log.warning(
            "the disk is nearly full, and nothing more can be removed", missing_bytes=swept.missing_bytes
        )
    for failure in swept.failed:
        log.warning("cannot be removed", what=failure)
    return 0


def _counts(swept: Swept) -> dict[str, int]:
    kinds = ("workspaces", "attempts", "environments", "repositories")
    return {kind: count for kind in kinds if (count := getattr(swept, kind))}
