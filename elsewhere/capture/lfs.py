"""Files whose content git-lfs holds: the commit has a pointer to it, a few lines of text."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from elsewhere.capture.index import Committed, fed, private_index
from elsewhere.capture.listing import Listing
from elsewhere.capture.repository import Repository

MOST_POINTER_BYTES = 1024
_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\noid sha256:([0-9a-f]{64})\nsize (\d{1,18})\n\Z"
)
_CHUNK = 1024 * 1024
# Off, git compares files as they stand, and starts no filter.
_NO_FILTER = {"filter.lfs.clean": "", "filter.lfs.process": "", "filter.lfs.required": "false"}


@dataclass(frozen=True)
class Pointer:
    """What a pointer says of the content."""

    sha256: str
    size: int

    def describes(self, path: Path, *, trusted: bool) -> bool:
        """Whether the file at ``path`` has that content; ``trusted`` spares reading a large one."""
        size = path.lstat().st_size
        if size != self.size:
            return False
        if trusted and size >= MOST_POINTER_BYTES:
            return True
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
        return digest.hexdigest() == self.sha256


def read_pointers(repository: Repository, blobs: Iterable[str]) -> dict[str, Pointer]:
    """Those of the commit's ``blobs`` that are pointers.

    Raises:
        CaptureError: git cannot tell.
    """
    small = []
    for line in _ask(repository, blobs, "--batch-check").splitlines():
        blob, _, rest = line.decode().partition(" ")
        kind, _, size = rest.partition(" ")
        if kind == "blob" and int(size) < MOST_POINTER_BYTES:
            small.append(blob)
    output = _ask(repository, small, "--batch")
    pointers = {}
    for blob in small:
        head, _, output = output.partition(b"\n")
        length = int(head.split()[2])
        match = _POINTER.match(output[:length])
        if match:
            pointers[blob] = Pointer(match[1].decode(), int(match[2]))
        output = output[length + 1 :]
    return pointers


def untouched(repository: Repository, listing: Listing, commit: Mapping[str, Committed]) -> Collection[str]:
    """Paths that git takes for unchanged since it wrote them, by a look at their times and sizes alone."""
    with private_index(repository, listing, distrusted=False) as environment:
        changed = {
            os.fsdecode(path)
            for command in (("diff-files",), ("diff-index", "--cached", "HEAD"))
            for path in repository.git.read(
                *command, "-z", "--name-only", "--no-ext-diff", "--ignore-submodules=all",
                settings=_NO_FILTER, environment=environment,
            ).split(b"\0")
        }  # fmt: skip
    return commit.keys() - changed


def _ask(repository: Repository, blobs: Iterable[str], mode: str) -> bytes:
    with fed(dict.fromkeys(blobs), end=b"\n") as stdin:
        return repository.git.read("cat-file", mode, stdin=stdin)
