"""The packages of a run: what its imports use, pinned, and all that is installed beside it."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from elsewhere.capture.imports import Closure, close_over
from elsewhere.capture.installed import Distribution, Installed, canonical
from elsewhere.capture.interpreter import active_environment as active_environment
from elsewhere.capture.local import LocalPackages
from elsewhere.capture.recorded import record_files, requirements_files
from elsewhere.contract.spec import Packages

# The agent puts the SDK on the path of every attempt, in its own version.
_OURS = "elsewhere"


@dataclass(frozen=True)
class PackagesFound:
    """The packages of a run, its own modules, and what the user should know of them."""

    packages: Packages
    own_files: frozenset[Path]
    """The modules of the tree that the run imports, its entry included."""
    notes: tuple[str, ...]


def find_packages(
    entry: Path | None,
    root: Path,
    roots: Sequence[Path],
    *,
    module: str | None = None,
    search_path: Sequence[str] | None = None,
    python_version: str | None = None,
    text: bytes | None = None,
) -> PackagesFound:
    """Find what the run needs, without running any of it.

    Args:
        entry: the file that is run; None where it is an installed module.
        root: root of the tree.
        roots: folders that the run imports its own modules from, the script's own first.
        module: name of the installed module that is run, if it is one.
        search_path: folders of the environment's packages; None means those of this interpreter.
        python_version: version of the environment's Python; None means this interpreter's.
        text: what ``entry`` holds, where no such file stands.
    """
    everything = list(search_path if search_path is not None else sys.path)
    installed = Installed(_outside(everything, roots))
    own = LocalPackages(root, everything, installed)
    # What a package of the tree imports is needed as well, wherever in the tree it stands.
    roots = (*roots, *own.import_roots(roots))
    closure = close_over(entry, roots, installed.has, text) if entry is not None else Closure()
    if module is not None:
        top = module.partition(".")[0]
        closure.foreign.setdefault(top, set()).add(module)
        closure.needed.add(top)
    used, notes = _used(closure, installed, root)
    local, needed = own.used(closure.files, used)
    used |= needed
    folders = [root, entry.parent] if entry is not None else [root]
    packages = Packages(
        python=python_version or platform.python_version(),
        requirements=_lines(used),
        freeze=_lines(installed),
        files=record_files(root, folders),
        requirements_files=requirements_files(root, folders),
        local=local,
    )
    return PackagesFound(packages, frozenset(closure.files), (*closure.notes, *notes))


def _outside(search_path: Iterable[str], roots: Sequence[Path]) -> list[str]:
    """The search path without the folders of the tree: what lies there travels with it."""
    own = {str(root) for root in roots} | {""}
    return [folder for folder in search_path if folder not in own and str(Path(folder).resolve()) not in own]


def _used(closure: Closure, installed: Installed, root: Path) -> tuple[set[Distribution], list[str]]:
    used: set[Distribution] = set()
    notes = []
    for top in sorted(closure.foreign):
        owners = {owner for dotted in closure.foreign[top] for owner in installed.owners(dotted)}
        if not owners and top in closure.needed:
            notes.append(
                f"The run imports {top!r}, which is not installed here: it is not recorded with the task."
            )
        for owner in sorted(owners, key=lambda item: item.name):
            note = _note_on_local(owner, top, root)
            if note:
                notes.append(note)
        used |= owners
    return used, notes


def _note_on_local(owner: Distribution, top: str, root: Path) -> str | None:
    if canonical(owner.name) == _OURS or owner.requirement is not None:
        return None
    if owner.local_folder is None:
        return f"{owner.name} {owner.version} has a version that no installer accepts: it is not asked for."
    if Path(owner.local_folder).resolve().is_relative_to(root):
        return None
    return (
        f"The run imports {top!r} from {owner.name}, installed from {owner.local_folder} on this machine: "
        "that is not in the tree and does not travel."
    )


def _lines(distributions: Iterable[Distribution]) -> tuple[str, ...]:
    lines = {item.requirement for item in distributions if canonical(item.name) != _OURS}
    return tuple(sorted((line for line in lines if line is not None), key=lambda line: (line.lower(), line)))
