"""What the repository itself says about its packages: recorded for people, not preferred."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from elsewhere.contract.spec import RecordedFile

_PATTERNS = (
    "requirements*.txt", "pyproject.toml", "setup.py", "setup.cfg", "uv.lock", "poetry.lock", "pdm.lock",
    "pixi.lock", "pixi.toml", "environment.yml", "environment.yaml", "Pipfile", "Pipfile.lock",
)  # fmt: skip


def requirements_files(root: Path, folders: Iterable[Path]) -> tuple[str, ...]:
    """The requirements file that the run means, where that is plain: the one nearest to its script."""
    inside = [folder for folder in folders if folder.is_relative_to(root)]
    for folder in sorted(inside, key=lambda folder: len(folder.parts), reverse=True):
        if (folder / "requirements.txt").is_file():
            return ((folder / "requirements.txt").relative_to(root).as_posix(),)
    return ()


def record_files(root: Path, folders: Iterable[Path]) -> tuple[RecordedFile, ...]:
    """Requirements, project and lock files that stand directly in those ``folders`` that are in the tree."""
    inside = {folder for folder in folders if folder.is_relative_to(root)}
    found = {path for folder in inside for pattern in _PATTERNS for path in folder.glob(pattern)}
    recorded = []
    for path in sorted(found):
        try:
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError:
            continue
        recorded.append(RecordedFile(path.relative_to(root).as_posix(), digest))
    return tuple(recorded)
