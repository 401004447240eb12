"""Files whose bytes are not what a checkout elsewhere would give, though git calls them unchanged.

Whoever rebuilds the tree checks out the commit with the commit's own ``.gitattributes`` and with
no filter. A desk has more: filters, attributes of its user, files whose line ends were never
brought into order. Git compares after its conversions; what it does not tell apart is found here.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from elsewhere.capture.attributes import (
    converting_attributes,
    has_changed_rules,
    has_private_rules,
    has_rules,
)
from elsewhere.capture.index import Committed, index_of_commit, read_commit
from elsewhere.capture.lfs import Pointer, read_pointers, untouched
from elsewhere.capture.listing import Listing, TrackedFile
from elsewhere.capture.repository import Repository

Way = Literal["diff", "whole", "given", "filled"]
_ENDS = re.compile(rb"i/(\S*) +w/(\S*) +attr/[^\t]*\t")
_NOT_SET = frozenset({"unset", ""})
_CHUNK = 1024 * 1024


@dataclass
class Converted:
    """Files that the diff must not speak of, by the way in which they travel."""

    whole: set[str] = field(default_factory=set)
    """As they stand, in the place of what the commit gives."""
    given: set[str] = field(default_factory=set)
    """Not at all: the commit gives these very bytes, whatever git's own comparison says."""
    filled: set[str] = field(default_factory=set)
    """Not at all: git-lfs gives the content that the commit's pointer names."""

    @property
    def all(self) -> set[str]:
        """All of them."""
        return self.whole | self.given | self.filled


def find_converted(
    repository: Repository, listing: Listing, unpushed: Callable[[], Collection[str] | None]
) -> Converted:
    """Find them. Repositories without any attributes, which are most, cost nothing.

    Args:
        repository: where to look.
        listing: its files.
        unpushed: hashes of all that the remote does not have; None means everything.

    Raises:
        CaptureError: git cannot tell.
    """
    converted = Converted()
    if repository.commit is None or not has_rules(repository, listing):
        return converted
    commit = read_commit(repository)
    present = [file for file in listing.tracked if _is_regular(repository, file)]
    with index_of_commit(repository) as environment:
        paths = [file.path for file in present]
        attributes = converting_attributes(repository, environment, paths)
        doubtful = _rules_differ(repository, listing, commit)
        # Files without attributes are told apart by git as they stand.
        files = [file for file in present if doubtful or file.path in attributes]
        ends = _line_ends(repository, environment) if files else {}
    judge = _Judge(repository, listing, commit, attributes, ends, unpushed, doubtful=doubtful)
    judge.look_up_pointers(file.path for file in files)
    for file in files:
        way = judge.way_of(file)
        if way != "diff":
            getattr(converted, way).add(file.path)
    return converted


def _is_regular(repository: Repository, file: TrackedFile) -> bool:
    if file.kind == "submodule":
        return False
    try:
        return stat.S_ISREG((repository.root / file.path).lstat().st_mode)
    except OSError:
        return False


def _rules_differ(repository: Repository, listing: Listing, commit: Mapping[str, Committed]) -> bool:
    """Whether the desk converts by other attributes than the commit's, which alone count elsewhere."""
    if has_private_rules(repository):
        return True
    changed = [
        path
        for path in {*commit, *(file.path for file in listing.tracked)}
        if path.rpartition("/")[2] == ".gitattributes"
        and not _has_blob(repository.root / path, commit[path].blob if path in commit else "")
    ]
    return has_changed_rules(listing, changed)


def _line_ends(repository: Repository, environment: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """The kinds of line ends of each file: as committed, and as it stands."""
    output = repository.git.read("ls-files", "--eol", "-z", environment=environment)
    found = {}
    for record in output.split(b"\0"):
        match = _ENDS.match(record)
        if match:
            found[os.fsdecode(record[match.end() :])] = (match[1].decode(), match[2].decode())
    return found


def _has_blob(path: Path, blob: str) -> bool:
    """Whether the file, as it stands, is what git keeps under the hash ``blob``."""
    try:
        with path.open("rb") as file:
            digest = _digest(os.fstat(file.fileno()).st_size, blob)
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except OSError:
        return False
    return digest.hexdigest() == blob


def _digest(size: int, blob: str) -> hashlib._Hash:
    digest = hashlib.sha256() if len(blob) == 64 else hashlib.sha1(usedforsecurity=False)
    digest.update(b"blob %d\0" % size)
    return digest


class _Judge:
    """Decides, for one file after the other, how it travels."""

    def __init__(
        self,
        repository: Repository,
        listing: Listing,
        commit: Mapping[str, Committed],
        attributes: Mapping[str, Mapping[str, str]],
        ends: Mapping[str, tuple[str, str]],
        unpushed: Callable[[], Collection[str] | None],
        *,
        doubtful: bool,
    ) -> None:
        self._repository = repository
        self._listing = listing
        self._commit = commit
        self._attributes = attributes
        self._ends = ends
        self._unpushed = unpushed
        self._doubtful = doubtful
        self._pointers: dict[str, Pointer] = {}
        self._untouched: Collection[str] = ()
        self._missing: Collection[str] | None = ()

    def look_up_pointers(self, paths: Iterable[str]) -> None:
        """Ask git, once for all, about those that git-lfs has to do with."""
        candidates = [
            self._commit[path].blob
            for path in paths
            if path in self._commit and self._attributes.get(path, {}).get("filter") == "lfs"
        ]
        if not candidates:
            return
        self._pointers = read_pointers(self._repository, candidates)
        if self._pointers:
            self._untouched = untouched(self._repository, self._listing, self._commit)
            self._missing = self._unpushed()

    def way_of(self, file: TrackedFile) -> Way:
        attributes = self._attributes.get(file.path, {})
        committed = self._commit.get(file.path)
        if committed is None or committed.mode not in ("100644", "100755"):
            return "whole" if self._doubtful or attributes else "diff"
        filtered = attributes.get("filter", "") not in _NOT_SET
        if filtered and self._is_filled(file, committed):
            known = self._missing is not None and committed.blob not in self._missing
            return "filled" if known and self._keeps_mode(file, committed) else "whole"
        if not filtered and not self._doubtful and self._in_order(file.path, attributes):
            return "diff"
        if attributes and has_private_rules(self._repository):
            return "whole"  # by whose word the attributes are, git does not say
        given = self._keeps_mode(file, committed) and self._comes_out(file.path, committed, attributes)
        return "given" if given else "whole"

    def _is_filled(self, file: TrackedFile, committed: Committed) -> bool:
        pointer = self._pointers.get(committed.blob)
        trusted = file.path in self._untouched and not file.hidden
        return pointer is not None and pointer.describes(self._repository.root / file.path, trusted=trusted)

    def _keeps_mode(self, file: TrackedFile, committed: Committed) -> bool:
        mode = (self._repository.root / file.path).lstat().st_mode
        executable = bool(mode & stat.S_IXUSR) if self._repository.keeps_modes else file.executable
        return executable == (committed.mode == "100755")

    def _in_order(self, path: str, attributes: Mapping[str, str]) -> bool:
        """Whether a checkout gives the line ends that stand here, so that a diff tells everything."""
        if _encodes(attributes):
            return False
        if not _is_text(attributes):
            return True
        committed, here = self._ends.get(path, ("", ""))
        if attributes.get("text") == "auto" and committed == here == "-text":
            return True
        wanted = "crlf" if attributes.get("eol") == "crlf" else "lf"
        return committed in ("lf", "none") and here in (wanted, "none")

    def _comes_out(self, path: str, committed: Committed, attributes: Mapping[str, str]) -> bool:
        """Whether a checkout of the commit gives the bytes that stand here."""
        if _encodes(attributes):
            return False
        stored = self._ends.get(path, ("", ""))[0]
        file = self._repository.root / path
        if not _is_text(attributes) or attributes.get("eol") != "crlf" or stored in ("crlf", "none"):
            return _has_blob(file, committed.blob)
        data = file.read_bytes()
        if stored != "lf" or data.count(b"\n") != data.count(b"\r\n"):
            return False
        data = data.replace(b"\r\n", b"\n")
        digest = _digest(len(data), committed.blob)
        digest.update(data)
        return digest.hexdigest() == committed.blob


def _is_text(attributes: Mapping[str, str]) -> bool:
    if attributes.get("text") == "unset" or attributes.get("crlf") == "unset":
        return False
    return any(attributes.get(name, "unset") != "unset" for name in ("text", "crlf", "eol"))


def _encodes(attributes: Mapping[str, str]) -> bool:
    encoding = attributes.get("working-tree-encoding", "unset").upper() not in ("UNSET", "UTF-8")
    return encoding or attributes.get("ident", "unset") != "unset"
