"""The search for a commit: in the cache, in the task's bundle, at the origin.

The origin is asked for the one commit that is wanted, with as little of its history as the
configuration says; for more only where it does not offer that, or where a bundle needs it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from agent.credentials import without_credentials
from agent.workspace import bundle, git
from agent.workspace.address import rewritten
from agent.workspace.config import GitConfig
from agent.workspace.repository import Repository
from elsewhere.contract.errors import CommitNotFound
from elsewhere.contract.spec import Blob, Source

_EVERYTHING = ("+refs/heads/*:refs/elsewhere/heads/*", "+refs/tags/*:refs/elsewhere/tags/*")
_BUNDLE = "the task's bundle"


def obtain(
    repository: Repository,
    source: Source,
    fetch: Callable[[Blob], bytes],
    note: Callable[[str], None],
    config: GitConfig,
) -> None:
    """Make sure that the commit of ``source`` is in ``repository``.

    Asked are, in this order: the cache, the task's bundle, the origin for the commit, the
    origin for all branches and tags. The lock is taken only when the commit is not cached.

    Raises:
        CommitNotFound: no place has it; the message names each with git's own words.
        DiskFull: there is no space for it.
    """
    commit = source.commit or ""
    if repository.holds(commit):
        return
    with repository.fetching(note):
        if repository.holds(commit):
            return
        repository.create(commit)
        repository.sweep()
        search = _Search(repository, commit, source.repository, config, note)
        try:
            search.go(source.bundle, fetch)
        except BaseException:
            repository.sweep()
            raise


@dataclass
class _Search:
    """One search, and what each place answered."""

    repository: Repository
    commit: str
    url: str | None
    config: GitConfig
    note: Callable[[str], None]
    answers: list[str] = field(default_factory=list)

    def go(self, carried: Blob | None, fetch: Callable[[Blob], bytes]) -> None:
        """Ask one place after the other. The error names them all."""
        if self.repository.adopt(self.commit):
            return
        self._failed("the agent's cache", "not there")
        if carried is not None and self._from_bundle(fetch(carried)):
            return
        if self.url is None:
            self._failed("the origin", "the repository has no remote URL")
        elif self._from_origin(self.url, [self.commit]):
            return
        places = "\n".join(f"  {answer}" for answer in self.answers)
        raise CommitNotFound(f"commit {self.commit} was not found; asked were\n{places}")

    def _failed(self, place: str, reason: str) -> None:
        self.answers.append(f"{place}: {reason}")

    def _from_bundle(self, data: bytes) -> bool:
        try:
            needed = bundle.prerequisites(data)
        except ValueError as error:
            self._failed(_BUNDLE, str(error))
            return False
        missing = [one for one in needed if not self.repository.holds(one) and not self.repository.adopt(one)]
        if missing and self.url is None:
            self._failed(_BUNDLE, f"it stands on {missing[0]}, and the repository has no remote URL")
            return False
        if missing and not self._from_origin(self.url or "", missing):
            self._failed(_BUNDLE, f"it stands on {missing[0]}, which was not found either")
            return False
        result = self._unbundle(data)
        if self.repository.adopt(self.commit):
            return True
        if needed and self.url is not None and self.repository.cut and self._deepen(self.url, needed):
            # A bundle may leave out what is anywhere in the history that it stands on.
            result = self._unbundle(data)
            if self.repository.adopt(self.commit):
                return True
        self._failed(_BUNDLE, result.reason if result.code else "the commit is not in it")
        return False

    def _unbundle(self, data: bytes) -> git.Result:
        carried = self.repository.folder / "elsewhere.bundle"
        carried.write_bytes(data)
        command = ["bundle", "unbundle", str(carried)]
        result = self.repository.checked(git.local(command, git_dir=self.repository.folder))
        carried.unlink()
        return result

    def _from_origin(self, url: str, commits: list[str]) -> bool:
        place = without_credentials(url)
        self.note(f"fetching {', '.join(commit[:10] for commit in commits)} from {place}")
        depth = self._depth()
        result = self._fetch(url, commits, *depth)
        if result.code != 0 and depth and "shallow" in result.message:
            # A server that is a folder of files, or a very old one, knows whole histories only.
            result = self._fetch(url, commits)
        if result.code == 0:
            # The fetch itself has checked that everything the commits reach is here.
            for commit in commits:
                self.repository.certify(commit)
            return True
        self._failed(f"{place}, for the commit", result.reason)
        self.note(f"fetching all branches and tags from {place}")
        result = self._fetch(url, list(_EVERYTHING), "--prune", *self._whole())
        if result.code == 0 and all(self.repository.adopt(commit) for commit in commits):
            return True
        reason = result.reason if result.code else "none of them holds the commit"
        self._failed(f"{place}, for all branches and tags", reason)
        return False

    def _depth(self) -> list[str]:
        """How much of the history to ask for. What has a whole one keeps it: only the new part comes."""
        if self.config.depth == 0:
            return self._whole()
        if self.repository.cut or not self.repository.certified:
            return [f"--depth={self.config.depth}"]
        return []

    def _whole(self) -> list[str]:
        return ["--unshallow"] if self.repository.cut else []

    def _deepen(self, url: str, commits: list[str]) -> bool:
        self.note(f"fetching the whole history from {without_credentials(url)}")
        return self._fetch(url, commits, "--unshallow").code == 0

    def _fetch(self, url: str, wanted: list[str], *options: str) -> git.Result:
        command = ["fetch", "--quiet", "--no-write-fetch-head", "--no-tags", "--no-recurse-submodules"]
        arguments = [*command, *options, "--", rewritten(url, self.config), *wanted]
        folder = self.repository.folder
        return self.repository.checked(git.network(arguments, git_dir=folder, config=self.config))
