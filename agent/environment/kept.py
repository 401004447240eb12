"""A finished layer, kept for the next attempt, whose workspace has another path."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MOST_KEPT: Final = 20
"""Of one environment. They are small, but a tree whose build looks at all of it makes one for each commit."""


class PathInside(Exception):
    """A file that cannot be changed has the path of its workspace in it."""


@dataclass(frozen=True)
class Kept:
    """One layer that may be kept in ``folder``, under ``key``."""

    folder: Path
    key: str

    @property
    def _place(self) -> Path:
        return self.folder / self.key

    def restore(self, target: Path, tree: Path) -> bool:
        """Make the layer at ``target`` for ``tree``, and what its build had made in the tree.

        Returns whether it was there; if not, ``target`` is as it was.
        """
        try:
            origin = json.loads((self._place / "origin.json").read_text(encoding="utf-8"))
            relocate = _relocation(Path(origin["tree"]), tree)
            os.utime(self._place)
            _copy(self._place / "layer", target, relocate)
            if (self._place / "made").is_dir():
                _copy(self._place / "made", tree, relocate)
        except (FileNotFoundError, ValueError, KeyError, TypeError, PathInside):
            # Never kept, or just removed to make room.
            shutil.rmtree(target, ignore_errors=True)
            return False
        return True

    def save(self, layer: Path, tree: Path, made: list[Path]) -> None:
        """Keep ``layer`` and what its build ``made`` in ``tree``; it appears whole or not at all.

        Does nothing where a file that is not text has the tree's path in it: a program that was
        linked against its workspace is of no use to another one.

        Raises:
            OSError: it cannot be written.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=self.folder, prefix=".draft-"))
        check = _relocation(tree, tree)
        try:
            _copy(layer, draft / "layer", check)
            for path in made:
                place = draft / "made" / path.relative_to(tree)
                place.parent.mkdir(parents=True, exist_ok=True)
                _copy_file(path, place, check)
            (draft / "origin.json").write_text(json.dumps({"tree": os.fspath(tree)}), encoding="utf-8")
            draft.rename(self._place)
        except PathInside:
            pass
        except OSError:
            if not self._place.is_dir():
                raise
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        self._prune()

    def _prune(self) -> None:
        with suppress(OSError):
            kept = sorted(self.folder.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
            for path in kept[MOST_KEPT:]:
                shutil.rmtree(path, ignore_errors=True)


Relocate = Callable[[bytes], bytes]


def _relocation(old: Path, new: Path) -> Relocate:
    pairs = [(os.fsencode(old), os.fsencode(new)), (old.as_uri().encode(), new.as_uri().encode())]

    def relocate(data: bytes) -> bytes:
        if not any(before in data for before, _ in pairs):
            return data
        if b"\0" in data:
            raise PathInside
        for before, after in pairs:
            data = data.replace(before, after)
        return data

    return relocate


def _copy(source: Path, target: Path, relocate: Relocate) -> None:
    """Copy a folder over ``target``, file by file: links between them would tie one attempt to others."""
    target.mkdir(parents=True, exist_ok=True)
    with os.scandir(source) as found:
        for entry in found:
            place = target / entry.name
            if entry.is_dir(follow_symlinks=False):
                _copy(Path(entry.path), place, relocate)
            else:
                _copy_file(Path(entry.path), place, relocate)


def _copy_file(source: Path, target: Path, relocate: Relocate) -> None:
    if source.is_symlink():
        target.unlink(missing_ok=True)
        target.symlink_to(os.fsdecode(relocate(os.fsencode(source.readlink()))))
        return
    target.write_bytes(relocate(source.read_bytes()))
    target.chmod(source.stat().st_mode & 0o777)
