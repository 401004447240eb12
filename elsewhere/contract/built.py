"""What an attempt's environment really held, beside what was asked for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Built:
    """The environment of a task's newest attempt that came so far."""

    environment: str
    """Its key; "" where the task ran in an environment that we did not build."""
    python: str
    """Version in full, such as ``3.11.7``."""
    packages: tuple[str, ...] = ()
    """Every distribution in it, pinned, as ``pip freeze`` lists them."""
    image: str = ""
    """Digest of the container image that it ran in; "" without one."""
