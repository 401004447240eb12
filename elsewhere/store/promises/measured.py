"""What attempts measure: points of a task's series."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from elsewhere.contract.series import Scalars, SeriesSummary


class Measured(Protocol):
    """See ``elsewhere.store.protocol`` for what holds for all of it."""

    def add_scalars(
        self,
        task_id: str,
        batch: Sequence[Scalars],
        *,
        attempt: int | None = None,
        sequence: int | None = None,
    ) -> None:
        """Append points to their series; ``sequence`` as in ``append_log``.

        Times are kept to the millisecond, values in full. Points of a later attempt follow those
        of an earlier one, until the task is reset. Over the store's cap (128 MiB a task, more than
        ten million points) the largest series gets coarser: neighbouring chunks become one that
        keeps their lows and highs, and the summary counts what went. A task has 4,096 series at
        most: points of further ones are dropped, and its log says so once.

        Raises:
            LateWrite: ``attempt`` is given and is not the task's newest.
            TaskNotFound: there is no such task.
            ValueError: columns of several lengths, a name that is empty or longer than 256
                characters, or a number that leaves a gap.
        """
        ...

    def scalars(
        self,
        task_id: str,
        title: str | None = None,
        series: str | None = None,
        *,
        max_points: int | None = 2000,
    ) -> list[Scalars]:
        """The series with that title and name, or all, each drawn from at most ``max_points`` points.

        A longer series is given by the lows and highs of equal stretches, and of each stretch that
        holds NaN by one of those, too: of at least half as many points as were asked for, for no
        spike to be lost. That is quick however long the series is. None reads every point held.

        Raises:
            ValueError: ``max_points`` is below 3.
        """
        ...

    def series(self, task_id: str, title: str | None = None) -> list[SeriesSummary]:
        """The task's series, or those with one title, without points, by title and name."""
        ...
