"""Environments by what they hold: built once under a lock, used in place, never copied."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from agent.environment import origins, uv
from agent.environment.config import PackagesConfig
from agent.environment.content import Content
from agent.environment.environment import (
    READY,
    Environment,
    EnvironmentRemoved,
    building,
    clear,
    is_ready,
    mark_ready,
    opened,
)
from agent.environment.evidence import Evidence
from agent.environment.existing import open_existing
from agent.environment.index import Index
from agent.environment.installer import Installer, InstallerMissing, Job
from agent.environment.interpreter import find
from agent.environment.layer import Layers
from agent.environment.names import canonical
from agent.environment.patience import Patient
from agent.environment.pip import Pip
from agent.environment.recipe import Asked, Build, Recipe
from agent.environment.uv import Uv
from elsewhere.contract.errors import BuildError
from elsewhere.contract.spec import LocalPackage, Packages

Note = Callable[[str], None]


class Environments:
    """The environments of one machine, shared by all agents that use the same folder.

    Args:
        folder: where they are kept, their locks and resolved requirements beside them.
        config: where packages come from on this machine.
        searched_pythons: folders to look for interpreters in; None takes the ``ELSEWHERE_PYTHONS``
            variable, which lists them as ``PATH`` does.
        cache_dir: uv's cache; None leaves it to uv. On the disk of ``folder`` it is fastest.
        pause: waits between two tries; what it raises ends the build.
    """

    def __init__(
        self,
        folder: Path,
        config: PackagesConfig = PackagesConfig(),  # noqa: B008 - frozen
        *,
        searched_pythons: tuple[Path, ...] | None = None,
        cache_dir: Path | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._folder = folder.absolute()
        self._config = config
        self._index = Index.of(config)
        self._searched = _named_pythons() if searched_pythons is None else searched_pythons
        self._cache_dir = cache_dir
        self._pause = pause

    def prepare(self, packages: Packages, tree: Path | None = None, *, note: Note) -> Environment:
        """The environment that holds ``packages``, built if it is not there, with the tree's layer over it.

        Repeating the call is safe, also after a kill at any point: what is unfinished is built
        anew. Processes that ask for the same one at once wait for the first to build it.

        Args:
            packages: what it must hold.
            tree: the rebuilt workspace. Without one nothing but what was recorded can be asked for.
            note: takes lines for the task's log, the installer's own among them.

        Raises:
            PythonNotFound: no interpreter of that version is here.
            PackageNotFound: no index has a package, or not in that version.
            BuildError: it cannot be built for another reason.
            DiskFull: there is no space for it.
        """
        order = _Order(packages, tree, self._config, note)
        while True:
            environment, local, evidence = self._base(order)
            try:
                # Nobody shall take it away while the layer is built against it.
                with environment.hold():
                    return self._with_layer(environment, local, evidence, order)
            except EnvironmentRemoved:
                note(f"environment {environment.key[:10]} was removed meanwhile")

    @contextmanager
    def held(self, packages: Packages, tree: Path | None = None, *, note: Note) -> Iterator[Environment]:
        """``prepare``, and keep the environment from being removed as long as the block runs.

        The kernel lets go of it when this process dies.

        Raises:
            BuildError: as ``prepare``.
        """
        with ExitStack() as holding:
            environment = self._prepare_and_hold(packages, tree, note, holding)
            try:
                yield environment
            finally:
                environment.touch()  # used until now, however long that was

    def _prepare_and_hold(
        self, packages: Packages, tree: Path | None, note: Note, holding: ExitStack
    ) -> Environment:
        while True:
            environment = self.prepare(packages, tree=tree, note=note)
            try:
                holding.enter_context(environment.hold())
            except EnvironmentRemoved:
                note(f"environment {environment.key[:10]} was removed meanwhile")
            else:
                return environment

    def _base(self, order: _Order) -> tuple[Environment, tuple[LocalPackage, ...], Evidence | None]:
        """The shared environment, what goes over it, and what decides that.

        To learn what a package of the tree needs its build may have to be asked, and may leave
        files in the tree: what decides is looked at before.
        """
        place = order.existing
        if place is not None:
            environment = open_existing(place)
            order.note(f"using the environment of {environment.python}: Python {environment.version}")
            local = order.packages.local
            return environment, local, order.evidence(local)
        asked = order.asked(own_index=self._index.is_own)
        recipe = origins.choose(asked, order.origin)
        version = "" if recipe.brings_python else order.packages.python
        interpreter = find(
            version, self._searched, self._app_data, self._config.python_policy, note=order.note
        )
        evidence = order.evidence(recipe.local)
        base = self._provide(Content(recipe, interpreter, self._index), order.note)
        return base, recipe.local, evidence

    def _provide(self, content: Content, note: Note) -> Environment:
        key = content.key
        ready = self._reuse(key, note)
        if ready is not None:
            return ready
        folder = self._folder / key
        with building(folder, note) as lock:
            return self._reuse(key, note) or self._build(content, folder, lock, note)

    def _reuse(self, key: str, note: Note) -> Environment | None:
        folder = self._folder / key
        if not is_ready(folder):
            return None
        try:
            # Its time says when the environment was last used.
            os.utime(folder / READY)
        except FileNotFoundError:  # a janitor was faster
            return None
        note(f"environment {key[:10]} reused")
        return opened(folder, reused=True)

    def _build(self, content: Content, folder: Path, lock: int, note: Note) -> Environment:
        began = time.monotonic()
        recipe = content.recipe
        note(f"building environment {content.key[:10]} of {recipe.title}")
        job = Job(folder, self._index, note, lock)
        try:
            try:
                program = self._uv(recipe)
                prefix = self._fill(content, job, program, program)
            except InstallerMissing as missing:
                note(f"{missing}; installing with pip")
                prefix = self._fill(content, job, Pip(), None)
            mark_ready(
                folder, content.key, prefix, "" if recipe.brings_python else content.interpreter.version
            )
        except BaseException:
            clear(folder)
            raise
        ready = opened(folder, reused=False)
        seconds = time.monotonic() - began
        note(f"environment {content.key[:10]} built in {seconds:.1f} s: Python {ready.version}")
        return ready

    def _fill(self, content: Content, job: Job, chosen: Installer, program: Uv | None) -> Path:
        clear(job.folder)
        lock = self._folder / "locks" / f"{content.key}.txt"
        installer = Patient(chosen, self._config.index_patience, self._pause)
        return content.recipe.fill(Build(job, content.interpreter, installer, program, lock, self._app_data))

    def _with_layer(
        self,
        environment: Environment,
        local: tuple[LocalPackage, ...],
        evidence: Evidence | None,
        order: _Order,
    ) -> Environment:
        tree = order.tree
        if tree is None or evidence is None:
            return environment
        job = Job(tree, self._index, order.note, interpreter=environment.python)
        kept = environment.folder / ".elsewhere-layers" if environment.key else self._folder / "layers"

        def lay(choose: Callable[[], Installer]) -> Environment:
            def installer() -> Installer:
                return Patient(choose(), self._config.index_patience, self._pause)

            layers = Layers(environment, kept, job, installer, order.unisolated)
            return replace(environment, layer=layers.lay(local, tree, evidence))

        try:
            return lay(lambda: self._uv(None))
        except InstallerMissing as missing:
            order.note(f"{missing}; installing with the environment's pip")
            return lay(Pip)
        except OSError as error:
            raise BuildError(f"the packages of {tree} cannot be written: {error}") from error

    def _uv(self, recipe: Recipe | None) -> Uv:
        trusted = recipe is not None and recipe.pinned
        return Uv(uv.find(), self._cache_dir, trust_cache=trusted)

    @property
    def _app_data(self) -> Path:
        return self._folder / "interpreters"


@dataclass(frozen=True)
class _Order:
    """What a task asks for, with what the machine's owner says over it."""

    packages: Packages
    tree: Path | None
    config: PackagesConfig
    note: Note

    @cached_property
    def origin(self) -> str:
        return self.config.origin_of(self.packages, self.note)

    @property
    def existing(self) -> str | None:
        """Where the environment is that somebody else has made; None where one is built."""
        kind, colon, place = self.origin.partition(":")
        return place if kind == "existing" and colon else None

    @property
    def unisolated(self) -> frozenset[str]:
        names = (*self.packages.no_build_isolation, *self.config.no_build_isolation)
        return frozenset(canonical(name) for name in names)

    def evidence(self, local: tuple[LocalPackage, ...]) -> Evidence | None:
        """What decides the layer; None where there is nothing for one."""
        return None if self.tree is None or not local else Evidence.of(self.tree.resolve(), local)

    def asked(self, *, own_index: bool) -> Asked:
        return Asked(self.packages, self.tree, self.note, self.unisolated, own_index)


def _named_pythons() -> tuple[Path, ...]:
    listed = os.environ.get("ELSEWHERE_PYTHONS", "")
    return tuple(Path(folder).expanduser() for folder in listed.split(os.pathsep) if folder)
