"""What a task in a container finds as its interpreter and its packages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path, PurePosixPath

from packaging.utils import canonicalize_name

from agent.environment import EnvironmentRemoved, last_used, lock_of
from agent.image.interpreter import ImageInterpreter
from agent.lock import locked
from elsewhere.contract.built import Built
from executors.docker import ImageFacts


@dataclass(frozen=True)
class ImageEnvironment:
    """An environment that is complete: the image's own, or one that stands on it."""

    image: ImageFacts
    interpreter: ImageInterpreter
    folder: Path | None = None
    """Where the packages over the image's own are, the same path in the container; None without any."""
    key: str = ""
    """32 hexadecimal digits that stand for image and packages; "" for the image as it is."""
    reused: bool = True
    """Whether it was there before this call."""

    @property
    def python(self) -> Path:
        """What a script is started with, as a path in the container."""
        return Path(self.interpreter.executable) if self.folder is None else python_in(self.folder)

    def variables(self, path: str) -> Mapping[str, str]:
        """What tells programs in the container of it.

        Args:
            path: the image's own ``PATH``.
        """
        if self.folder is None:
            return {"PATH": path}
        return {"VIRTUAL_ENV": str(self.folder), "PATH": f"{self.folder / 'bin'}:{path}"}

    def built(self) -> Built:
        """What is in it: the image's distributions, and over them those that were installed."""
        found = {canonicalize_name(name): (name, v) for name, v in self.interpreter.distributions.items()}
        if self.folder is not None:
            for own in metadata.distributions(path=[str(self.folder / self.interpreter.purelib)]):
                name = own.metadata["Name"]
                found[canonicalize_name(name)] = (name, own.version)
        packages = tuple(f"{name}=={version}" for _, (name, version) in sorted(found.items()))
        return Built(self.key, self.interpreter.version, packages, self.image.digest or self.image.id)

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Keep it from being removed as long as the block runs; any number may hold it at once.

        Raises:
            EnvironmentRemoved: it was removed since it was prepared.
        """
        if self.folder is None:
            yield
            return
        with locked(lock_of(self.folder), shared=True):
            if last_used(self.folder) is None:
                raise EnvironmentRemoved(
                    f"environment {self.key[:10]} was removed meanwhile", "Start the task again."
                )
            yield


def python_in(folder: Path) -> Path:
    """The interpreter of the environment in ``folder``, which is there in a container of its image only."""
    return folder / "bin" / "python3"


def lay_out(folder: Path, interpreter: ImageInterpreter) -> None:
    """Make of the empty ``folder`` an environment without packages of its own.

    Written by hand, since no program of this machine, and maybe none of the image, can make one: a
    virtual environment is a link and a file of three lines. The image's packages come behind its own by
    a ``.pth`` file and not by ``include-system-site-packages``, which would leave those out that the
    image keeps in a virtual environment.
    """
    programs, packages = folder / "bin", folder / interpreter.purelib
    programs.mkdir(parents=True)
    packages.mkdir(parents=True)
    if interpreter.purelib.startswith("lib/"):
        (folder / "lib64").symlink_to("lib")
    python_in(folder).symlink_to(interpreter.base)
    minor = ".".join(interpreter.version.split(".")[:2])
    (programs / f"python{minor}").symlink_to("python3")
    # On this machine that link may lead nowhere, and an environment without `python` counts as
    # damaged: so this one is a file.
    shim = programs / "python"
    shim.write_text(f'#!/bin/sh\nexec "{python_in(folder)}" "$@"\n', encoding="utf-8")
    shim.chmod(0o755)
    home = PurePosixPath(interpreter.base).parent
    settings = f"home = {home}\ninclude-system-site-packages = false\nversion = {interpreter.version}\n"
    (folder / "pyvenv.cfg").write_text(settings, encoding="utf-8")
    lines = [f"import site; site.addsitedir({path!r})\n" for path in interpreter.folders]
    (packages / "_image.pth").write_text("".join(lines), encoding="utf-8")
