"""A run at a desk, captured: the task spec, and the bytes that it refers to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from elsewhere.capture.entry import Module, Script, Started, find_module, find_script, require_text, written
from elsewhere.capture.packages import find_packages
from elsewhere.capture.path import printable
from elsewhere.capture.repository import find_repository
from elsewhere.capture.tree import capture_alone, capture_repository, note_on
from elsewhere.contract.spec import TaskSpec


@dataclass(frozen=True)
class Capture:
    """A run, ready to be sent: put every payload into the store, then make a task of the spec."""

    spec: TaskSpec
    payloads: tuple[bytes, ...]
    """The bytes behind the blobs of the spec: bundle, diff, untracked files, where there are any."""
    root: Path
    """Root of the tree at the desk: of the repository, or the folder of a lone script."""
    notes: tuple[str, ...]
    """Warnings for the user, a sentence or two each."""


def capture(
    script: Path | str,
    arguments: Sequence[str] = (),
    *,
    working_directory: Path | None = None,
    kind: Literal["script", "module"] = "script",
    untracked_limit: int,
    bundle_limit: int,
    search_path: Sequence[str] | None = None,
    python_version: str | None = None,
    text: bytes | None = None,
) -> Capture:
    """Capture the exact state of the work that ``python script arguments…`` would run on.

    The tree is that of the repository which holds the script (for a module: the working
    directory). Nothing in it is changed. It may be repeated; the same state gives the same spec.
    The spec's working directory may be a folder without files, which whoever rebuilds must make.

    Args:
        script: path, relative to the working directory or absolute; or a module's dotted name.
        arguments: the command line after it.
        working_directory: where the run starts; None means where this process stands.
        kind: whether ``script`` is a path or a module.
        untracked_limit: bytes that files which no commit holds may have all in all.
        bundle_limit: bytes that the bundle of unpushed commits may have.
        search_path: folders with the packages of the run; None means those of this interpreter.
        python_version: version of the run's Python, such as ``3.11.7``; None means this one's.
        text: what the script holds that stands nowhere: ``script`` is its name then, as if it stood in
            the working directory.

    Raises:
        ScriptMissing: the script is not there.
        UntrackedTooLarge: over ``untracked_limit``.
        BundleTooLarge: over ``bundle_limit``.
        CaptureError: anything else that keeps the run from being captured; the message says what.
        MissingDependency: GitPython is not installed.
    """
    here = (working_directory or Path.cwd()).resolve()
    started: Started
    if text is not None:
        started = written(str(script), here, here, tuple(arguments), text)
    elif kind == "module":
        started = find_module(str(script), here, tuple(arguments))
    else:
        started = find_script(str(script), here, tuple(arguments))
    repository = find_repository(started.folder)
    if repository is None:
        tree = capture_alone(started, untracked_limit)
    else:
        tree = capture_repository(repository, started, untracked_limit, bundle_limit)
    require_text(tree.entry)
    found = find_packages(
        started.path,
        tree.root,
        _import_roots(started.folder, here, tree.root),
        module=started.name if isinstance(started, Module) and started.path is None else None,
        search_path=search_path,
        python_version=python_version,
        text=started.text if isinstance(started, Script) else None,
    )
    notes = [*tree.notes, *found.notes]
    if repository is None:
        strays = sorted(str(path) for path in found.own_files if path != started.path)
        notes += note_on("The script imports files beside it, which do not travel with it: {}", strays)
    spec = TaskSpec(entry=tree.entry, source=tree.source, packages=found.packages)
    return Capture(spec, tree.payloads, tree.root, tuple(printable(note) for note in notes))


def _import_roots(folder: Path, working_directory: Path, root: Path) -> list[Path]:
    inside = (folder, working_directory, root, root / "src")
    return list(dict.fromkeys(path for path in inside if path.is_relative_to(root) and path.is_dir()))
