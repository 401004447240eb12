"""Which image a task runs in."""

from __future__ import annotations

from dataclasses import dataclass

from agent.image.config import DefaultImage, ImageConfig
from elsewhere.contract.spec import Image


@dataclass(frozen=True)
class Choice:
    """The image of a task, and who said what of it: only what the task itself says is judged."""

    name: str
    said_by: str
    """Who named the image, in words for the task's log."""
    own_name: bool
    """Whether the task named it, and not the machine's owner."""
    asked: tuple[str, ...] = ()
    """Options of the task."""
    granted: tuple[str, ...] = ()
    """Options of the owner for every container of this queue; where both say something, these count."""
    setup_script: str = ""


def chosen(image: Image | None, queue: str | None, config: ImageConfig) -> Choice | None:
    """The task's own image, else its queue's default, else the agent's; None runs without a container.

    A task may bring options or a setup script alone (an ``Image`` whose name is ""), for the
    default image.

    Args:
        image: what the task asks for.
        queue: the queue that it was taken from.
        config: what the machine's owner says.
    """
    own = image or Image("")
    of_queue = config.queues.get(queue or "", DefaultImage())
    granted = of_queue.arguments or config.default.arguments
    for name, said_by in (
        (own.name, "the task"),
        (of_queue.image, f"queue {queue}"),
        (config.default.image, "this agent"),
    ):
        if name:
            return Choice(name, said_by, bool(own.name), own.arguments, granted, own.setup_script)
    return None
