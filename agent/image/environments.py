"""Environments over images: built once in a container under a lock, used in place, never copied."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from agent.environment import uv
from agent.environment.config import PackagesConfig
from agent.environment.environment import READY, EnvironmentRemoved, building, clear, last_used, mark_ready
from agent.environment.evidence import Evidence
from agent.environment.index import Index
from agent.environment.installer import Installer, InstallerMissing
from agent.environment.layer import Layers
from agent.environment.listed import Listed
from agent.environment.names import canonical
from agent.environment.patience import Patient
from agent.environment.pip import Pip
from agent.environment.recipe import Asked
from agent.environment.uv import Uv
from agent.image.config import ImageConfig
from agent.image.environment import ImageEnvironment
from agent.image.filling import Filling
from agent.image.interpreter import ImageInterpreter, Interpreters
from agent.image.provided import missing
from agent.image.recipe import over_image
from agent.image.workbench import BUILD_LABEL, ContainerJob, Workbench, cache_in
from elsewhere.contract.errors import BuildError
from elsewhere.contract.spec import LocalPackage, Packages
from executors.docker import DockerRunning, Engine, ImageFacts

Note = Callable[[str], None]


class ImageEnvironments:
    """The environments over images of one machine, on the shelf of all its environments.

    Args:
        folder: where they are kept, as all others are.
        engine: where the images are.
        packages: where packages come from on this machine.
        config: what else its owner says of containers.
        user: ``UID:GID`` that everything belongs to; None means this process's.
        pause: waits between two tries at an index; what it raises ends the build.
    """

    def __init__(
        self,
        folder: Path,
        engine: Engine,
        packages: PackagesConfig,
        config: ImageConfig,
        *,
        user: str | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._folder = folder.absolute()
        self._engine = engine
        self._packages = packages
        self._config = config
        self._user = user or f"{os.getuid()}:{os.getgid()}"
        self._pause = pause
        self._index = Index.of(packages)
        self._running: DockerRunning | None = None
        self._interpreters = Interpreters(self._folder / "images", engine, self._user)

    @contextmanager
    def held(
        self, image: ImageFacts, packages: Packages, tree: Path, *, note: Note
    ) -> Iterator[ImageEnvironment]:
        """The environment of ``image`` with ``packages``, kept from being removed as long as the block runs.

        The tree's own packages are in a layer over it. It is built if it is not there. Repeating the
        call is safe, also after a kill at any point. Processes that ask for the same one at once
        wait for the first to build it. Where it is there, or the image has all that is asked for, no
        container is started.

        Args:
            image: what it stands on.
            packages: what it must hold.
            tree: the rebuilt workspace.
            note: takes lines for the task's log, the installer's own among them.

        Raises:
            NoPython: the image has no interpreter that a task can run on.
            PackageNotFound: no index has a package, or not in that version.
            BuildError: it cannot be built for another reason.
            DiskFull: there is no space for it.
            EngineUnavailable: the engine does not answer.
        """
        with ExitStack() as holding:
            order = _Order(image, self._interpreters.of(image), packages, tree, note)
            environment = self._prepare_and_hold(order, holding)
            try:
                yield environment
            finally:
                environment.touch()  # used until now, however long that was

    def end_build(self, grace: float) -> None:
        """End the container of a build that another thread waits for in ``held``, which then fails.

        Safe to repeat, and to call when there is none.
        """
        running = self._running
        if running is not None:
            running.terminate(grace)

    def _begun(self, running: DockerRunning) -> None:
        self._running = running

    def _prepare_and_hold(self, order: _Order, holding: ExitStack) -> ImageEnvironment:
        order.tell_version()
        recipe = self._recipe(order)
        own = ImageEnvironment.own(order.image, order.interpreter)
        if recipe is None:
            order.note(f"the packages are the image's own: Python {own.version}")
            return own
        # Before anything is built, which may leave files in the tree.
        evidence = Evidence.of(order.tree.resolve(), recipe.local) if recipe.local else None
        if not _installs(recipe, order.interpreter):
            order.note(f"the image has all packages that are asked for: Python {own.version}")
            return self._with_layer(own, recipe.local, evidence, order)
        while True:
            environment = self._prepare(order, recipe)
            try:
                holding.enter_context(environment.hold())
            except EnvironmentRemoved:
                order.note(f"environment {environment.key[:10]} was removed meanwhile")
            else:
                return self._with_layer(environment, recipe.local, evidence, order)

    def _recipe(self, order: _Order) -> Listed | None:
        if self._config.packages == "image-only":
            return None
        unisolated = self._unisolated(order)
        asked = Asked(order.packages, order.tree, order.note, unisolated, self._index.is_own)
        return over_image(asked, self._packages.origin_of(order.packages, order.note))

    def _unisolated(self, order: _Order) -> frozenset[str]:
        names = (*self._packages.no_build_isolation, *order.packages.no_build_isolation)
        return frozenset(canonical(name) for name in names)

    def _prepare(self, order: _Order, recipe: Listed) -> ImageEnvironment:
        facts = [order.image.id, order.interpreter.executable, self._index.facts(), recipe.facts()]
        key = hashlib.sha256(json.dumps(["image", *facts]).encode()).hexdigest()[:32]
        folder = self._folder / key
        environment = ImageEnvironment.over(order.image, order.interpreter, folder)
        if _reuse(environment, order.note):
            return environment
        with building(folder, order.note):
            if _reuse(environment, order.note):
                return environment
            self._build(folder, recipe, order)
        return replace(environment, reused=False)

    def _build(self, folder: Path, recipe: Listed, order: _Order) -> None:
        began = time.monotonic()
        key, version = folder.name, order.interpreter.version
        order.note(f"building environment {key[:10]} over the image {order.image.name} of {recipe.title}")
        # Its builder may have been killed, and the container not yet.
        self._engine.remove({BUILD_LABEL: key})
        clear(folder)
        folder.mkdir(parents=True)
        try:
            self._fill(folder, recipe, order)
            mark_ready(folder, key, folder, version)
        except BaseException:
            clear(folder)
            raise
        order.note(
            f"environment {key[:10]} built in {time.monotonic() - began:.1f} s: the image's Python {version}"
        )

    def _fill(self, folder: Path, recipe: Listed, order: _Order) -> None:
        kept = self._folder / "locks" / f"{folder.name}.txt"

        def fill(installer: Installer, job: ContainerJob, program: Uv | None) -> None:
            Filling(recipe, order.interpreter, job, installer, program).run(kept)

        self._install(self._job(folder, order), fill)

    def _with_layer(
        self,
        environment: ImageEnvironment,
        local: tuple[LocalPackage, ...],
        evidence: Evidence | None,
        order: _Order,
    ) -> ImageEnvironment:
        if evidence is None:
            return environment
        unisolated = self._unisolated(order)
        base = self._folder / "images" / "layers" / order.image.id.rpartition(":")[2]
        kept = environment.folder / ".elsewhere-layers" if environment.key else base
        job = self._job(order.tree, order)
        job = replace(
            job, interpreter=environment.python, reads=(environment.folder,) if environment.key else ()
        )
        found: list[Path] = []

        def lay(installer: Installer, job: ContainerJob, _program: Uv | None) -> None:
            layers = Layers(environment, kept, job, lambda: installer, unisolated)
            found.append(layers.lay(local, order.tree, evidence))

        self._install(job, lay)
        return replace(environment, layer=found[-1])

    def _install(self, job: ContainerJob, work: Callable[[Installer, ContainerJob, Uv | None], None]) -> None:
        """Do ``work`` with the agent's uv, and where that does not run in the image, with the image's pip."""
        patience = self._packages.index_patience
        try:
            program = uv.find().resolve()
            installer = Uv(program, job.bench.cache / "uv", trust_cache=False)
            inside = replace(job, reads=(*job.reads, program))
            work(Patient(installer, patience, self._pause), inside, installer)
        except InstallerMissing as absent:
            job.note(f"{absent}; installing with the image's own pip")
        else:
            return
        try:
            work(Patient(Pip(), patience, self._pause), job, None)
        except InstallerMissing as absent:
            raise BuildError(
                f"packages cannot be installed over the image {job.bench.image.name}: the agent's uv "
                "does not run in it, and it has no pip",
                "Add pip to the image, choose one with the packages in it, or one that is built on glibc.",
            ) from absent

    def _job(self, folder: Path, order: _Order) -> ContainerJob:
        cache = cache_in(self._folder / "images" / "caches", order.interpreter)
        bench = Workbench(self._engine, order.image, self._user, cache, order.tree, self._config, self._begun)
        # The one called `python` needs a shell.
        return ContainerJob(
            folder, self._index, order.note, interpreter=folder / "bin" / "python3", bench=bench
        )


@dataclass(frozen=True)
class _Order:
    """What a task asks for, and of what it is made."""

    image: ImageFacts
    interpreter: ImageInterpreter
    packages: Packages
    tree: Path
    note: Note

    def tell_version(self) -> None:
        asked, there = (text.split(".")[:2] for text in (self.packages.python, self.interpreter.version))
        if self.packages.python and asked != there:
            self.note(
                f"recorded under Python {self.packages.python}; the image has {self.interpreter.version}, "
                "which is used"
            )


def _installs(recipe: Listed, interpreter: ImageInterpreter) -> bool:
    """Whether anything is left to install. What only the build can tell is taken for something."""
    known = recipe.known
    return recipe.late is not None or bool(known.sources) or missing(known.requirements, interpreter)


def _reuse(environment: ImageEnvironment, note: Note) -> bool:
    if last_used(environment.folder) is None:
        return False
    try:
        # Its time says when the environment was last used.
        os.utime(environment.folder / READY)
    except FileNotFoundError:  # a janitor was faster
        return False
    note(f"environment {environment.key[:10]} reused")
    return True
