"""What a task in a container finds as its interpreter and its packages."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from agent.environment.environment import Environment
from agent.environment.names import canonical, name_of
from agent.image.interpreter import ImageInterpreter
from elsewhere.contract.built import Built
from executors.docker import ImageFacts


@dataclass(frozen=True)
class ImageEnvironment(Environment):
    """An environment that is complete: the image's own, whose key is "", or one that stands on it.

    Its ``python`` and its ``prefix`` are paths in a container of that image.
    """

    image: ImageFacts = field(kw_only=True)
    interpreter: ImageInterpreter = field(kw_only=True)

    @classmethod
    def own(cls, image: ImageFacts, interpreter: ImageInterpreter) -> ImageEnvironment:
        """What the image has, and nothing over it."""
        python = Path(interpreter.executable)
        return cls(
            python, python.parent, "", True, version=interpreter.version, image=image, interpreter=interpreter
        )

    @classmethod
    def over(cls, image: ImageFacts, interpreter: ImageInterpreter, folder: Path) -> ImageEnvironment:
        """The one in ``folder``, to be built or built already."""
        return cls(
            python_in(folder),
            folder,
            folder.name,
            True,
            version=interpreter.version,
            sites=(folder / interpreter.purelib,),
            image=image,
            interpreter=interpreter,
        )

    def built(self) -> Built:
        """What it holds: the image's distributions, and over them those that were installed."""
        found = {canonical(name): f"{name}=={v}" for name, v in self.interpreter.distributions.items()}
        for line in super().built().packages:
            found[name_of(line)] = line
        packages = tuple(sorted(found.values(), key=str.lower))
        return Built(self.key, self.version, packages, self.image.digest)


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
