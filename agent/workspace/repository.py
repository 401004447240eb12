"""Bare repositories that are cached, one for each origin.

A commit is certified complete by the ref ``refs/elsewhere/commits/HASH``. Finding that ref is
one stat, needs no lock and no process, and is the whole cost of a commit that is cached.
The ref is written last, so a fetch that was killed at any point certifies nothing. Nothing
is ever pruned from these repositories, so what is certified stays complete. "Everything" ends
where the history was cut: a first fetch brings the wanted commit alone, and later ones go on so.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agent.credentials import without_credentials
from agent.disk import full, space_needed
from agent.lock import locked
from agent.workspace import git
from elsewhere.contract.errors import CommitNotFound, UnsafeSource
from elsewhere.contract.spec import Source

_HASH = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})\Z")


@dataclass(frozen=True)
class Repository:
    """One cached bare repository, whether it is there yet or not."""

    folder: Path

    @classmethod
    def of(cls, source: Source, repositories: Path) -> Repository:
        """The repository that caches the commits of ``source``.

        Raises:
            UnsafeSource: the commit is no full hash.
        """
        commit = source.commit or ""
        if not _HASH.match(commit):
            raise UnsafeSource(f"{commit!r:.80} is no full commit hash", "Submit the task again.")
        origin = without_credentials(source.repository or "") or source.identity or commit
        name = hashlib.sha256(origin.encode()).hexdigest()[:32]
        return cls(repositories.absolute() / f"{name}.git")

    @property
    def use_lock(self) -> Path:
        """Shared by those who check out of it just now; its time says when that last was."""
        return self.folder.with_suffix(".use")

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Keep it from being removed as long as the block runs; any number may hold it at once."""
        with locked(self.use_lock, shared=True) as descriptor:
            os.utime(descriptor)
            yield

    def holds(self, commit: str) -> bool:
        """Whether ``commit`` is here with everything that it reaches."""
        return self._certificate(commit).exists()

    def forget(self, commit: str) -> None:
        """Take the certificate of ``commit`` back; the next rebuild looks for it anew."""
        self._certificate(commit).unlink(missing_ok=True)

    @property
    def certified(self) -> bool:
        """Whether any commit is here."""
        return any(self._certificate("x").parent.glob("*"))

    @property
    def cut(self) -> bool:
        """Whether parts of its history were left at the origin."""
        return (self.folder / "shallow").exists()

    @contextmanager
    def fetching(self, note: Callable[[str], None]) -> Iterator[None]:
        """The right to add to it, which one process has at a time."""
        lock = self.folder.with_suffix(".lock")
        with (
            space_needed(self.folder),
            locked(lock, on_wait=lambda: note("waiting for another attempt that fetches from there")),
        ):
            yield

    def create(self, commit: str) -> None:
        """Make it, for commits of the kind of ``commit``, if it is not there. Under the lock alone."""
        if self.folder.exists():
            return
        draft = self.folder.with_suffix(".new")
        shutil.rmtree(draft, ignore_errors=True)
        kind = "sha256" if len(commit) == 64 else "sha1"
        command = ["init", "--quiet", "--bare", "--template=", f"--object-format={kind}"]
        result = self.checked(git.local(command, git_dir=draft))
        if result.code != 0:
            raise CommitNotFound(f"no repository can be made at {self.folder}: {result.reason}", "")
        with (draft / "config").open("a") as config:
            config.write(f"[gc]\n\tauto = 0\n[core]\n\thooksPath = {git.NOWHERE}\n")
        draft.rename(self.folder)

    def adopt(self, commit: str) -> bool:
        """Certify ``commit`` if everything that it reaches is here already. Under the lock alone."""
        walk = ["rev-list", "--objects", "--quiet", f"{commit}^{{commit}}", "--not", "--all"]
        if self.checked(git.local(walk, git_dir=self.folder)).code != 0:
            return False
        self.certify(commit)
        return True

    def _certificate(self, commit: str) -> Path:
        return self.folder / "refs" / "elsewhere" / "commits" / commit

    def certify(self, commit: str) -> None:
        """State that ``commit`` is here with everything that it reaches. Under the lock alone."""
        # A loose ref is one small file; written by rename it needs no process and no lock file
        # that a kill could leave behind.
        ref = self._certificate(commit)
        ref.parent.mkdir(parents=True, exist_ok=True)
        draft = self.folder / "elsewhere.ref"
        draft.write_text(f"{commit}\n")
        draft.replace(ref)

    def sweep(self) -> None:
        """Remove what a killed or failed git left. Under the lock alone: then nobody else needs it."""
        leftovers = [
            self.folder / "elsewhere.bundle",
            self.folder / "packed-refs.lock",
            self.folder / "shallow.lock",
            *(self.folder / "objects").glob("*/tmp_*"),
            *(self.folder / "refs").rglob("*.lock"),
        ]
        for leftover in leftovers:
            leftover.unlink(missing_ok=True)

    def checked(self, result: git.Result) -> git.Result:
        """``result``, unless git failed for want of space.

        Raises:
            DiskFull: it did.
        """
        if result.filled(self.folder.parent):
            raise full(self.folder)
        return result
