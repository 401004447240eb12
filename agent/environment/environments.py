"""Environments by what they hold: built once under a lock, used in place, never copied."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from agent.disk import space_needed
from agent.environment import uv
from agent.environment.content import Content
from agent.environment.installer import Ended, Installer, InstallerMissing, Job
from agent.environment.interpreter import Interpreter, find, own
from agent.environment.patience import Patient
from agent.environment.pip import Pip
from agent.environment.uv import Uv
from agent.lock import locked
from elsewhere.contract.errors import BuildError
from elsewhere.contract.spec import Packages

_READY = ".elsewhere-ready"
_SKELETON = ("--no-periodic-update", "--activators", "")


class EnvironmentRemoved(BuildError):
    """It was there, and somebody made room."""


@dataclass(frozen=True)
class Environment:
    """An environment that is complete."""

    python: Path
    """Its interpreter: what a script is started with."""
    folder: Path
    key: str
    """32 hexadecimal digits that stand for what it holds."""
    reused: bool
    """Whether it was there before this call."""

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Keep it from being removed as long as the block runs; any number may hold it at once.

        Raises:
            EnvironmentRemoved: it was removed since it was prepared.
        """
        with locked(lock_of(self.folder), shared=True):
            if not _is_ready(self.folder):
                raise EnvironmentRemoved(
                    f"environment {self.key[:10]} was removed meanwhile", "Start the task again."
                )
            yield


class Environments:
    """The environments of one machine, shared by all agents that use the same folder.

    Args:
        folder: where they are kept, their locks and resolved requirements beside them.
        index_options: options for the installer, such as ``("--index-url", URL)``.
        searched_pythons: folders to look for interpreters in; None takes the ``ELSEWHERE_PYTHONS``
            variable, which lists them as ``PATH`` does.
        cache_dir: uv's cache; None leaves it to uv. On the disk of ``folder`` it is fastest.
        patience: seconds for which an index that does not answer is tried again.
        pause: waits between two tries; what it raises ends the build.
    """

    def __init__(
        self,
        folder: Path,
        *,
        index_options: tuple[str, ...] = (),
        searched_pythons: tuple[Path, ...] | None = None,
        cache_dir: Path | None = None,
        patience: float = 0.0,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._folder = folder.absolute()
        self._index_options = index_options
        self._searched = _named_pythons() if searched_pythons is None else searched_pythons
        self._cache_dir = cache_dir
        self._patience = patience
        self._pause = pause

    def prepare(self, packages: Packages, *, note: Callable[[str], None]) -> Environment:
        """The environment that holds ``packages``, built if it is not there.

        Repeating the call is safe, also after a kill at any point: what is unfinished is built
        anew. Processes that ask for the same one at once wait for the first to build it.

        Args:
            packages: what it must hold.
            note: takes lines for the task's log, the installer's own among them.

        Raises:
            PythonNotFound: no interpreter of that minor version is here.
            PackageNotFound: no index has a package, or not in that version.
            BuildError: it cannot be built for another reason.
            DiskFull: there is no space for it.
        """
        interpreter = find(packages.python, self._searched, self._folder / "interpreters")
        content = Content.of(packages, interpreter, self._index_options)
        ready = self._reuse(content.key, note)
        if ready is not None:
            return ready
        folder = self._folder / content.key

        def waiting() -> None:
            note(f"waiting for environment {content.key[:10]}, which another attempt builds")

        try:
            with space_needed(folder), locked(lock_of(folder), on_wait=waiting) as lock:
                return self._reuse(content.key, note) or self._build(content, folder, lock, note)
        except OSError as error:
            raise BuildError(f"the environment {folder} cannot be written: {error}") from error

    @contextmanager
    def held(self, packages: Packages, *, note: Callable[[str], None]) -> Iterator[Environment]:
        """``prepare``, and keep the environment from being removed as long as the block runs.

        The kernel lets go of it when this process dies.

        Raises:
            BuildError: as ``prepare``.
        """
        with ExitStack() as holding:
            environment = self._prepare_and_hold(packages, note, holding)
            try:
                yield environment
            finally:
                # Used until now, however long that was.
                with suppress(OSError):
                    os.utime(environment.folder / _READY)

    def _prepare_and_hold(
        self, packages: Packages, note: Callable[[str], None], holding: ExitStack
    ) -> Environment:
        while True:
            environment = self.prepare(packages, note=note)
            try:
                holding.enter_context(environment.hold())
            except EnvironmentRemoved:
                note(f"environment {environment.key[:10]} was removed meanwhile")
            else:
                return environment

    def _reuse(self, key: str, note: Callable[[str], None]) -> Environment | None:
        folder = self._folder / key
        if not _is_ready(folder):
            return None
        # Its time says when the environment was last used.
        os.utime(folder / _READY)
        note(f"environment {key[:10]} reused")
        return Environment(folder / "bin" / "python", folder, key, reused=True)

    def _build(self, content: Content, folder: Path, lock: int, note: Callable[[str], None]) -> Environment:
        began = time.monotonic()
        job = Job(folder, content.index_options, note, lock)
        try:
            try:
                program = uv.find()
                self._fill(content, job, Uv(program, self._cache_dir, trust_cache=content.pinned))
            except InstallerMissing as missing:
                note(f"{missing}; installing with pip")
                self._fill(content, job, Pip())
        except BaseException:
            _clear(folder)
            raise
        _mark_ready(folder, content.key)
        seconds = time.monotonic() - began
        note(f"environment {content.key[:10]} built in {seconds:.1f} s: Python {content.interpreter.version}")
        return Environment(job.python, folder, content.key, reused=False)

    def _fill(self, content: Content, job: Job, chosen: Installer) -> None:
        installer = Patient(chosen, self._patience, self._pause)
        _clear(job.folder)
        _make_skeleton(
            job.folder, content.interpreter, self._folder / "interpreters", seeded=installer.seeded
        )
        if not content.requirements:
            return
        lock = self._folder / "locks" / f"{content.key}.txt"
        if content.pinned and lock.exists():
            ended = _sync(installer, job, lock)
            if ended.code == 0:
                return
            if ended.unreachable:
                raise ended.error(job)
            job.note("the stored lock cannot be installed any more; resolving anew")
        self._resolve(content, job, installer, lock)
        ended = _sync(installer, job, lock)
        if ended.code != 0:
            raise ended.error(job)

    def _resolve(self, content: Content, job: Job, installer: Installer, lock: Path) -> None:
        """Write the lock; it appears complete or not at all."""
        requirements = _write_lines(job.folder / "requirements.in", content.requirements)
        draft = job.folder / "requirements.lock"
        draft.unlink(missing_ok=True)
        ended = self._resolve_into(draft, content, job, installer, requirements)
        if ended.code != 0:
            raise ended.error(job)
        lock.parent.mkdir(parents=True, exist_ok=True)
        beside = lock.with_suffix(".new")
        shutil.copyfile(draft, beside)
        beside.replace(lock)

    def _resolve_into(
        self, draft: Path, content: Content, job: Job, installer: Installer, requirements: Path
    ) -> Ended:
        if not content.constraints:
            return installer.resolve(job, requirements, None, draft)
        constraints = _write_lines(job.folder / "constraints.txt", content.constraints)
        ended = installer.resolve(job, requirements, constraints, draft)
        # An index that was away says nothing against the constraints.
        if ended.code == 0 or ended.unreachable:
            return ended
        again = installer.resolve(job, requirements, None, draft)
        if again.code == 0:
            job.note(
                "the versions that were installed at the desk cannot all be had on this machine; "
                "what the requirements leave open was resolved anew"
            )
        return again


def _sync(installer: Installer, job: Job, lock: Path) -> Ended:
    # Markers may rule every requirement out on this machine; installers refuse an empty list.
    return installer.sync(job, lock) if lock.read_text(encoding="utf-8").strip() else Ended(0, ())


def warm() -> None:
    """Do once, before forking, what every build would otherwise do first.

    Imports virtualenv and lets it look at the agent's own interpreter: 0.5 s that each forked
    process then has already behind it.
    """
    from virtualenv.run import session_via_cli

    own()
    with suppress(InstallerMissing):
        uv.find()
    with tempfile.TemporaryDirectory(prefix="elsewhere-") as folder:
        cache = str(Path(folder) / "interpreters")
        target = str(Path(folder) / "environment")
        python = str(own().executable)
        session_via_cli(
            ["--no-seed", *_SKELETON, "--app-data", cache, "--python", python, target],
            setup_logging=False,
            env=_virtualenv_settings(),
        )


def _make_skeleton(folder: Path, interpreter: Interpreter, cache: Path, *, seeded: bool) -> None:
    """Create the environment without packages, or with pip alone where it must be ``seeded``."""
    from virtualenv.run import cli_run

    seed = () if seeded else ("--no-seed",)
    options = [*seed, *_SKELETON, "--app-data", str(cache), "--python", str(interpreter.executable)]
    try:
        cli_run([*options, str(folder)], setup_logging=False, env=_virtualenv_settings())
    except (RuntimeError, SystemExit) as error:
        raise BuildError(
            f"virtualenv cannot make an environment of {interpreter.executable}: {error}",
            "Check that interpreter on the agent's machine.",
        ) from error


def _virtualenv_settings() -> dict[str, str]:
    # No option may come from the agent user's own variables or settings file: they are not in the key.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("VIRTUALENV_")}
    return {**kept, "VIRTUALENV_CONFIG_FILE": os.devnull}


def _is_ready(folder: Path) -> bool:
    """Whether it is complete, and the interpreter that it stands on still there."""
    return (folder / _READY).exists() and (folder / "bin" / "python").exists()


def _mark_ready(folder: Path, key: str) -> None:
    with (folder / _READY).open("w") as file:
        file.write(f"{key}\n")
        file.flush()
        os.fsync(file.fileno())
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def last_used(folder: Path) -> float | None:
    """When the environment was last used, in seconds since the epoch; None for one that is not complete."""
    try:
        return (folder / _READY).stat().st_mtime if _is_ready(folder) else None
    except FileNotFoundError:
        return None


def lock_of(folder: Path) -> Path:
    """The lock of the environment in ``folder``: shared by its users, taken alone to build or remove it."""
    return folder.with_name(f"{folder.name}.lock")


def _clear(folder: Path) -> None:
    if folder.exists():
        # First the mark: a removal that is killed must not leave something that looks complete.
        (folder / _READY).unlink(missing_ok=True)
        shutil.rmtree(folder)


def _write_lines(path: Path, lines: tuple[str, ...]) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def _named_pythons() -> tuple[Path, ...]:
    listed = os.environ.get("ELSEWHERE_PYTHONS", "")
    return tuple(Path(folder).expanduser() for folder in listed.split(os.pathsep) if folder)
