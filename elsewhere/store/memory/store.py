"""``MemoryStore``: the store protocol in one process, under one lock."""

from __future__ import annotations

from elsewhere.store.memory.edits import Edits
from elsewhere.store.memory.kept import Kept
from elsewhere.store.memory.measured import Measured
from elsewhere.store.memory.queueing import Queueing
from elsewhere.store.memory.results import Results


class MemoryStore(Queueing, Edits, Results, Measured, Kept):
    """Tasks in memory; see ``Store`` for what each method promises.

    Nobody takes from its queues: they hold what was put there, in order, under ``queues``. Nobody
    promotes either: what waits for its time goes on waiting.

    Args:
        log_cap: bytes of a task's log that are held; the oldest are cut.
        series_cap: bytes of a task's series that are held; over it they get coarser.
        most_series: series that a task may have.
        serving: names of agents by queue, for ``serving`` to answer.
    """

    def serving(self, queue: str) -> list[str]:
        """The agents that the store was told of."""
        return sorted(self._serving.get(queue, ()))

    def close(self) -> None:
        """Nothing is held outside of this object."""
