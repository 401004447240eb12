"""How far a task has come."""

from __future__ import annotations

from elsewhere.face.face import Face, misuse


class Progressing(Face):
    """How far a task has come, in percent."""

    def set_progress(self, progress: float) -> None:
        """Say how far the run has come; ``agent list`` then says when it will be through.

        It may be called as often as the script likes: of many calls a second the newest counts.

        Args:
            progress: Percent, 0 to 100; fractions count.

        Raises:
            UsageError: it is no number, or outside of 0 to 100.
        """
        from elsewhere.contract.edit import Edit
        from elsewhere.contract.write import Edited

        self._place.write(Edited(Edit(progress=_percent(progress))))

    def get_progress(self) -> float | None:
        """How far the run has come, in percent; None where nobody said."""
        return self._record().progress


def _percent(progress: float) -> float:
    # Not `isinstance`: numbers of numpy and torch are numbers, too. True and "50" are mistakes.
    if isinstance(progress, (bool, str, bytes)):
        raise _no_percentage(progress)
    try:
        percent = float(progress)
    except (TypeError, ValueError, OverflowError):
        raise _no_percentage(progress) from None
    if not 0 <= percent <= 100:  # NaN is not, either
        raise _no_percentage(progress)
    return percent


def _no_percentage(progress: object) -> Exception:
    return misuse(
        f"a progress of {progress!r:.100} is not between 0 and 100 percent", "Give a number of those."
    )
