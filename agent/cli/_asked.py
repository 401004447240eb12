"""The options of a submit that say what is rebuilt for the task, over what was captured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from elsewhere import quantity
from elsewhere.contract.errors import UsageError
from elsewhere.contract.spec import Needs

if TYPE_CHECKING:
    from elsewhere.capture import Capture
    from elsewhere.contract.spec import Image, TaskSpec
    from elsewhere.wish import Wish

Origin = Annotated[
    str,
    typer.Option(
        "--packages",
        metavar="recorded|requirements|lock|existing:PATH|none",
        help="Where its packages come from; else the agent chooses.",
    ),
]
Requirements = Annotated[
    Optional[list[str]],  # noqa: UP045 - typer evaluates it, also on Python 3.10
    typer.Option(
        "--requirements", metavar="FILE", help="Take packages from this file of the repository; repeatable."
    ),
]
NoBuildIsolation = Annotated[
    Optional[list[str]],  # noqa: UP045 - as above
    typer.Option(
        "--no-build-isolation",
        metavar="NAME",
        help="A package that needs the others, such as torch, when it is built; repeatable.",
    ),
]
Docker = Annotated[str, typer.Option("--docker", metavar="IMAGE", help="Run in this container image.")]
DockerArgs = Annotated[
    str,
    typer.Option("--docker-args", metavar="TEXT", help='Options of its container, such as "--shm-size 8g".'),
]
SetupScript = Annotated[
    str, typer.Option("--setup-script", metavar="FILE", help="Shell lines that prepare the image, once.")
]
Variables = Annotated[
    Optional[list[str]],  # noqa: UP045 - as above
    typer.Option(
        "--env", metavar="NAME=VALUE", help="A variable of its process, no secret; repeat it for several."
    ),
]
GpuMemory = Annotated[
    str, typer.Option("--gpu-memory", metavar="SIZE", help="Memory that it needs of a GPU, such as 10GiB.")
]
Memory = Annotated[
    str, typer.Option("--memory", metavar="SIZE", help="Memory that the machine must have for it.")
]


@dataclass(frozen=True)
class Asked:
    """What the options say, understood; nothing of it was compared with the tree yet."""

    wish: Wish
    needs: Needs
    variables: tuple[str, ...]

    def fulfilled(self, captured: Capture) -> TaskSpec:
        """The captured spec with all of it.

        Raises:
            UsageError: a requirements file is not there, or not in the tree.
        """
        spec = self.wish.fulfilled(captured.spec, captured.root, Path.cwd())
        entry = replace(spec.entry, variables=self.variables)
        return replace(spec, entry=entry, needs=self.needs)


def asked(
    *,
    origin: str,
    requirements: Sequence[str],
    no_build_isolation: Sequence[str],
    image: Image | None,
    variables: Sequence[str],
    needs: Needs,
) -> Asked:
    """What is asked for.

    Raises:
        UsageError: an option that cannot be understood, or two that contradict each other.
    """
    from agent.surroundings import refusal
    from elsewhere.wish import Wish, checked_packages

    for line in variables:
        name, equals, _ = line.partition("=")
        reason = refusal(name) if equals else "is not written as NAME=VALUE"
        if reason is not None:
            raise UsageError(f"--env: {name!r:.60} {reason}", "Give --env such as HF_HOME=/data.")
    packages = checked_packages(origin, requirements, no_build_isolation)
    wish = Wish(image, packages.origin, packages.requirements_files, packages.no_build_isolation)
    return Asked(wish, needs, tuple(variables))


def image_of(name: str, arguments: str, setup_script: str) -> Image | None:
    """The image that is asked for, its setup script read.

    Raises:
        UsageError: the name or arguments cannot be understood, the file cannot be read, or there is
            no image for them.
    """
    from elsewhere.wish import checked_image

    if not name:
        if arguments or setup_script:
            raise UsageError(
                "--docker-args and --setup-script say nothing without an image", "Give --docker."
            )
        return None
    try:
        script = Path(setup_script).read_text(encoding="utf-8") if setup_script else ""
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"--setup-script: {setup_script} cannot be read: {error}", "Name a text file."
        ) from None
    return checked_image(name, arguments, script)


def needs_of(gpus: int, gpu_memory: str, memory: str, tags: Sequence[str]) -> Needs:
    """What the task needs of a slot.

    Raises:
        UsageError: a size that cannot be understood.
    """
    return Needs(
        gpus=gpus,
        tags=tuple(dict.fromkeys(tags)),
        memory_bytes=quantity.size("--memory", memory) if memory else 0,
        gpu_memory_bytes=quantity.size("--gpu-memory", gpu_memory) if gpu_memory else 0,
    )
