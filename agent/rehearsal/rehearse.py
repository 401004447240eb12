"""The story of a rehearsal: that of an attempt, up to its launch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from agent import launch, workspace
from agent.environment import Environment, Environments
from agent.environment.config import configured
from agent.rehearsal.finding import Finding
from agent.rehearsal.omission import Desk, left_behind, not_filled
from agent.rehearsal.packages import built_from_source, compare
from elsewhere.contract.built import Built
from elsewhere.contract.errors import ElsewhereError
from elsewhere.contract.spec import Blob, TaskSpec
from elsewhere.settings import Folders
from elsewhere.startup import lay_sdk


@dataclass(frozen=True)
class Rehearsal:
    """What an attempt on this machine would start, and what would differ from the desk."""

    tree: Path
    """The rebuilt workspace."""
    command: tuple[str, ...]
    """What it would start; () where it would not come so far."""
    working_directory: Path | None
    variables: Mapping[str, str]
    """What it needs in its environment to be tried by hand."""
    environment: Environment | None
    built: Built | None
    findings: tuple[Finding, ...]

    @property
    def exit_code(self) -> int:
        """0 where it would run, else that of the first cause why not."""
        return next((finding.exit_code for finding in self.findings if finding.exit_code), 0)


def rehearse(
    spec: TaskSpec,
    tree: Path,
    *,
    folders: Folders,
    fetch: Callable[[Blob], bytes],
    note: Callable[[str], None],
    desk: Desk | None = None,
) -> Rehearsal:
    """Rebuild the tree of ``spec`` in ``tree`` and its environment where this machine keeps them.

    By the same calls as an attempt, with this machine's settings. Nothing is written to a
    store, and the script is not run. What an attempt would fail at becomes a finding.

    Args:
        spec: what to rebuild.
        tree: is made; what is there is removed first.
        folders: where repositories and environments are kept.
        fetch: gives the bytes of a blob.
        note: takes lines for people, the installer's own among them.
        desk: the tree that it was captured from, where that is here, too.

    Raises:
        WorkspaceError: ``tree`` cannot be removed.
    """
    steps = _Steps(spec, tree, folders, fetch, note)
    findings: list[Finding] = []
    try:
        steps.rebuild_workspace()
        findings += not_filled(tree)
        findings += left_behind(desk, tree) if desk is not None else ()
        steps.find_command()
        if spec.image is None:
            findings += steps.prepare_environment()
        else:
            findings.append(
                Finding("image", f"it runs in {spec.image.name}: what that holds is not looked at")
            )
    except ElsewhereError as error:
        findings.append(Finding.of(error))
    return Rehearsal(
        tree,
        steps.command,
        steps.working_directory,
        steps.variables,
        steps.environment,
        steps.built,
        tuple(findings),
    )


class _Steps:
    """The steps of an attempt, and what came of each so far."""

    def __init__(
        self,
        spec: TaskSpec,
        tree: Path,
        folders: Folders,
        fetch: Callable[[Blob], bytes],
        note: Callable[[str], None],
    ) -> None:
        self._spec = spec
        self._tree = tree
        self._folders = folders
        self._fetch = fetch
        self._note = note
        self._words: tuple[str, ...] = ()
        self.working_directory: Path | None = None
        self.variables: Mapping[str, str] = {}
        self.environment: Environment | None = None
        self.built: Built | None = None

    @property
    def command(self) -> tuple[str, ...]:
        """Interpreter, script and arguments."""
        return () if self.environment is None else (str(self.environment.python), *self._words)

    def rebuild_workspace(self) -> None:
        """The tree."""
        workspace.rebuild(
            self._spec.source,
            self._tree,
            repositories=self._folders.repositories,
            fetch=self._fetch,
            note=self._note,
            config=workspace.configured(self._folders),
        )

    def find_command(self) -> None:
        """What follows the interpreter, and where."""
        self._words, self.working_directory = launch.command(self._spec.entry, self._tree)

    def prepare_environment(self) -> Iterator[Finding]:
        """The environment, and where it is not what the desk has."""
        environments = Environments(self._folders.environments, configured(self._folders))
        packages = self._spec.packages
        with environments.held(packages, self._tree, note=self._note) as environment:
            self.environment, self.built = environment, environment.built()
            if environment.layer is not None:
                own = environment.variables("")["ELSEWHERE_LAYER"]
                self.variables = {"PYTHONPATH": str(lay_sdk(self._folders.sdk)), "ELSEWHERE_LAYER": own}
            yield from compare(packages, self.built)
            yield from built_from_source(environment.prefix.glob("lib*/python*/site-packages"))
