"""Where an attempt's command runs: on this machine itself, or in a container on it.

Both have an environment to prepare, a launch to make of it, and something to clean up should the
build be stopped. ``site_of`` chooses; the story of an attempt is the same for both.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from agent import launch
from agent.config import AttemptConfig
from agent.environment import Environment, Environments
from agent.environment.bytecode import compile_soon
from agent.image.choice import Choice, chosen
from elsewhere.contract.lease import Lease
from elsewhere.contract.spec import Packages
from elsewhere.contract.task import TaskRecord
from executors.contract import Executor, Exit, Launch

if TYPE_CHECKING:
    from agent.image.environment import ImageEnvironment
    from agent.image.environments import ImageEnvironments
    from executors.docker import DockerExecutor

Note = Callable[[str], None]
Pause = Callable[[float], None]


@dataclass(frozen=True)
class Paths:
    """What the command of one attempt sees of this machine."""

    tree: Path
    sdk: Path
    relay: Path


class Site(Protocol):
    """Order of calls: ``environment``, inside of it ``launch``, then the rest in any order."""

    executor: Executor
    engine: str | None
    """URL of the engine that the command's container is in, "" for the usual one; None without one."""

    def environment(self, packages: Packages, tree: Path, note: Note) -> AbstractContextManager[Environment]:
        """The environment, built if it is not there, and kept as long as the block runs.

        Raises:
            ElsewhereError: it cannot be had; the message says why.
        """
        ...

    def end_build(self, grace: float) -> None:
        """End what ``environment`` may have started outside of this process's children. Safe to repeat."""
        ...

    def launch(self, environment: Environment, lease: Lease, paths: Paths) -> Launch:
        """The launch of the task's command with that environment.

        Raises:
            LaunchError: it cannot be launched like this.
        """
        ...

    def compile_soon(self, environment: Environment) -> None:
        """Have the packages compiled in the background; never raises, returns at once."""
        ...

    def failure(self, tree: Path, ended: Exit) -> str | None:
        """Why the command itself never began although its launch did; None where it began."""
        ...


def site_of(task: TaskRecord, config: AttemptConfig, machine: Executor, pause: Pause) -> Site:
    """Where the task runs, by what it asks for and by what this machine's owner says."""
    choice = chosen(task.spec.image, task.queue, config.machine.image)
    if choice is None:
        return Machine(task, config, machine, pause)
    return InContainer(task, config, choice, pause)


class Machine:
    """This machine itself."""

    def __init__(self, task: TaskRecord, config: AttemptConfig, executor: Executor, pause: Pause) -> None:
        self.executor = executor
        self.engine: str | None = None
        self._task = task
        self._config = config
        self._pause = pause

    def environment(self, packages: Packages, tree: Path, note: Note) -> AbstractContextManager[Environment]:
        """An environment of this machine."""
        environments = Environments(
            self._config.folders.environments, self._config.machine.packages, pause=self._pause
        )
        return environments.held(packages, tree, note=note)

    def end_build(self, grace: float) -> None:
        """Nothing: whatever builds here is a child of this process."""

    def launch(self, environment: Environment, lease: Lease, paths: Paths) -> Launch:
        """The command, by the environment's interpreter."""
        return launch.build(
            self._task.spec.entry,
            paths.tree,
            environment,
            lease,
            sdk=paths.sdk,
            relay=paths.relay,
            gpus=self._config.gpus,
            limits=self._task.terms.limits,
            surroundings=self._config.machine.surroundings,
        )

    def compile_soon(self, environment: Environment) -> None:
        """In a process of its own."""
        compile_soon(environment)

    def failure(self, tree: Path, ended: Exit) -> str | None:
        """Nothing stands between the launch and the command."""
        del tree, ended
        return None


class InContainer:
    """A container of the image that the task, its queue or this agent names."""

    def __init__(self, task: TaskRecord, config: AttemptConfig, choice: Choice, pause: Pause) -> None:
        # Imported here: most attempts need no engine, and the library for it takes 0.1 s.
        from executors.docker import DockerExecutor, Engine

        self._task = task
        self._config = config
        self._choice = choice
        self._pause = pause
        self._docker: DockerExecutor = DockerExecutor(Engine(config.machine.image.engine or None))
        self.executor: Executor = self._docker
        self.engine: str | None = config.machine.image.engine
        self._arguments: tuple[str, ...] = ()
        self._environments: ImageEnvironments | None = None
        self._ending = threading.Lock()

    @contextmanager
    def environment(self, packages: Packages, tree: Path, note: Note) -> Iterator[Environment]:
        """The image, and an environment over it where it lacks something."""
        from agent.image.environments import ImageEnvironments
        from agent.image.fetch import fetched
        from agent.image.policy import permitted

        config, engine = self._config.machine.image, self._docker.engine
        name, self._arguments = permitted(self._choice, config, engine.url)
        facts = fetched(engine, name, config.pull, note)
        note(f"image {facts.name}, named by {self._choice.said_by}: {facts.digest or facts.id}")
        environments = ImageEnvironments(
            self._config.folders.environments,
            engine,
            self._config.machine.packages,
            config,
            pause=self._pause,
        )
        with self._ending:
            self._environments = environments
        with environments.held(facts, packages, tree, note=note) as environment:
            yield environment

    def end_build(self, grace: float) -> None:
        """End the container of a build."""
        with self._ending:
            environments = self._environments
        if environments is not None:
            environments.end_build(grace)

    def launch(self, environment: Environment, lease: Lease, paths: Paths) -> Launch:
        """The command in a container that sees the workspace, the environment, the SDK and the Relay."""
        from dataclasses import replace

        from agent.image.container import container_for
        from agent.image.setup_script import preceded

        over = _of_image(environment)
        container = container_for(
            over,
            self._arguments,
            lease,
            tree=paths.tree,
            sdk=paths.sdk,
            relay=paths.relay,
            home=self._config.folders.cache / "home",
            gpus=self._config.gpus,
        )
        ready = launch.build(
            self._task.spec.entry,
            paths.tree,
            over,
            lease,
            sdk=paths.sdk,
            relay=paths.relay,
            gpus=self._config.gpus,
            limits=self._task.terms.limits,
            surroundings=self._config.machine.surroundings,
            container=container,
            image_variables=over.image.environment,
        )
        return replace(ready, argv=preceded(ready.argv, self._choice.setup_script, paths.tree))

    def compile_soon(self, environment: Environment) -> None:
        """In a container of its own."""
        from agent.image import bytecode

        bytecode.compile_soon(_of_image(environment), self._docker.engine)

    def failure(self, tree: Path, ended: Exit) -> str | None:
        """What became of the image's setup script."""
        from agent.image.setup_script import failure

        # Without a setup script there is no mark of it, but for one that the task has put there.
        return failure(tree, ended.code) if self._choice.setup_script.strip() else None


def _of_image(environment: Environment) -> ImageEnvironment:
    from agent.image.environment import ImageEnvironment

    if not isinstance(environment, ImageEnvironment):
        raise TypeError("a container needs an environment of its image")
    return environment
