"""The options of a daemon that say which GPUs it deals out, and to how many tasks."""

from __future__ import annotations

import re
from typing import Annotated, Optional

import typer

from elsewhere.contract.errors import UsageError

_WORD = re.compile(r"[0-9]+|(GPU|MIG)-[0-9A-Za-z/-]+")

Slots = Annotated[
    Optional[int],  # noqa: UP045 - typer evaluates it, also on Python 3.10
    typer.Option(
        "--slots",
        metavar="N",
        min=1,
        show_default=False,
        help="Places for tasks that ask for no GPU and see none: 1; with --gpus, none.",
    ),
]
Gpus = Annotated[
    str, typer.Option("--gpus", metavar="LIST|all", help="GPUs to deal out: numbers or UUIDs, such as 0,1.")
]
SlotsPerGpu = Annotated[
    Optional[int],  # noqa: UP045 - as above
    typer.Option(
        "--slots-per-gpu",
        metavar="N",
        min=1,
        show_default=False,
        help="Tasks that ask for no GPU and share one, each with as much of its memory: 1.",
    ),
]
SkipBusyGpus = Annotated[
    bool, typer.Option("--skip-busy-gpus", help="Keep off GPUs on which somebody else computes.")
]


def gpu_words(text: str) -> tuple[str, ...]:
    """The GPUs that ``--gpus`` names; none where it says nothing.

    Raises:
        UsageError: a word that names none, or twice the same.
    """
    if not text:
        return ()
    words = tuple(text.replace(" ", "").split(","))
    if words == ("all",):
        return words
    for word in words:
        if not _WORD.fullmatch(word):
            raise UsageError(
                f"--gpus: {word!r} names no GPU",
                "Give --gpus numbers or UUIDs as `nvidia-smi -L` shows them, such as 0,1; or all.",
            )
        if words.count(word) > 1:
            raise UsageError(f"--gpus: {word} is named twice", "Name each GPU once.")
    return words


def places(
    gpus: tuple[str, ...], slots: int | None, per_gpu: int | None, *, skip_busy: bool
) -> tuple[int, int]:
    """Places for tasks that ask for no GPU and see none, and how many of such share a GPU.

    Raises:
        UsageError: the options contradict one another.
    """
    if not gpus and (per_gpu is not None or skip_busy):
        option = "--slots-per-gpu" if per_gpu is not None else "--skip-busy-gpus"
        raise UsageError(f"{option}: this agent has no GPUs", "Say which with --gpus, or leave it out.")
    if slots is not None and per_gpu is not None:
        raise UsageError(
            "--slots-per-gpu and --slots contradict one another",
            "With --slots, tasks that ask for no GPU run in places of their own and see none; "
            "with --slots-per-gpu, they share the GPUs. Leave one of them out.",
        )
    if slots is None:
        slots = 0 if gpus else 1
    return slots, per_gpu or 1
