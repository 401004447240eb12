"""What a slot must offer, as a user asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from elsewhere.contract.errors import UsageError
from elsewhere.contract.spec import Needs
from elsewhere.quantity import size


@dataclass(frozen=True)
class NeedsWish:
    """Asked for; what is None stays as it was."""

    gpus: int | None = None
    tags: tuple[str, ...] | None = None
    memory_bytes: int | None = None
    gpu_memory_bytes: int | None = None

    def over(self, needs: Needs) -> Needs:
        """``needs`` with all that is asked for."""
        asked = {name: value for name, value in vars(self).items() if value is not None}
        return replace(needs, **asked)

    def then(self, later: NeedsWish) -> NeedsWish:
        """Both, the later one over this one."""
        return replace(self, **{name: value for name, value in vars(later).items() if value is not None})


def checked_needs(
    gpus: int | None = None,
    tags: Sequence[str] | None = None,
    memory: int | str | None = None,
    gpu_memory: int | str | None = None,
) -> NeedsWish:
    """What is asked for, with sizes in bytes or as a text such as ``16G``; 0 asks for none.

    Raises:
        UsageError: a number or size that makes no sense, or tags that are no list of words.
    """
    if gpus is not None and (isinstance(gpus, bool) or not isinstance(gpus, int) or gpus < 0):
        raise UsageError(f"gpus={gpus!r:.40} is no number of GPUs", "Give a whole number from 0 on.")
    if tags is not None:
        if isinstance(tags, str) or not all(isinstance(tag, str) and tag.strip() for tag in tags):
            raise UsageError(f"tags={tags!r:.80} is no list of words", "Give a list such as ['fast-disk'].")
        tags = tuple(dict.fromkeys(tags))
    return NeedsWish(gpus, tags, _bytes("memory", memory), _bytes("gpu_memory", gpu_memory))


def _bytes(name: str, asked: int | str | None) -> int | None:
    if asked is None:
        return None
    if isinstance(asked, str):
        return size(name, asked)
    if isinstance(asked, bool) or not isinstance(asked, int) or asked < 0:
        raise UsageError(f"{name}={asked!r:.40} is no size", f"Give {name} in bytes, or such as '16G'.")
    return asked
