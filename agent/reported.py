"""What an attempt has said of its parameters, laid over what the store has of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from elsewhere.contract.task import JSONValue, TaskRecord
    from elsewhere.contract.write import ParametersDeleted, ParametersReplaced, ParametersSet

T = TypeVar("T")


class ReportedParameters:
    """All writes to the parameters, as one: whichever of them the store has, the answer is the same."""

    def __init__(self) -> None:
        self._values: dict[str, JSONValue] = {}
        self._by_hand: dict[str, None] = {}
        self._gone: set[str] = set()
        """Dropped by name at some time: what the store knows of them is over."""
        self._left: set[str] | None = None
        """What every replacement had in it; None where there was none."""

    def merge(self, write: ParametersSet) -> None:
        """Parameters were merged into the task's."""
        self._values.update(write.parameters)
        self._by_hand.update(dict.fromkeys(write.by_hand))

    def replace(self, write: ParametersReplaced) -> None:
        """Parameters took the place of the task's."""
        self._values = dict(write.parameters)
        self._by_hand = dict.fromkeys(write.by_hand)
        named = set(write.parameters)
        self._left = named if self._left is None else self._left & named

    def delete(self, write: ParametersDeleted) -> None:
        """Parameters were dropped."""
        self._gone.update(write.names)
        for name in write.names:
            self._values.pop(name, None)
            self._by_hand.pop(name, None)

    def over(self, record: TaskRecord) -> TaskRecord:
        """``record`` with all of it."""
        values, by_hand, info = record.parameters, record.overrides, record.parameter_info
        if self._left is not None:
            values, by_hand = {}, ()
            info = {name: about for name, about in info.items() if name in self._left}
        marked = [name for name in by_hand if name not in self._gone]
        return replace(
            record,
            parameters={**_without(values, self._gone), **self._values},
            overrides=tuple(dict.fromkeys([*marked, *self._by_hand])),
            parameter_info=_without(info, self._gone),
        )


def _without(known: Mapping[str, T], gone: set[str]) -> dict[str, T]:
    return {name: value for name, value in known.items() if name not in gone}
