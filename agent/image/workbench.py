"""Runs installers in short-lived containers of an image, with what they need of this machine."""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from agent.environment.index import INDEX_VARIABLES
from agent.environment.installer import Ended, InstallerMissing, Job
from agent.image.config import ImageConfig
from agent.image.interpreter import ImageInterpreter
from elsewhere.contract.errors import EngineUnavailable, ImageUnavailable, LaunchError
from executors.contract import Container, Mount
from executors.docker import DockerRunning, Engine, ImageFacts

BUILD_LABEL: Final = "elsewhere.build"
"""On each container that installs, with the key of the environment that it fills."""

_CANNOT_RUN: Final = frozenset({126, 127})
"""What shells and engines give for a program that is not there, or not for this machine."""

_PASSED_ON: Final = re.compile(
    r"(?:http|https|no|all)_proxy|(?:HTTP|HTTPS|NO|ALL)_PROXY|UV_INDEX_\w+"
    r"|PIP_(?:DEFAULT_TIMEOUT|PROXY|RETRIES|TRUSTED_HOST)"
    r"|UV_(?:HTTP_RETRIES|HTTP_TIMEOUT|INSECURE_HOST|OFFLINE|SYSTEM_CERTS|NATIVE_TLS)|"
    + "|".join(INDEX_VARIABLES)
)
"""What installers are told of the agent's own environment: how to reach an index, and no more."""

_QUIET: Final = {
    "NO_COLOR": "1", "PYTHONUTF8": "1", "PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "UV_NO_PROGRESS": "1", "UV_PYTHON_DOWNLOADS": "never",
    # Cache and environment are mounts of their own, between which there are no hard links.
    "UV_LINK_MODE": "copy",
}  # fmt: skip


@dataclass(frozen=True)
class Workbench:
    """Where installers run: a container of one image, thrown away after each command.

    The environment and the tree are writable there, and so is a cache of their own. Neither the
    agent's caches nor other environments are: packages run code of their own while they are built.
    """

    engine: Engine
    image: ImageFacts
    user: str
    """``UID:GID`` of the agent, which all that is made belongs to."""
    cache: Path
    tree: Path
    config: ImageConfig
    started: Callable[[DockerRunning], None] = lambda _: None
    """Is given each container, to end it from another thread."""


@dataclass(frozen=True)
class ContainerJob(Job):
    """An environment over an image that is being filled: its installers run on a workbench."""

    bench: Workbench = field(kw_only=True)
    reads: tuple[Path, ...] = field(default=(), kw_only=True)
    """What else the container sees."""
    overrides: Path | None = field(default=None, kw_only=True)
    """Requirements in the place of all others of the same names."""

    def run(
        self, command: list[str], *, quiet: bool = False, folder: str | Path = "/", indexes: bool = True
    ) -> Ended:
        """Run an installer in a container to its end, each line that it prints becoming a note.

        With ``quiet`` its lines become notes only when it worked; without ``indexes`` it is not told
        where this machine's packages come from.

        Raises:
            InstallerMissing: the image has no such program, or cannot execute it.
            EngineUnavailable: the engine does not answer any more.
        """
        lines: deque[str] = deque(maxlen=200)

        def hear(text: str) -> None:
            line = self.index.hide(text.rstrip())
            if line:
                lines.append(line)
                if not quiet:
                    self.note(line)

        code = self._run(tuple(command), Path(folder), self._variables(indexes=indexes), hear)
        if code in _CANNOT_RUN or any("No module named pip" in line for line in lines):
            raise InstallerMissing(f"{_title(command)} does not run in the image {self.bench.image.name}")
        if quiet and code == 0:
            for line in lines:
                self.note(line)
        return Ended(code, tuple(lines))

    def _run(
        self, command: tuple[str, ...], folder: Path, variables: dict[str, str], hear: Callable[[str], None]
    ) -> int:
        bench = self.bench
        try:
            return bench.engine.run(
                self._container(),
                command,
                environment=variables,
                working_directory=folder,
                note=hear,
                started=bench.started,
            )
        except (EngineUnavailable, ImageUnavailable):
            raise
        except LaunchError as error:
            hear(error.what)
            raise InstallerMissing(
                f"{_title(command)} does not run in the image {bench.image.name}"
            ) from error

    def _container(self) -> Container:
        bench = self.bench
        network = bench.config.build_network
        writable = dict.fromkeys((self.folder, bench.cache, bench.tree))
        return Container(
            bench.image.id,
            arguments=(f"--network={network}",) if network else (),
            mounts=(
                *(Mount(path, writable=True) for path in writable),
                *(Mount(path) for path in sorted(set(self._named_files()))),
            ),
            labels={BUILD_LABEL: self.folder.name},
            user=bench.user,
        )

    def _named_files(self) -> Iterator[Path]:
        """What else is read, certificates, and folders of packages on this machine that settings name."""
        yield from self.reads
        if self.bench.config.ca_certificates is not None:
            yield self.bench.config.ca_certificates
        told = [value for name, value in self._variables().items() if name in INDEX_VARIABLES]
        for word in re.split(r"[\s,]+", " ".join(told)):
            path = Path(word.removeprefix("file://"))
            if path.is_absolute() and path.parent != path and path.is_dir():
                yield path

    def _variables(self, *, indexes: bool = True) -> dict[str, str]:
        variables = {name: value for name, value in os.environ.items() if _PASSED_ON.fullmatch(name)}
        if indexes:
            variables.update(self.index.variables())
        else:
            variables = {name: value for name, value in variables.items() if name not in INDEX_VARIABLES}
        # The image's own HOME may not be ours to write to; its PYTHONPATH is for its own programs.
        variables.update(
            _QUIET, HOME=str(self.bench.cache), PYTHONPATH="", TMPDIR=str(self.bench.cache / "tmp")
        )
        variables.update(PIP_CACHE_DIR=str(self.bench.cache / "pip"))
        if self.index.url:
            # The old name of the same setting would contradict.
            variables.pop("UV_INDEX_URL", None)
        bundle = self.bench.config.ca_certificates
        if bundle is not None:
            variables.update(dict.fromkeys(("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE"), str(bundle)))
            variables["UV_SYSTEM_CERTS"] = "1"
        if self.overrides is not None:
            variables["UV_OVERRIDE"] = str(self.overrides)
        return {**variables, **self.settings}


def cache_in(folder: Path, interpreter: ImageInterpreter) -> Path:
    """The installers' cache below ``folder``: shared by images for which packages are built alike."""
    minor = ".".join(interpreter.version.split(".")[:2])
    kind = f"{interpreter.implementation}{minor}-{interpreter.platform}-{interpreter.libc or 'libc'}"
    cache = folder / kind
    (cache / "tmp").mkdir(parents=True, exist_ok=True)
    return cache


def _title(command: list[str] | tuple[str, ...]) -> str:
    return "pip" if command[1:3] in (["-m", "pip"], ("-m", "pip")) else Path(command[0]).name
