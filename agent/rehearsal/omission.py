"""What a script needs at the desk and will not find in the rebuilt tree."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agent.rehearsal.finding import Finding
from elsewhere.capture.imports import close_over
from elsewhere.contract.errors import CaptureError
from elsewhere.contract.spec import Entry

_LONGEST: Final = 200
_LFS: Final = b"version https://git-lfs.github.com/spec/v1"
_POINTER_BYTES: Final = 1024


@dataclass(frozen=True)
class Desk:
    """The tree as it stands at the desk."""

    root: Path
    working_directory: Path
    entry: Path | None
    """The file that is run; None where it is an installed module."""
    arguments: tuple[str, ...] = ()

    @classmethod
    def of(cls, root: Path, entry: Entry) -> Desk:
        """The desk that ``entry`` was captured at, whose tree begins at ``root``."""
        folder = root / entry.working_directory
        script = root / entry.script if entry.kind == "script" else _module(entry.script, (folder, root))
        return cls(root, folder, script, entry.arguments)


def left_behind(desk: Desk, tree: Path) -> Iterator[Finding]:
    """Files of the desk that the run imports or names, and that are not in ``tree``.

    A name is any text of the script's, or of its arguments, that is a path here: whether the
    script reads it cannot be known, so it is told and keeps nothing from running.
    """
    if desk.entry is None:
        return
    inside = (desk.entry.parent, desk.working_directory, desk.root, desk.root / "src")
    roots = list(dict.fromkeys(folder for folder in inside if folder.is_relative_to(desk.root)))
    closure = close_over(desk.entry, roots, lambda _: False)
    own = sorted(path for path in closure.files if path.is_relative_to(desk.root))
    for path in own:
        relative = path.relative_to(desk.root)
        if not (tree / relative).exists():
            yield _missing_module(relative, required=path in closure.required)
    named = dict.fromkeys(_named(desk.arguments, desk, tree), "an argument")
    for path in own:
        for name in _named(_texts(path), desk, tree):
            named.setdefault(name, path.relative_to(desk.root).as_posix())
    for name, by in sorted(named.items()):
        yield Finding("file", f"{name}, which {by} names, is here and does not travel: is it ignored by git?")


def not_filled(tree: Path) -> Iterator[Finding]:
    """What stands in ``tree`` as a mark alone: submodules without files, pointers to large files."""
    for submodule in _submodules(tree):
        folder = tree / submodule
        if not folder.is_dir() or not any(folder.iterdir()):
            yield Finding("file", f"the submodule {submodule} is empty: it cannot be fetched from here")
    if _uses_lfs(tree):
        for path in _small_files(tree):
            if path.read_bytes().startswith(_LFS):
                where = path.relative_to(tree).as_posix()
                yield Finding(
                    "file", f"{where} is a pointer: its content, in git-lfs, cannot be fetched from here"
                )


def _missing_module(path: Path, *, required: bool) -> Finding:
    if not required:
        return Finding("file", f"{path.as_posix()}, which the script can do without, does not travel")
    return Finding(
        "file",
        f"{path.as_posix()} is imported, and does not travel: it is ignored by git",
        CaptureError.exit_code,
        f"Take it out of .gitignore, or force it in: git add -f {path.as_posix()}",
    )


def _named(texts: Iterable[str], desk: Desk, tree: Path) -> Iterator[str]:
    """Those of ``texts`` that are paths in the desk's tree, but not in ``tree``; relative to the root."""
    starts = dict.fromkeys((desk.working_directory, desk.root, *([desk.entry.parent] if desk.entry else ())))
    for text in texts:
        # `--data=x.csv` names a path as `--data x.csv` does.
        for part in {text, text.partition("=")[2]}:
            if 0 < len(part) <= _LONGEST and not part.startswith("-"):
                yield from _absent(part, list(starts), desk, tree)


def _absent(text: str, starts: Iterable[Path], desk: Desk, tree: Path) -> Iterator[str]:
    for start in starts:
        with suppress(OSError, ValueError):
            place = Path(os.path.normpath(start / text))
            inside = place.is_relative_to(desk.root) and place != desk.root
            if inside and place.exists() and ".git" not in place.relative_to(desk.root).parts:
                relative = place.relative_to(desk.root)
                if not os.path.lexists(tree / relative):
                    yield relative.as_posix()
                return


def _texts(path: Path) -> Iterator[str]:
    """The texts that stand in a module."""
    with suppress(OSError, SyntaxError, ValueError, RecursionError):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def _module(name: str, folders: Iterable[Path]) -> Path | None:
    parts = Path(*name.split("."))
    for folder in folders:
        for path in (folder / parts / "__main__.py", folder / parts.with_suffix(".py")):
            if path.is_file():
                return path
    return None


def _submodules(tree: Path) -> list[str]:
    """Paths that the list of submodules names."""
    try:
        lines = (tree / ".gitmodules").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    settings = (line.partition("=") for line in lines)
    return [value.strip() for key, _, value in settings if key.strip() == "path"]


def _uses_lfs(tree: Path) -> bool:
    return any(
        "filter=lfs" in path.read_text(encoding="utf-8", errors="replace")
        for path in tree.rglob(".gitattributes")
        if path.is_file() and not path.is_symlink()
    )


def _small_files(tree: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(tree):
        if ".git" in folders:
            folders.remove(".git")
        for name in sorted(files):
            path = Path(folder, name)
            if not path.is_symlink() and path.stat().st_size < _POINTER_BYTES:
                yield path
