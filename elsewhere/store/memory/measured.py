"""What attempts measure in memory: points of series."""

from __future__ import annotations

from collections.abc import Sequence

from elsewhere.contract.series import Scalars, SeriesSummary
from elsewhere.store.memory.held import Held
from elsewhere.store.series import rules


class Measured(Held):
    """See ``Store`` for what each method promises."""

    def add_scalars(
        self,
        task_id: str,
        batch: Sequence[Scalars],
        *,
        attempt: int | None = None,
        sequence: int | None = None,
    ) -> None:
        """Append points to their series."""
        rules.check_batch(batch)
        with self._numbered(task_id, "scalars", attempt, sequence) as shelf:
            if shelf is None:
                return
            if shelf.series.add(batch, self._series_cap, self._most_series):
                shelf.write("note", rules.too_many(self._most_series).encode())
                self._changed.notify_all()

    def scalars(
        self,
        task_id: str,
        title: str | None = None,
        series: str | None = None,
        *,
        max_points: int | None = rules.USUAL_POINTS,
    ) -> list[Scalars]:
        """The chosen series, each drawn from at most ``max_points`` points."""
        rules.check_most(max_points)
        with self._changed:
            shelf = self._moves.shelves.get(task_id)
            chosen = [*shelf.series.chosen(title, series)] if shelf else []
            return [Scalars(one.title, one.name, one.read(max_points)) for one in chosen]

    def series(self, task_id: str, title: str | None = None) -> list[SeriesSummary]:
        """The task's series, without points."""
        with self._changed:
            shelf = self._moves.shelves.get(task_id)
            return [one.summary for one in shelf.series.chosen(title)] if shelf else []
