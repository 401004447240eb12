"""What attempts measure on a server: points of series."""

from __future__ import annotations

from collections.abc import Sequence

from elsewhere.contract import keys
from elsewhere.contract.series import Scalars, SeriesSummary
from elsewhere.store.log_rules import check_numbered
from elsewhere.store.redis.editing import in_line, or_nothing
from elsewhere.store.redis.series import additions, read_series, read_summaries, tidy
from elsewhere.store.redis.served import Served
from elsewhere.store.script import Argument, Script
from elsewhere.store.series import rules

ADD_SCALARS = Script(__file__, "add_scalars.lua")


class Measured(Served):
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
        check_numbered(sequence, attempt)
        rules.check_batch(batch)
        arguments: list[Argument] = [task_id, or_nothing(attempt), or_nothing(sequence)]
        arguments += [self._most_series, rules.SERIES_COST, rules.too_many(self._most_series)]
        answer = ADD_SCALARS.run(self.connection, [keys.task(task_id)], [*arguments, *additions(batch)])
        added = in_line(answer, task_id, attempt, sequence)
        tidy(self.connection, task_id, added, self._series_cap)

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
        return read_series(self.connection, task_id, title, series, max_points)

    def series(self, task_id: str, title: str | None = None) -> list[SeriesSummary]:
        """The task's series, without points."""
        return read_summaries(self.connection, task_id, title)
