"""Typed parameters on their way to a task: the values, and what is known of them beside."""

from __future__ import annotations

import sys
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from elsewhere.contract.edit import Edit, ParameterInfo
from elsewhere.contract.write import Edited, ParametersDeleted, ParametersReplaced, ParametersSet
from elsewhere.parameters.laying import packed_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from elsewhere.contract.task import JSONValue, TaskRecord
    from elsewhere.parameters.typed import Packed
    from elsewhere.place import Place


class ParameterWriter:
    """What a script says of one task's parameters. Thread-safe.

    In an attempt, what was set by hand stays what somebody said, whatever the script says: the
    next attempt is to start from it.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._said: dict[str, Packed] = {}
        self._known: dict[str, ParameterInfo] = {}
        self._by_hand: frozenset[str] = frozenset()
        self._lock = threading.RLock()

    def connected(self, values: Mapping[str, Packed], record: TaskRecord, held: Collection[str]) -> None:
        """Say what the script runs with, as far as ``record`` does not say so; but for names in ``held``."""
        with self._lock:
            self._look(record)
            stored = {name: packed_of(record, name) for name in values if name in record.parameters}
            anew = {name for name, packed in values.items() if self._differs(name, packed)}
            news = {
                name: packed
                for name, packed in values.items()
                if name not in held and (name in anew or not packed.same(stored.get(name)))
            }
            self._write(news, anew - self._by_hand)
            self._said.update(values)

    def changed(self, values: Mapping[str, Packed], below: str) -> None:
        """Say what stands under the name ``below``, and under it, from now on."""
        with self._lock:
            # Above it, too: what was empty is no value of its own any more.
            names = {
                name
                for name in self._said
                if name == below or name.startswith(f"{below}/") or below.startswith(f"{name}/")
            }
            gone = tuple(sorted(names - values.keys()))
            news = {name: packed for name, packed in values.items() if not packed.same(self._said.get(name))}
            held = self._by_hand & self._said.keys()  # what came of them at first is known
            anew = {name for name, packed in news.items() if self._differs(name, packed)}
            self._write({name: news[name] for name in news if name not in held}, anew - self._by_hand)
            self.delete(tuple(name for name in gone if name not in self._by_hand))
            for name in gone:
                self._said.pop(name, None)
            self._said.update(values)

    def delete(self, names: tuple[str, ...]) -> None:
        """Drop parameters, and what is known of them."""
        with self._lock:
            if names:
                self._place.write(ParametersDeleted(names))
            for name in names:
                self._said.pop(name, None)
                self._known.pop(name, None)

    def has_said(self, name: str) -> bool:
        """Whether the script has connected that name, or others below it."""
        with self._lock:
            return name in self._said or any(each.startswith(f"{name}/") for each in self._said)

    def read_by_hand(self, record: TaskRecord) -> dict[str, JSONValue]:
        """What the names set by hand came to that the script has connected, or had parsed, so far."""
        with self._lock:
            read = {**{name: packed.value for name, packed in self._said.items()}, **parsed()}
        return {name: read[name] for name in record.overrides if name in read}

    def sections(self) -> set[str]:
        """The sections that the script has connected, or had parsed, so far."""
        with self._lock:
            return {name.partition("/")[0] for name in {*self._said, *parsed()}}

    def set(
        self,
        values: Mapping[str, Packed],
        *,
        replaces: bool = False,
        description: str | None = None,
    ) -> None:
        """Merge values into the task's, or let them take the place of all.

        Args:
            values: By full name.
            replaces: All others are dropped, but in an attempt those set by hand.
            description: Of all of them; None leaves what there is.
        """
        with self._lock:
            record = self._place.record()
            self._look(record)
            wanted = dict(values)
            if self._place.given:
                wanted.update({n: packed_of(record, n) for n in self._by_hand if replaces or n in values})
            elif not self._place.live:
                wanted = {name: _typed_as_before(packed, record, name) for name, packed in wanted.items()}
            anew = {name for name, packed in wanted.items() if self._differs(name, packed)}
            if replaces:
                self._place.write(ParametersReplaced(_plain(wanted), by_hand=tuple(sorted(self._by_hand))))
                # The store keeps what is known of names that stay.
                self._known = {name: about for name, about in self._known.items() if name in wanted}
                self._said = {name: packed for name, packed in self._said.items() if name in wanted}
                self._note(wanted, anew, description)
            else:
                self._write(wanted, anew, description)
            self._said.update({name: packed for name, packed in wanted.items() if name in self._said})

    def _look(self, record: TaskRecord) -> None:
        self._known = dict(record.parameter_info)
        self._by_hand = frozenset(record.overrides if self._place.given else ())

    def _differs(self, name: str, packed: Packed) -> bool:
        """Whether the script itself, while it runs, has said something else before."""
        return self._place.live and name in self._said and not packed.same(self._said[name])

    def _write(
        self,
        values: Mapping[str, Packed],
        anew: Collection[str],
        description: str | None = None,
    ) -> None:
        if values:
            self._place.write(ParametersSet(_plain(values)))
            self._note(values, anew, description)

    def _note(
        self,
        values: Mapping[str, Packed],
        anew: Collection[str],
        description: str | None,
    ) -> None:
        notes = {}
        for name, packed in values.items():
            known = self._known.get(name, ParameterInfo())
            note = replace(
                known,
                type=packed.type,
                description=known.description if description is None else description,
                reassigned=known.reassigned or name in anew,
            )
            if note != known:
                notes[name] = note
        if notes:
            self._place.write(Edited(Edit(parameter_info=notes)))
            self._known.update(notes)


_writers: dict[Place, ParameterWriter] = {}
_lock = threading.Lock()


def writer_of(place: Place) -> ParameterWriter:
    """The one writer of a place where a task runs; of any other, which nothing connects to, a new one."""
    if not place.live:
        return ParameterWriter(place)
    with _lock:
        return _writers.setdefault(place, ParameterWriter(place))


def parsed() -> dict[str, JSONValue]:
    """What parses of the command line have recorded, and in an attempt have laid what is stored over."""
    if "elsewhere.parameters.ledger" not in sys.modules:
        return {}
    from elsewhere.parameters import ledger

    return ledger.recorded()


def _plain(values: Mapping[str, Packed]) -> dict[str, JSONValue]:
    return {name: packed.value for name, packed in values.items()}


def _typed_as_before(packed: Packed, record: TaskRecord, name: str) -> Packed:
    """Of a value that somebody read and gives back as it was read, the type that it had."""
    if packed.type or name not in record.parameters:
        return packed
    before = packed_of(record, name)
    return before if packed.same(before._replace(type="")) else packed
