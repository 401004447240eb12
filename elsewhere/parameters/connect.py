"""``task.connect``: what a script runs with becomes parameters, and in an attempt is what they say."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from elsewhere.contract.errors import UsageError
from elsewhere.contract.write import ParametersSet
from elsewhere.notice import say
from elsewhere.parameters import ledger, names
from elsewhere.parameters.branches import branch_of, root_of
from elsewhere.parameters.connected import ConnectedDict, teach_yaml
from elsewhere.parameters.laying import Laying
from elsewhere.parameters.typed import DEEPEST, Packed, Unkeepable, pack
from elsewhere.parameters.writer import parsed as parsed_before
from elsewhere.parameters.writer import writer_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from elsewhere.contract.value import JSONValue
    from elsewhere.parameters.branches import Branch
    from elsewhere.parameters.laying import OnBadOverride
    from elsewhere.parameters.writer import ParameterWriter
    from elsewhere.place import Place

ARGUMENTS = "Args"
"""The section of what a command line gave."""


def connect(
    place: Place, mutable: Any, name: str | None, ignores_overrides: bool, on_bad_override: OnBadOverride
) -> Any:
    """``Task.connect``, for the task at ``place``."""
    if on_bad_override not in ("raise", "keep"):
        raise UsageError(f"on_bad_override={on_bad_override!r} is neither 'raise' nor 'keep'")
    argparse: Any = sys.modules.get("argparse")
    if argparse is not None and isinstance(mutable, argparse.ArgumentParser):
        from elsewhere.parameters.actions import CONNECTED

        setattr(mutable, CONNECTED, lambda values: place.write(ParametersSet(values)))
        return mutable
    if not isinstance(mutable, list) and _holds_nothing(mutable):
        raise UsageError(
            f"a {type(mutable).__name__} cannot be connected: it holds no parameters",
            "Connect a dict, a list, an argparse namespace or parser, a class, or an object with"
            " attributes; or set a single value by task.set_parameter(name, value).",
        )
    is_parsed = argparse is not None and isinstance(mutable, argparse.Namespace)
    section = name or (ARGUMENTS if is_parsed else names.DEFAULT_SECTION)
    call = Connecting(place, ignores_overrides, on_bad_override)
    if isinstance(mutable, list):
        return call.list(mutable, names.full_name(name or "list"))
    return call.branch(mutable, f"{section}/", parsed=is_parsed)


class Connecting:
    """One call of ``connect``; of a dict, also what is said of it from then on."""

    def __init__(self, place: Place, ignores_overrides: bool, on_bad_override: OnBadOverride) -> None:
        self._place = place
        self._writer: ParameterWriter = writer_of(place)
        self._record = place.record()
        self._lays = place.given and not ignores_overrides
        read = self._writer.read_by_hand(self._record) if self._lays else {}
        self._laying = Laying(self._record, on_bad_override, read)
        self._noted: set[str] = set()
        self._held = set(self._laying.by_hand) if place.given and ignores_overrides else set()

    def list(self, mutable: list[Any], name: str) -> list[Any]:
        """Connect a list: it is one value."""
        if self._lays:
            with self._telling_used():
                mutable[:] = self._laying.value(name, mutable)
        self._say(self._packed({name: mutable}))
        return mutable

    def branch(self, mutable: Any, prefix: str, *, parsed: bool) -> Any:
        """Connect what has parameters below it."""
        # A parse keeps what its own types can read again, and has laid what is stored over it.
        parses = parsed_before() if parsed and prefix == f"{ARGUMENTS}/" else {}
        for name in parses:
            self._laying.forget(name)
        if self._lays:
            with self._telling_used():
                mutable = self._laying.below(root_of(mutable), prefix)
        found = self._leaves(root_of(mutable), prefix)
        values = self._packed({n: item for n, item in found.items() if not parsed or _counts(n)}, parses)
        self._say(values)
        if type(mutable) is dict:
            teach_yaml()
            return ConnectedDict(mutable, self, prefix)
        return mutable

    def first(self, name: str, value: Any) -> Any:
        """A value that a connected dict is given under a new key, with what was set by hand over it."""
        if not self._lays or self._writer.has_said(name):
            return value
        with self._telling_used():
            return self._laying.late(name, value)

    def changed(self, name: str, value: Any) -> None:
        """Say what a connected dict holds under ``name`` now."""
        branch = branch_of(value)
        found = {name: value} if branch is None else self._leaves(branch, f"{name}/")
        self._writer.changed(self._packed(found), name)

    def _say(self, values: dict[str, Packed]) -> None:
        self._writer.connected(values, self._record, self._held | self._laying.refused)

    @contextmanager
    def _telling_used(self) -> Iterator[None]:
        """Say which overrides were read, also where one does not fit."""
        try:
            yield
        finally:
            if self._laying.used:
                self._place.used(sorted(self._laying.used))
                ledger.knew(self._laying.used)
                self._laying.used.clear()

    def _leaves(self, branch: Branch, prefix: str, depth: int = DEEPEST) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, item in branch.items().items():
            name = f"{prefix}{names.written(key)}"
            inner = branch_of(item) if depth else None
            below = {name: item} if inner is None else self._leaves(inner, f"{name}/", depth - 1)
            for each in below.keys() & found.keys():
                self._note(each, "two keys of one dict have this name, and only the first is recorded")
            found.update({each: leaf for each, leaf in below.items() if each not in found})
        return found

    def _packed(
        self, values: dict[str, Any], parses: Mapping[str, JSONValue] | None = None
    ) -> dict[str, Packed]:
        packed = {}
        for name, value in values.items():
            if parses and name in parses:
                packed[name] = Packed(parses[name], "")
                continue
            try:
                packed[name] = pack(value)
            except Unkeepable as error:
                self._note(name, str(error))
        return packed

    def _note(self, name: str, reason: str) -> None:
        if name not in self._noted:
            self._noted.add(name)
            say(f"parameter {name} is not recorded: {reason}")


def _holds_nothing(value: object) -> bool:
    plain = (str, bytes, bytearray, int, float, complex, tuple, set, frozenset, type(None))
    if isinstance(value, plain) and type(value).__module__ == "builtins":
        return True
    return callable(value) and not isinstance(value, type) and not hasattr(value, "__dict__")


def _counts(name: str) -> bool:
    """Whether the name is not left out by ``auto_connect_arg_parser``."""
    return ledger.counts(name)
