"""Environments over images: built once in a container under a lock, used in place, never copied."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from agent.disk import space_needed
from agent.environment import uv
from agent.environment.config import PackagesConfig
from agent.environment.environment import READY, EnvironmentRemoved, last_used, lock_of, mark_ready
from agent.environment.index import Index
from agent.environment.installer import InstallerMissing
from agent.environment.listed import Listed
from agent.environment.patience import Patient
from agent.environment.pip import Pip
from agent.environment.uv import Uv
from agent.image.config import ImageConfig
from agent.image.environment import ImageEnvironment
from agent.image.filling import Filling
from agent.image.interpreter import ImageInterpreter, Interpreters
from agent.image.provided import missing
from agent.image.recipe import asked_recipe
from agent.image.workbench import BUILD_LABEL, ContainerJob, Workbench
from agent.lock import locked
from elsewhere.contract.errors import BuildError
from elsewhere.contract.spec import Packages
from executors.docker import DockerRunning, Engine, ImageFacts


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
        self, image: ImageFacts, packages: Packages, tree: Path, *, note: Callable[[str], None]
    ) -> Iterator[ImageEnvironment]:
        """The environment of ``image`` with ``packages``, kept from being removed as long as the block runs.

        It is built if it is not there. Repeating the call is safe, also after a kill at any point.
        Processes that ask for the same one at once wait for the first to build it. Where it is
        there, or the image has all that is asked for, no container is started.

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
            environment = self._prepare_and_hold(image, packages, tree, note, holding)
            try:
                yield environment
            finally:
                # Used until now, however long that was.
                if environment.folder is not None:
                    with suppress(OSError):
                        os.utime(environment.folder / READY)

    def end_build(self, grace: float) -> None:
        """End the container of a build that another thread waits for in ``held``, which then fails.

        Safe to repeat, and to call when there is none.
        """
        running = self._running
        if running is not None:
            running.terminate(grace)

    def _begun(self, running: DockerRunning) -> None:
        self._running = running

    def _prepare_and_hold(
        self,
        image: ImageFacts,
        packages: Packages,
        tree: Path,
        note: Callable[[str], None],
        holding: ExitStack,
    ) -> ImageEnvironment:
        interpreter = self._interpreters.of(image)
        _tell_version(packages, interpreter, note)
        recipe = asked_recipe(packages, tree, self._packages, self._config, self._index, note)
        if recipe is None or not _installs(recipe, interpreter):
            note(f"the packages are the image's own: Python {interpreter.version}")
            return ImageEnvironment(image, interpreter)
        while True:
            environment = self._prepare(image, interpreter, recipe, tree, note)
            try:
                holding.enter_context(environment.hold())
            except EnvironmentRemoved:
                note(f"environment {environment.key[:10]} was removed meanwhile")
            else:
                return environment

    def _prepare(
        self,
        image: ImageFacts,
        interpreter: ImageInterpreter,
        recipe: Listed,
        tree: Path,
        note: Callable[[str], None],
    ) -> ImageEnvironment:
        facts = ["image", image.id, interpreter.executable, self._index.facts(), recipe.facts()]
        key = hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]
        folder = self._folder / key
        environment = ImageEnvironment(image, interpreter, folder, key)
        if _reuse(environment, note):
            return environment

        def waiting() -> None:
            note(f"waiting for environment {key[:10]}, which another attempt builds")

        try:
            with space_needed(folder), locked(lock_of(folder), on_wait=waiting) as lock:
                if _reuse(environment, note):
                    return environment
                self._build(environment, recipe, tree, lock, note)
        except OSError as error:
            raise BuildError(f"the environment {folder} cannot be written: {error}") from error
        return replace(environment, reused=False)

    def _build(
        self,
        environment: ImageEnvironment,
        recipe: Listed,
        tree: Path,
        lock: int,
        note: Callable[[str], None],
    ) -> None:
        began = time.monotonic()
        folder = environment.folder
        assert folder is not None  # noqa: S101 - only such ones are built
        # Its builder may have been killed, and the container not yet.
        self._engine.remove({BUILD_LABEL: environment.key})
        _clear(folder)
        folder.mkdir(parents=True)
        try:
            self._fill(environment, recipe, tree, lock, note)
            mark_ready(folder, environment.key, folder, environment.interpreter.version)
        except BaseException:
            _clear(folder)
            raise
        seconds = time.monotonic() - began
        version = environment.interpreter.version
        note(f"environment {environment.key[:10]} built in {seconds:.1f} s: the image's Python {version}")

    def _fill(
        self,
        environment: ImageEnvironment,
        recipe: Listed,
        tree: Path,
        lock: int,
        note: Callable[[str], None],
    ) -> None:
        folder = environment.folder
        assert folder is not None  # noqa: S101 - only such ones are built
        bench = Workbench(
            self._engine,
            environment.image,
            self._user,
            self._cache(environment.interpreter),
            tree,
            self._config,
        )
        kept = self._folder / "locks" / f"{environment.key}.txt"
        job = ContainerJob(folder, self._index, note, lock, bench=bench)
        try:
            program = uv.find().resolve()
            installer = Uv(program, bench.cache / "uv", trust_cache=False)
            self._run(
                Filling(recipe, environment.interpreter, replace(job, program=program), installer, installer),
                kept,
            )
        except InstallerMissing as absent:
            note(f"{absent}; installing with the image's own pip")
            self._fill_with_pip(Filling(recipe, environment.interpreter, job, Pip(), None), kept)

    def _fill_with_pip(self, filling: Filling, kept: Path) -> None:
        try:
            self._run(filling, kept)
        except InstallerMissing as absent:
            raise BuildError(
                f"packages cannot be installed over the image {filling.job.bench.image.name}: "
                f"the agent's uv does not run in it, and it has no pip",
                "Add pip to the image, choose one with the packages in it, or one that is built on glibc.",
            ) from absent

    def _run(self, filling: Filling, kept: Path) -> None:
        patient = Patient(filling.installer, self._packages.index_patience, self._pause)
        replace(filling, installer=patient).run(kept)

    def _cache(self, interpreter: ImageInterpreter) -> Path:
        """The installers' cache: shared by images for which the same packages are built alike."""
        minor = ".".join(interpreter.version.split(".")[:2])
        kind = f"{interpreter.implementation}{minor}-{interpreter.platform}-{interpreter.libc or 'libc'}"
        cache = self._folder / "images" / "caches" / kind
        (cache / "tmp").mkdir(parents=True, exist_ok=True)
        return cache


def _installs(recipe: Listed, interpreter: ImageInterpreter) -> bool:
    """Whether anything is left to install. What only the build can tell is taken for something."""
    known = recipe.known
    return recipe.late is not None or bool(known.sources) or missing(known.requirements, interpreter)


def _reuse(environment: ImageEnvironment, note: Callable[[str], None]) -> bool:
    folder = environment.folder
    if folder is None or last_used(folder) is None:
        return False
    # Its time says when the environment was last used.
    os.utime(folder / READY)
    note(f"environment {environment.key[:10]} reused")
    return True


def _tell_version(packages: Packages, interpreter: ImageInterpreter, note: Callable[[str], None]) -> None:
    asked, there = (version.split(".")[:2] for version in (packages.python, interpreter.version))
    if packages.python and asked != there:
        note(f"recorded under Python {packages.python}; the image has {interpreter.version}, which is used")


def _clear(folder: Path) -> None:
    if folder.exists():
        # First the mark: a removal that is killed must not leave something that looks complete.
        (folder / READY).unlink(missing_ok=True)
        shutil.rmtree(folder)
