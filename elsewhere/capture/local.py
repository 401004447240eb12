"""Packages of the repository itself that are installed at the desk, mostly as links into it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from elsewhere.capture.installed import Distribution, Installed, canonical
from elsewhere.contract.spec import LocalPackage

_PROJECT_FILES = ("pyproject.toml", "setup.py")


class LocalPackages:
    """The installed distributions whose source is in the tree.

    Args:
        root: root of the tree.
        search_path: folders that packages are found in, those of the tree among them.
        installed: what is installed outside of the tree, and the metadata of links into it.
    """

    def __init__(self, root: Path, search_path: Sequence[str], installed: Installed) -> None:
        self._root = root
        self._installed = {canonical(item.name): item for item in installed}
        # Without a repository nothing but the script travels.
        travels = (root / ".git").exists()
        # Installed in place by an old installer, the metadata itself stands in the tree.
        inside = [folder for folder in search_path if folder and Path(folder).resolve().is_relative_to(root)]
        candidates = [*self._installed.values(), *Installed(inside)] if travels else []
        self._local = {canonical(item.name): item for item in candidates if self._folder(item) is not None}

    def import_roots(self, roots: Iterable[Path]) -> list[Path]:
        """Folders beside ``roots`` that the packages' modules are imported from."""
        known = set(roots)
        found = []
        for item in self._local.values():
            folder = self._folder(item)
            if folder is None:
                continue
            place = folder / "src" if (folder / "src").is_dir() else folder
            if place not in known:
                known.add(place)
                found.append(place)
        return found

    def used(
        self, files: Iterable[Path], owners: Iterable[Distribution]
    ) -> tuple[tuple[LocalPackage, ...], set[Distribution]]:
        """The packages that the run needs, and what is installed because they need it.

        Args:
            files: modules of the tree that the run imports.
            owners: distributions that the run imports.
        """
        own = [file.resolve() for file in files]
        names = {canonical(item.name) for item in owners}
        pending = [
            name
            for name, item in self._local.items()
            if name in names or any(file.is_relative_to(str(self._folder(item))) for file in own)
        ]
        chosen: set[str] = set()
        needed: set[Distribution] = set()
        while pending:
            name = pending.pop()
            if name in chosen:
                continue
            chosen.add(name)
            for other in self._local[name].needs:
                if other in self._local:
                    pending.append(other)
                elif other in self._installed:
                    needed.add(self._installed[other])
        packages = [self._package(self._local[name]) for name in chosen]
        return tuple(sorted(packages, key=lambda package: package.path)), needed

    def _package(self, item: Distribution) -> LocalPackage:
        folder = self._folder(item)
        path = "." if folder is None else folder.relative_to(self._root).as_posix()
        return LocalPackage(path, item.editable)

    def _folder(self, item: Distribution) -> Path | None:
        """The folder of its project in the tree; None where it is not there."""
        if item.local_folder is None or canonical(item.name) == "elsewhere":
            return None
        folder = Path(item.local_folder).resolve()
        # The metadata of a `src` layout stands in `src`, its project one above.
        for place in (folder, folder.parent):
            if place.is_relative_to(self._root) and any((place / name).is_file() for name in _PROJECT_FILES):
                return place
        return None
