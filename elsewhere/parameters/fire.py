"""``python-fire``: the arguments of the functions, classes and methods that a command line calls.

The component's own arguments are ``Args/NAME``, those of what is reached by naming a member of
it ``Args/MEMBER/NAME``. Fire has no types but those that a value's text has by itself, so what
is set by hand is read as Fire reads what is typed: ``1e-3`` is a float, ``[1, 2]`` a list.
"""

from __future__ import annotations

import sys
from functools import wraps
from typing import TYPE_CHECKING, Any

from elsewhere.parameters import actions, hook, ledger
from elsewhere.parameters.ledger import SECTION
from elsewhere.parameters.overrides import typed
from elsewhere.parameters.values import Absent, plain, same

if TYPE_CHECKING:
    from collections.abc import Callable

    from elsewhere.contract.task import JSONValue
    from elsewhere.store.relay import Given

_walk: Walk | None = None
"""How the command line is walked through; Fire itself does it in one thread, one at a time."""


def patch(module: Any) -> None:
    """Wrap how ``fire.core`` walks through a command line, and mark the parser of ``fire.parser``."""
    if module.__name__ == "fire.parser":
        _mark(module)
        return
    fire, call, make = module._Fire, module._CallAndUpdateTrace, module._MakeParseFn

    @wraps(fire)
    def walk(component: Any, args: Any, *more: Any, **named: Any) -> Any:
        global _walk
        own = module.parser.SeparateFlagArgs(sys.argv[1:])[0]
        if not hook.enabled or list(args) != list(own) or _walk is not None:
            return fire(component, args, *more, **named)
        _walk = Walk(module, ledger.given())
        try:
            return fire(component, args, *more, **named)
        finally:
            _walk = None

    @wraps(call)
    def update(component: Any, args: Any, trace: Any, *more: Any, **named: Any) -> Any:
        if _walk is not None:
            _walk.reach(trace)
        return call(component, args, trace, *more, **named)

    @wraps(make)
    def make_parse(fn: Any, metadata: Any) -> Any:
        parse = make(fn, metadata)
        if _walk is None:
            return parse
        current, spec = _walk, module.inspectutils.GetFullArgSpec(fn)
        return lambda args: current.parse(parse, spec, metadata, args)

    module._Fire, module._CallAndUpdateTrace, module._MakeParseFn = walk, update, make_parse


def _mark(module: Any) -> None:
    create = module.CreateParser

    @wraps(create)
    def created() -> Any:
        parser = create()
        setattr(parser, actions.PRIVATE, True)  # for `-- --verbose` and such
        return parser

    module.CreateParser = created


class Walk:
    """One walk through the members of a component, calling what has arguments on the way."""

    def __init__(self, core: Any, given: Given | None) -> None:
        self._core = core
        self._given = given
        self._by_hand = ledger.by_hand(given)
        self._prefix = ""

    def reach(self, trace: Any) -> None:
        """Take note of which member is called now."""
        accessed = self._core.trace.ACCESSED_PROPERTY
        members = [str(step._target) for step in trace.elements if step._action == accessed]
        self._prefix = "".join(f"{member}/" for member in members)

    def parse(self, parse: Callable[[Any], Any], spec: Any, metadata: Any, args: Any) -> Any:
        """Have ``parse`` bind ``args`` to what is called, with what is stored laid over it."""
        try:
            (positional, keywords), consumed, rest, capacity = parse(args)
        except self._core.FireError:
            needed = self._needed(spec)
            if not needed:
                raise
            (positional, keywords), consumed, rest, capacity = parse([*needed, *args])
        bound = dict(zip(spec.args, positional, strict=False))
        several = list(positional[len(spec.args) :])
        named = {**bound, **{key: keywords.get(key, spec.kwonlydefaults.get(key)) for key in spec.kwonlyargs}}
        named.update(keywords)
        if spec.varargs and several:
            named[spec.varargs] = several
        changed = self._overridden(named, spec, metadata)
        named.update(changed)
        self._note(named)
        positional = [named[key] for key in spec.args[: len(positional)]]
        positional += named.get(spec.varargs, []) if spec.varargs else []
        keywords = {**keywords, **{key: named[key] for key in changed if key not in [*bound, spec.varargs]}}
        return (positional, keywords), consumed, rest, capacity

    def _needed(self, spec: Any) -> list[str]:
        """What is to be typed more for a call that lacks arguments; their values follow later."""
        required = spec.args[: len(spec.args) - len(spec.defaults)]
        required = [*required, *(set(spec.kwonlyargs) - set(spec.kwonlydefaults))]
        return [f"--{key}=None" for key in required if self._prefix + key in self._by_hand]

    def _overridden(self, named: dict[str, Any], spec: Any, metadata: Any) -> dict[str, Any]:
        changed: dict[str, Any] = {}
        stored = {} if self._given is None else self._given.parameters
        for name, value in stored.items():
            key = name[len(SECTION) + len(self._prefix) :]
            if name != SECTION + self._prefix + key or "/" in key:
                continue
            by_hand = self._prefix + key in self._by_hand
            if key in named or key == spec.varargs or (spec.varkw and by_hand):
                if by_hand:
                    changed[key] = self._cast(name, key, value, spec, metadata)
                elif not isinstance(plain(named.get(key)), Absent) and not same(plain(named.get(key)), value):
                    changed[key] = value
        return changed

    def _cast(self, name: str, key: str, stored: JSONValue, spec: Any, metadata: Any) -> Any:
        value: Any = stored
        # Where the text of a JSON value was put into quotes, somebody wanted the text.
        if isinstance(stored, str) and typed(stored) == stored:
            index = spec.args.index(key) if key in spec.args else None
            try:
                value = self._core._ParseValue(stored, index, key, metadata)
            except Exception as error:  # noqa: BLE001 - a parse function of the user's
                raise self._core.FireError(f"parameter {name}: {stored!r} cannot be read: {error}") from None
        return value if key != spec.varargs or isinstance(value, list) else [value]

    def _note(self, named: dict[str, Any]) -> None:
        values: dict[str, JSONValue] = {}
        for key, value in named.items():
            kept = plain(value)
            name = SECTION + self._prefix + key
            if key != "self" and not isinstance(kept, Absent) and ledger.counts(name):
                values[name] = kept
        used = {SECTION + self._prefix + key for key in named if self._prefix + key in self._by_hand}
        ledger.note_all(values, used, self._given)
