"""Connecting what a script runs with to its task's parameters."""

from __future__ import annotations

from elsewhere.face.face import Face

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal, TypeVar

    Mutable = TypeVar("Mutable")


class Connecting(Face):
    """How what a script has in its hands becomes parameters."""

    def connect(
        self,
        mutable: Mutable,
        name: str | None = None,
        ignore_remote_overrides: bool = False,
        on_bad_override: Literal["raise", "keep"] = "raise",
    ) -> Mutable:
        """Make parameters of what the script runs with; in an attempt, run with what they say.

        At a desk each item is recorded as ``SECTION/key``, and what is nested as
        ``SECTION/outer/key``. In an attempt ``mutable`` is given what the task holds: what the desk
        recorded, exactly, and over that what somebody set by hand, as a value of the type that
        the script declares or has: ``0.1``, ``True``, ``[1, 2]``, a member's name. An item that no
        parameter can hold is left to the script, and the log says so. What a script takes over
        under the same name from a parameter set by hand, as ``connect(vars(args))`` does, stays what
        that says.

        Go on with what is returned. For a dict that is one whose later changes, nested ones too,
        are recorded; for what is frozen it is a copy; else it is ``mutable`` itself, changed.
        What the script changes later on stays its own: an attempt starts from what the script
        had when it connected it, unless somebody set it by hand.

        Args:
            mutable: A dict, a list (one parameter, ``General/NAME``), an argparse namespace or a
                parser before it parses (both in ``Args``), a class or an object (its public
                attributes), a dataclass, or a class of attrs or pydantic.
            name: The section, ``General`` where it is left out.
            ignore_remote_overrides: In an attempt, too, the script's own values hold.
            on_bad_override: What becomes of a value set by hand that is none of its type. The log
                says so in any case; ``keep`` goes on with the script's own, ``raise`` does not.

        Raises:
            ParameterError: a value set by hand is none of its type.
            UsageError: nothing can be recorded of such an object.
        """
        from elsewhere.parameters.connect import connect

        made: Mutable = connect(self._place, mutable, name, ignore_remote_overrides, on_bad_override)
        return made
