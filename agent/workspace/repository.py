"""Bare repositories that are cached, one for each origin.

A commit is certified complete by the ref ``refs/elsewhere/commits/HASH``. Finding that ref is
one stat, needs no lock and no process, and is the whole cost of a commit that is cached.
The ref is written last, so a fetch that was killed at any point certifies nothing. Nothing
is ever pruned from these repositories, so what is certified stays complete.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from agent.credentials import without_credentials
from agent.disk import full, space_needed
from agent.lock import locked
from agent.workspace import bundle, git
from elsewhere.contract.errors import CommitNotFound, UnsafeSource
from elsewhere.contract.spec import Blob, Source

_HASH = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})\Z")
_EVERYTHING = ("+refs/heads/*:refs/elsewhere/heads/*", "+refs/tags/*:refs/elsewhere/tags/*")


@dataclass
class _Search:
    """Where a commit was looked for, and what each place answered."""

    commit: str
    answers: list[str] = field(default_factory=list)

    def failed(self, place: str, reason: str) -> None:
        """Remember that ``place`` does not have it."""
        self.answers.append(f"{place}: {reason}")

    def error(self) -> CommitNotFound:
        """The error that names all places."""
        places = "\n".join(f"  {answer}" for answer in self.answers)
        return CommitNotFound(f"commit {self.commit} was not found; asked were\n{places}")


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

    def obtain(self, source: Source, fetch: Callable[[Blob], bytes], note: Callable[[str], None]) -> None:
        """Make sure that the commit of ``source`` is here.

        Asked are, in this order: the cache, the task's bundle, the origin for the commit, the
        origin for all branches and tags. The lock is taken only when the commit is not cached.

        Raises:
            CommitNotFound: no place has it; the message names each with git's own words.
            DiskFull: there is no space for it.
        """
        commit = source.commit or ""
        if self.holds(commit):
            return
        lock = self.folder.with_suffix(".lock")
        with (
            space_needed(self.folder),
            locked(lock, on_wait=lambda: note("waiting for another attempt that fetches from there")),
        ):
            if self.holds(commit):
                return
            self._create(commit)
            self._sweep()
            try:
                self._search(source, fetch, note)
            except BaseException:
                self._sweep()
                raise

    def _search(self, source: Source, fetch: Callable[[Blob], bytes], note: Callable[[str], None]) -> None:
        commit = source.commit or ""
        search = _Search(commit)
        if self._adopt(commit):
            return
        search.failed("the agent's cache", "not there")
        if source.bundle is not None and self._from_bundle(source, fetch(source.bundle), search, note):
            return
        if source.repository is None:
            search.failed("the origin", "the repository has no remote URL")
        elif self._from_origin(source.repository, [commit], search, note):
            return
        raise search.error()

    def _from_bundle(self, source: Source, data: bytes, search: _Search, note: Callable[[str], None]) -> bool:
        place = "the task's bundle"
        try:
            needed = bundle.prerequisites(data)
        except ValueError as error:
            search.failed(place, str(error))
            return False
        missing = [commit for commit in needed if not self.holds(commit) and not self._adopt(commit)]
        if missing and source.repository is None:
            search.failed(place, f"it stands on {missing[0]}, and the repository has no remote URL")
            return False
        if missing and not self._from_origin(source.repository or "", missing, search, note):
            search.failed(place, f"it stands on {missing[0]}, which was not found either")
            return False
        carried = self.folder / "elsewhere.bundle"
        carried.write_bytes(data)
        result = self._checked(git.local(["bundle", "unbundle", str(carried)], git_dir=self.folder))
        carried.unlink()
        if result.code == 0 and self._adopt(search.commit):
            return True
        search.failed(place, result.reason if result.code else "the commit is not in it")
        return False

    def _from_origin(
        self, url: str, commits: list[str], search: _Search, note: Callable[[str], None]
    ) -> bool:
        place = without_credentials(url)
        note(f"fetching {', '.join(commit[:10] for commit in commits)} from {place}")
        result = self._fetch(url, commits)
        if result.code == 0:
            # The fetch itself has checked that everything the commits reach is here.
            for commit in commits:
                self._certify(commit)
            return True
        search.failed(f"{place}, for the commit", result.reason)
        note(f"fetching all branches and tags from {place}")
        result = self._fetch(url, list(_EVERYTHING), "--prune")
        if result.code == 0 and all(self._adopt(commit) for commit in commits):
            return True
        reason = result.reason if result.code else "none of them holds the commit"
        search.failed(f"{place}, for all branches and tags", reason)
        return False

    def _fetch(self, url: str, wanted: list[str], *options: str) -> git.Result:
        command = ["fetch", "--quiet", "--no-write-fetch-head", "--no-tags", "--no-recurse-submodules"]
        return self._checked(git.network([*command, *options, "--", url, *wanted], git_dir=self.folder))

    def _adopt(self, commit: str) -> bool:
        """Certify ``commit`` if everything that it reaches is here already."""
        walk = ["rev-list", "--objects", "--quiet", f"{commit}^{{commit}}", "--not", "--all"]
        if self._checked(git.local(walk, git_dir=self.folder)).code != 0:
            return False
        self._certify(commit)
        return True

    def _certificate(self, commit: str) -> Path:
        return self.folder / "refs" / "elsewhere" / "commits" / commit

    def _certify(self, commit: str) -> None:
        # A loose ref is one small file; written by rename it needs no process and no lock file
        # that a kill could leave behind.
        ref = self._certificate(commit)
        ref.parent.mkdir(parents=True, exist_ok=True)
        draft = self.folder / "elsewhere.ref"
        draft.write_text(f"{commit}\n")
        draft.replace(ref)

    def _create(self, commit: str) -> None:
        if self.folder.exists():
            return
        draft = self.folder.with_suffix(".new")
        shutil.rmtree(draft, ignore_errors=True)
        kind = "sha256" if len(commit) == 64 else "sha1"
        command = ["init", "--quiet", "--bare", "--template=", f"--object-format={kind}"]
        result = self._checked(git.local(command, git_dir=draft))
        if result.code != 0:
            raise CommitNotFound(f"no repository can be made at {self.folder}: {result.reason}", "")
        with (draft / "config").open("a") as config:
            config.write(f"[gc]\n\tauto = 0\n[core]\n\thooksPath = {git.NOWHERE}\n")
        draft.rename(self.folder)

    def _sweep(self) -> None:
        """Remove what a killed or failed git left: under the lock nobody else needs it."""
        leftovers = [
            self.folder / "elsewhere.bundle",
            self.folder / "packed-refs.lock",
            self.folder / "shallow.lock",
            *(self.folder / "objects").glob("*/tmp_*"),
            *(self.folder / "refs").rglob("*.lock"),
        ]
        for leftover in leftovers:
            leftover.unlink(missing_ok=True)

    def _checked(self, result: git.Result) -> git.Result:
        if result.filled(self.folder.parent):
            raise full(self.folder)
        return result
