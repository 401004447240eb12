"""What is stored, laid over what a script connects in its attempt.

What somebody set by hand is fitted to the type that the script declares or has. What the run at the
desk recorded is given back exactly, unless the script changed it there later on: then the script
does so here, too.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from elsewhere.contract.errors import ParameterError
from elsewhere.notice import say
from elsewhere.parameters import classes, names
from elsewhere.parameters.branches import branch_of
from elsewhere.parameters.fitting import Unfit, fit, fit_to
from elsewhere.parameters.typed import DEEPEST, Mismatch, Packed, Unkeepable, pack, restored, unpack
from elsewhere.parameters.values import same

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from elsewhere.contract.task import JSONValue, TaskRecord
    from elsewhere.parameters.branches import Branch

    OnBadOverride = Literal["raise", "keep"]


class Laying:
    """What one task is to run with, laid over what one call connects."""

    def __init__(
        self, record: TaskRecord, on_bad_override: OnBadOverride, read: Mapping[str, JSONValue]
    ) -> None:
        """``read`` is what names set by hand came to that the script has read already."""
        self.stored = {name: packed_of(record, name) for name in record.parameters}
        self.by_hand = frozenset(record.overrides)
        self.reassigned = frozenset(n for n, info in record.parameter_info.items() if info.reassigned)
        self.used: set[str] = set()
        self.refused: set[str] = set()
        """Names set by hand whose values did not fit, and that keep the script's own."""
        self._on_bad_override = on_bad_override
        self._read = [(_word(name), value) for name, value in read.items()]

    def below(self, branch: Branch, prefix: str, depth: int = DEEPEST, *, late: bool = False) -> Any:
        """The branch's value, with what is stored below ``prefix`` in it.

        With ``late``, only what is set by hand counts.

        Raises:
            ParameterError: something does not fit, and no such thing is to be kept.
        """
        changes: dict[Any, Any] = {}
        for key, item in branch.items().items():
            name = f"{prefix}{names.written(key)}"
            inner = branch_of(item) if depth else None
            was_empty = type(item) is dict and not item
            if inner is None:
                new = self._leaf(name, item, partial(_fitted, branch, key, item), late)
            else:
                new = self._branch(name, inner, depth - 1, late)
            if new is not item or (was_empty and item):
                changes[key] = new
        try:
            return branch.replaced(changes)
        except Unfit as error:
            self._refuse(prefix.rstrip("/"), error)
            return branch.value

    def late(self, name: str, value: Any) -> Any:
        """A value that came after all, with what is set by hand under ``name`` laid over it."""
        branch = branch_of(value)
        if branch is not None:
            return self._branch(name, branch, DEEPEST, late=True)
        return self._leaf(name, value, lambda packed: fit(packed, value), late=True)

    def forget(self, name: str) -> None:
        """Leave a name alone: what is stored is laid over it already."""
        self.stored.pop(name, None)
        self.by_hand -= {name}

    def value(self, name: str, local: Any, hint: object = None) -> Any:
        """One value, with what is stored under ``name`` laid over it."""
        return self._leaf(name, local, lambda packed: fit(packed, local, hint), late=False)

    def _branch(self, name: str, branch: Branch, depth: int, late: bool) -> Any:
        if name in self.by_hand:
            self.used.add(name)
            try:
                given = fit_to(restored(self.stored[name]), dict)
                if not branch.whole:
                    return self._fill(name, branch, given, depth)
            except Unfit as error:
                self._refuse(name, error)
            else:
                branch.swapped(given)
                late = True
        elif name in self.stored and branch.whole and not late and not self._has_below(name):
            recorded = restored(self.stored[name])
            if isinstance(recorded, dict) and name not in self.reassigned:
                return branch.swapped(recorded)
        return self.below(branch, f"{name}/", depth, late=late)

    def _fill(self, name: str, branch: Branch, given: dict[str, Any], depth: int) -> Any:
        strangers = sorted(given.keys() - branch.items().keys())
        if strangers:
            raise Unfit(f"it has no {strangers[0]!r}")
        below = {f"{name}/{names.written(key)}": Packed(item, "") for key, item in given.items()}
        mine = {key: packed for key, packed in below.items() if key not in self.by_hand}
        before = self.stored, self.by_hand
        self.stored, self.by_hand = {**self.stored, **mine}, self.by_hand | mine.keys()
        try:
            return self.below(branch, f"{name}/", depth)
        finally:
            self.stored, self.by_hand = before

    def _leaf(self, name: str, local: Any, fitted: Callable[[Packed], Any], late: bool) -> Any:
        if name in self.by_hand:
            self.used.add(name)
            try:
                return _or_own(local, fitted(self.stored[name]))
            except Unfit as error:
                self._refuse(name, error)
                return local
        if type(local) is dict and not local:
            return self._filled_by_hand(name, local, late)
        if late or name not in self.stored or name in self.reassigned:
            return local
        return self._recorded(name, local, fitted)

    def _filled_by_hand(self, name: str, local: dict[Any, Any], late: bool) -> Any:
        prefix = f"{name}/"
        below = {each[len(prefix) :]: self.stored[each] for each in self.by_hand if each.startswith(prefix)}
        self.used.update(f"{prefix}{each}" for each in below)
        given = {each: fit(packed, None) for each, packed in below.items()}
        recorded = None if late or name in self.reassigned else self.stored.get(name)
        if given or recorded is None:
            local.update(names.nest(given))
        else:
            was = restored(recorded)
            if type(was) is not dict:
                return was
            local.update(was)
        return local

    def _recorded(self, name: str, local: Any, fitted: Callable[[Packed], Any]) -> Any:
        try:
            own = pack(local)
        except Unkeepable:
            return local
        packed = self.stored[name]
        if any(word == _word(name) and same(value, own.value) for word, value in self._read):
            return local  # such as ``connect(vars(args))``, where ``Args/lr`` is set by hand
        if self._read and not packed.same(own):
            say(
                f"{name} is {packed.value!r:.60} as recorded, not the script's own {own.value!r:.60}:"
                " if that comes of another override, set it by hand, too"
            )
        try:
            return _or_own(local, unpack(packed, classes.classes_in(local)))
        except Mismatch:
            pass
        try:
            return fitted(packed)
        except Unfit as error:
            say(f"{name} keeps the script's own value, and not what was recorded: {error}")
            return local

    def _has_below(self, name: str) -> bool:
        return any(each.startswith(f"{name}/") for each in self.stored)

    def _refuse(self, name: str, error: Unfit) -> None:
        what = f"parameter {name}: {error}"
        if self._on_bad_override == "keep":
            self.refused.add(name)
            say(f"{what}; the script's own value is kept")
            return
        say(what)
        raise ParameterError(
            what,
            "Set it to a value of that type; or have the script's own kept where one does not fit, by"
            " connect(…, on_bad_override='keep').",
        ) from None


def packed_of(record: TaskRecord, name: str) -> Packed:
    """A parameter of the task as it is stored."""
    info = record.parameter_info.get(name)
    return Packed(record.parameters[name], "" if info is None else info.type)


def _word(name: str) -> str:
    """The last word of a name: ``lr`` of ``General/optimizer/lr`` and of ``Args/optimizer.lr``."""
    return name.replace(".", "/").rpartition("/")[2]


def _fitted(branch: Branch, key: Any, local: Any, packed: Packed) -> Any:
    return branch.fitted(key, packed, local)


def _or_own(local: Any, value: Any) -> Any:
    """The script's own value where the other is just like it: it may be known by its identity."""
    try:
        return local if pack(local).same(pack(value)) else value
    except Unkeepable:
        return value
