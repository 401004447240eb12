"""A task's parameters: typed values under ``Section/key``."""

from __future__ import annotations

from elsewhere.face.face import Face

TYPE_CHECKING = False
if TYPE_CHECKING:
    from elsewhere.contract.task import JSONValue


class Parameters(Face):
    """Parameters of a task."""

    def get_parameters(self) -> dict[str, JSONValue]:
        """The task's typed parameters by ``Section/key``, such as ``{"Args/lr": 0.1}``."""
        return dict(self._record().parameters)
