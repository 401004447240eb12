"""The uncommitted difference: what the working tree changes on top of the commit."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from elsewhere.capture.attributes import has_foreign_rules
from elsewhere.capture.index import conceal, private_index, read_commit
from elsewhere.capture.listing import Listing
from elsewhere.capture.path import printable
from elsewhere.capture.repository import Repository
from elsewhere.contract.errors import CaptureError

# Every option that the user's configuration could turn the other way is said here.
_OPTIONS = (
    "--patch", "--binary", "--full-index", "--no-ext-diff", "--no-textconv", "--no-color", "--no-renames",
    "--no-relative", "--src-prefix=a/", "--dst-prefix=b/", "--unified=3", "--inter-hunk-context=0",
    "--diff-algorithm=myers", "--ignore-submodules=all", "--submodule=short", "-O/dev/null",
)  # fmt: skip

_SETTINGS = {
    # The bytes of the desk travel, not what git would make of them in a commit.
    "core.autocrlf": "false",
    "core.safecrlf": "false",
    "core.attributesFile": "/dev/null",
    # Off, a file that was only touched would show as a header without a change.
    "diff.autoRefreshIndex": "true",
    "diff.suppressBlankEmpty": "false",
}
_ENVIRONMENT = {"GIT_ATTR_NOSYSTEM": "1"}

_SPECIAL_MODE = re.compile(
    rb"^(?:new file mode|deleted file mode|old mode|new mode|index [0-9a-f]+\.\.[0-9a-f]+) 1[26]0000$",
    re.MULTILINE,
)
_SUBMODULE_LIST = ".gitmodules"
_NOTHING, _LINK, _SUBMODULE = "000000", "120000", "160000"


@dataclass(frozen=True)
class Difference:
    """Uncommitted changes as one git patch.

    It applies to the commit's files as they are stored: check them out, and apply it, with
    ``core.autocrlf=false``.
    """

    patch: bytes | None
    """None where nothing is changed."""
    carried: tuple[str, ...] = ()
    """What must travel as it stands: new and changed symbolic links, files in the place of a submodule."""
    left_out: tuple[str, ...] = ()
    """Changes that do not travel: those of lists of submodules."""


def read_difference(repository: Repository, listing: Listing, concealed: Collection[str] = ()) -> Difference:
    """All changes to tracked files, staged and unstaged, against HEAD.

    Line ends that the repository's own ``.gitattributes`` normalises are told as git stores them.

    Args:
        repository: one with a commit.
        listing: its files.
        concealed: paths that travel in another way, whatever git would say of them.

    Raises:
        CaptureError: git cannot tell, or a submodule stands where the commit has a file.
    """
    if repository.commit is None:
        raise CaptureError(f"{repository.root} has no commit yet, so there is nothing to compare with")
    distrusted = repository.converts_line_ends or has_foreign_rules(repository)
    with private_index(repository, listing, distrusted=distrusted) as environment:
        if concealed:
            conceal(repository, environment, read_commit(repository), concealed)
        environment |= _ENVIRONMENT
        patch = _diff(repository, environment)
        if not _SPECIAL_MODE.search(patch) and _SUBMODULE_LIST.encode() not in patch:
            return Difference(patch or None)
        # Whoever rebuilds a tree refuses links and submodules in a patch: they could lead out of it.
        carried, left_out, concealed = _special_changes(repository, environment)
        if concealed:
            conceal(repository, environment, read_commit(repository), concealed)
            patch = _diff(repository, environment)
        return Difference(patch or None, carried, left_out)


def _diff(repository: Repository, environment: Mapping[str, str]) -> bytes:
    return repository.git.read("diff", *_OPTIONS, "HEAD", settings=_SETTINGS, environment=environment)


def _special_changes(
    repository: Repository, environment: Mapping[str, str]
) -> tuple[tuple[str, ...], tuple[str, ...], set[str]]:
    """What must be carried, what cannot travel, and all that the patch must not speak of."""
    output = repository.git.read(
        "diff", "--raw", "-z", "--no-renames", "--no-relative", "--ignore-submodules=all", "HEAD", "--",
        settings=_SETTINGS, environment=environment,
    )  # fmt: skip
    fields = os.fsdecode(output).split("\0")
    carried: set[str] = set()
    left_out: set[str] = set()
    concealed: set[str] = set()
    for modes, path in zip(fields[::2], fields[1::2], strict=False):
        old, new = modes.lstrip(":").split(" ")[:2]
        if path.rpartition("/")[2] == _SUBMODULE_LIST:
            left_out.add(path)
        elif new == _SUBMODULE and old not in (_SUBMODULE, _NOTHING):
            raise CaptureError(
                f"{printable(path)} in {repository.root} was committed as a file, and is a submodule now: "
                "such a change does not travel uncommitted",
                f"Commit it: git add {printable(path)} && git commit",
            )
        elif new == _LINK or (old == _SUBMODULE and new != _NOTHING):
            carried.add(path)
        elif _SUBMODULE in (old, new):
            concealed.add(path)
    return tuple(sorted(carried)), tuple(sorted(left_out)), concealed | carried | left_out
