"""Where the calling process stands among this machine's cgroups, as /proc tells it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from executors.process.cgroup.hierarchy import Controller, Hierarchy, Refusal
from executors.process.cgroup.v1 import Version1
from executors.process.cgroup.v2 import Version2

_MOUNTS: Final = Path("/proc/self/mountinfo")
_MEMBERSHIPS: Final = Path("/proc/self/cgroup")
_ESCAPES: Final = {"\\040": " ", "\\011": "\t", "\\012": "\n", "\\134": "\\"}


@dataclass(frozen=True)
class _Mount:
    point: Path
    root: str
    """What of the tree is mounted there: in a container it may be a part."""
    controllers: frozenset[str]
    """Of a tree of version 1; empty for version 2."""


def find(controller: Controller) -> Hierarchy:
    """The caller's place in the tree that has the controller.

    Raises:
        Refusal: there is no such tree, or the caller's place in it is out of sight.
    """
    try:
        mounts = _mounts(_MOUNTS.read_text())
        memberships = _memberships(_MEMBERSHIPS.read_text())
    except OSError as error:
        raise Refusal(f"this machine has no cgroups ({error.filename}: {error.strerror})") from error
    for mount in mounts:
        if controller in mount.controllers and controller in memberships:
            return Version1(_folder(mount, memberships[controller]))
    for mount in mounts:
        if not mount.controllers and "" in memberships:
            return Version2(_folder(mount, memberships[""]), mount.point)
    raise Refusal(f"this machine has no cgroups with the {controller} controller")


def own_memory() -> tuple[Hierarchy, Path] | None:
    """The memory tree and the caller's cgroup in it, if the kernel counts there."""
    try:
        hierarchy = find("memory")
        hierarchy.oom_kills(hierarchy.own)
    except (Refusal, OSError):
        return None
    return hierarchy, hierarchy.own


def _mounts(table: str) -> list[_Mount]:
    mounts = []
    for line in table.splitlines():
        where, _, what = line.partition(" - ")
        kind, _, options = what.split(" ", 2)
        root, point = where.split(" ")[3:5]
        if kind in ("cgroup", "cgroup2"):
            controllers = frozenset(options.split(",")) if kind == "cgroup" else frozenset[str]()
            mounts.append(_Mount(Path(_plain(point)), _plain(root), controllers))
    return mounts


def _memberships(table: str) -> dict[str, str]:
    """The caller's cgroup for each controller; under the empty name that of version 2."""
    found = {}
    for line in table.splitlines():
        _, controllers, path = line.split(":", 2)
        found.update(dict.fromkeys(controllers.split(","), path))
    return found


def _folder(mount: _Mount, path: str) -> Path:
    inside = os.path.relpath(path, mount.root)
    if path.startswith("/..") or inside.startswith(".."):
        raise Refusal(f"the agent's own cgroup is not to be seen below {mount.point}")
    return mount.point / inside


def _plain(escaped: str) -> str:
    for escape, character in _ESCAPES.items():
        escaped = escaped.replace(escape, character)
    return escaped
