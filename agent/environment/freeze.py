"""What an environment holds, read from its folders: no interpreter is started for it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


def sites_of(prefix: Path) -> tuple[Path, ...]:
    """The folders below ``prefix`` that packages are installed in."""
    found = {path.resolve(): path for path in sorted(prefix.glob("lib*/python3*/site-packages"))}
    return tuple(found.values())


def freeze(sites: Iterable[Path]) -> tuple[str, ...]:
    """Every distribution in ``sites`` as one line, as ``pip freeze`` lists them, without credentials.

    One that was installed from a folder is said by its version: the folder is gone when the line is read.
    """
    # Imported here: a start without a build needs none of it.
    from elsewhere.capture.installed import Installed

    installed = Installed([os.fspath(site) for site in sites])
    lines = {item.requirement or f"{item.name}=={item.version}" for item in installed}
    return tuple(sorted(lines, key=lambda line: (line.lower(), line)))
