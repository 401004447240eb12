"""What ``.gitattributes`` and its kin say of files: which of them git converts, and by whose word."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from elsewhere.capture.index import fed
from elsewhere.capture.listing import Listing
from elsewhere.capture.repository import Repository

_NAME = ".gitattributes"
_SYSTEM = Path("/etc/gitattributes")
_CONVERTING = ("text", "eol", "crlf", "filter", "ident", "working-tree-encoding")


def has_rules(repository: Repository, listing: Listing) -> bool:
    """Whether the repository itself has attributes, in its tree or beside it."""
    paths = (*(file.path for file in listing.tracked), *listing.untracked)
    return any(_is_list(path) for path in paths) or has_private_rules(repository)


def has_changed_rules(listing: Listing, changed: Iterable[str]) -> bool:
    """Whether the tree's attributes are not those of the commit."""
    return any(_is_list(path) for path in (*changed, *listing.untracked))


def has_private_rules(repository: Repository) -> bool:
    """Whether the repository has attributes that no commit holds, and that git cannot be told to overlook."""
    return _has_lines(repository.shared_folder / "info" / "attributes")


def has_foreign_rules(repository: Repository) -> bool:
    """Whether the user or the machine has attributes for all repositories."""
    if repository.attributes_file is not None:
        own = repository.root / Path(repository.attributes_file).expanduser()
    else:
        own = Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser() / "git" / "attributes"
    return _has_lines(own) or _has_lines(_SYSTEM)


def converting_attributes(
    repository: Repository, environment: Mapping[str, str], paths: Iterable[str]
) -> dict[str, dict[str, str]]:
    """The attributes by which git converts each path, with their values; paths without any are left out.

    Args:
        repository: where to look.
        environment: the variables of the index whose ``.gitattributes`` count.
        paths: what to ask for.

    Raises:
        CaptureError: git cannot tell.
    """
    with fed(paths) as stdin:
        output = repository.git.read(
            "check-attr", "--cached", "-z", "--stdin", *_CONVERTING,
            settings={"core.attributesFile": os.devnull},
            environment={**environment, "GIT_ATTR_NOSYSTEM": "1"}, stdin=stdin,
        )  # fmt: skip
    fields = os.fsdecode(output).split("\0")
    found: dict[str, dict[str, str]] = {}
    for path, name, value in zip(fields[::3], fields[1::3], fields[2::3], strict=False):
        if value != "unspecified":
            found.setdefault(path, {})[name] = value
    return found


def _is_list(path: str) -> bool:
    return path.rpartition("/")[2] == _NAME


def _has_lines(file: Path) -> bool:
    try:
        lines = file.read_bytes().splitlines()
    except OSError:
        return False
    return any(line.strip() and not line.lstrip().startswith(b"#") for line in lines)
