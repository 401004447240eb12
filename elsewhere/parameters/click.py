"""``click``, and ``typer``, which stands on it or on a copy of it.

The options and arguments of the command itself are ``Args/NAME``; those of a group's command
``Args/COMMAND/NAME``, and so on downwards. What is set by hand reaches the parameter as if it
had been typed: its own type, choices and callback see it. What is hidden while it is typed
(passwords) is neither recorded nor overridden.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from elsewhere.parameters import hook, ledger
from elsewhere.parameters.ledger import SECTION
from elsewhere.parameters.values import Absent, json_text, listed, same

if TYPE_CHECKING:
    from types import ModuleType

    from elsewhere.contract.task import JSONValue
    from elsewhere.store.relay import Given

_KEY = "elsewhere.reading"
"""Where the contexts of one command line, which share their ``meta``, hold its reading."""


def patch(module: ModuleType) -> None:
    """Wrap how the commands and the parameters of ``module``, ``click.core``, read a command line."""
    unset = getattr(module, "UNSET", None)
    command, parameter = module.Command, module.Parameter
    parse_args, handle = command.parse_args, parameter.handle_parse_result

    @wraps(parse_args)
    def parse(self: Any, ctx: Any, args: list[str]) -> Any:
        own = ctx.parent is None and ledger.from_command_line(args)
        if hook.enabled and own and not ctx.resilient_parsing:  # by which shells complete a word
            ctx.meta[_KEY] = Reading(ledger.given(), module.UsageError, unset)
        reading = ctx.meta.get(_KEY)
        if reading is None:
            return parse_args(self, ctx, args)
        reading.begin()
        rest = parse_args(self, ctx, args)
        chained = ctx.parent is not None and getattr(ctx.parent.command, "chain", False)
        reading.finish(ctx, last=not chained and not hasattr(self, "resolve_command"))
        return rest

    @wraps(handle)
    def handle_parse_result(self: Any, ctx: Any, opts: Any, args: Any) -> Any:
        reading = ctx.meta.get(_KEY)
        if reading is None or not self.expose_value or getattr(self, "hide_input", False):
            return handle(self, ctx, opts, args)
        return reading.take(self, ctx, opts, args, handle)

    command.parse_args = parse
    parameter.handle_parse_result = handle_parse_result


class Reading:
    """How one command line is read: by a command, and by those of its groups that it names."""

    def __init__(self, given: Given | None, error: Any, unset: object) -> None:
        self._given = given
        self._by_hand = ledger.by_hand(given)
        self._error = error
        self._unset = unset
        self._values: dict[str, JSONValue] = {}
        self._used: set[str] = set()
        self._known: set[str] = set()

    def begin(self) -> None:
        """Begin with the next command."""
        self._values = {}

    def finish(self, ctx: Any, *, last: bool) -> None:
        """Note what a command came to; where it is the ``last``, no other is read after it."""
        if last:
            ledger.refuse_unknown(self._given, self._known, lambda text: self._refuse(text, ctx))
        ledger.note_all(self._values, self._used, self._given)

    def take(self, parameter: Any, ctx: Any, opts: Any, args: Any, handle: Any) -> Any:
        """Have ``handle`` make the parameter's value, of what is stored where something is."""
        key = "/".join([*_path(ctx), parameter.name])
        name = SECTION + key
        if not ledger.counts(name):
            return handle(parameter, ctx, opts, args)
        self._known.add(name)
        stored = {} if self._given is None else self._given.parameters
        by_hand = key in self._by_hand
        if by_hand:
            self._used.add(name)
        if name in stored and (by_hand or self._differs(parameter, ctx, opts, stored[name])):
            if stored[name] is None:
                result = self._none(parameter, ctx, args, handle)
            else:
                opts = {**opts, parameter.name: _shaped(parameter, stored[name])}
                result = self._overridden(parameter, ctx, opts, args, handle, name)
        else:
            result = self._heard(parameter, ctx, opts, args, handle, name)
        return result

    def _overridden(self, parameter: Any, ctx: Any, opts: Any, args: Any, handle: Any, name: str) -> Any:
        try:
            return self._heard(parameter, ctx, opts, args, handle, name)
        except self._error as error:
            value, said = repr(opts[parameter.name]), str(error.message)
            text = said if value in said else f"{value}: {said}"
            raise self._error(f"parameter {name}: {text}", ctx=ctx) from None

    def _heard(self, parameter: Any, ctx: Any, opts: Any, args: Any, handle: Any, name: str) -> Any:
        # A callback may make another value of it: what is kept is what was there before, so
        # that another attempt gives the callback the same again.
        seen: list[Any] = []
        callback = parameter.callback
        if callback is not None:

            @wraps(callback)
            def listening(context: Any, param: Any, value: Any) -> Any:
                seen.append(value)
                return callback(context, param, value)

            parameter.callback = listening
        try:
            result = handle(parameter, ctx, opts, args)
        finally:
            parameter.callback = callback
        raw = opts.get(parameter.name)
        value = self._plain(seen[-1] if seen else ctx.params.get(parameter.name), raw)
        if not isinstance(value, Absent):
            self._values[name] = value
        return result

    def _none(self, parameter: Any, ctx: Any, args: Any, handle: Any) -> Any:
        required, default, prompt = parameter.required, parameter.default, getattr(parameter, "prompt", None)
        # None cannot be typed: it is what a parameter without a default has that nobody gave.
        parameter.required, parameter.default = False, None
        if prompt is not None:
            parameter.prompt = None
        try:
            name = SECTION + "/".join([*_path(ctx), parameter.name])
            return self._heard(parameter, ctx, {}, args, handle, name)
        finally:
            parameter.required, parameter.default = required, default
            if prompt is not None:
                parameter.prompt = prompt

    def _differs(self, parameter: Any, ctx: Any, opts: Any, stored: JSONValue) -> bool:
        # What was typed at the desk is typed here again. What was not came from a default, a
        # variable or a prompt of the desk, and may be another one here.
        if opts.get(parameter.name, self._unset) not in (None, self._unset):
            return False
        default = parameter.get_default(ctx)
        value = self._plain(None if default is self._unset else default, None)
        return isinstance(value, Absent) or not same(value, stored)

    def _plain(self, value: Any, raw: Any) -> JSONValue | Absent:
        if value is self._unset:
            return None
        return listed(value, lambda _: raw if isinstance(raw, str) else None)

    def _refuse(self, text: str, ctx: Any) -> None:
        raise self._error(text, ctx=ctx)


def _path(ctx: Any) -> list[str]:
    """The commands that lead to the context's own, below the first one."""
    names: list[str] = []
    while ctx.parent is not None:
        names.append(str(ctx.info_name))
        ctx = ctx.parent
    return names[::-1]


def _shaped(parameter: Any, stored: JSONValue) -> Any:
    """``stored`` as click's own parser hands over what was typed: texts, in tuples and lists."""
    if getattr(parameter, "is_flag", False) or getattr(parameter, "count", False):
        return stored
    many = parameter.multiple or parameter.nargs != 1
    if isinstance(stored, str) and many:
        stored = _split(stored)
    if many and not isinstance(stored, list):
        stored = [stored]
    if isinstance(stored, list):
        if parameter.multiple and parameter.nargs != 1:
            return [_texts(item if isinstance(item, list) else [item]) for item in stored]
        return _texts(stored)
    return _text(stored)


def _split(text: str) -> JSONValue:
    import json
    import shlex

    try:
        # The numbers stay the text they are: the parameter's type reads them as it would `1e-3`.
        found: JSONValue = json.loads(text, parse_float=str, parse_int=str)
    except ValueError:
        found = None
    if isinstance(found, list):
        return found
    try:
        return [*shlex.split(text)]
    except ValueError:
        return [text]


def _texts(items: list[JSONValue]) -> tuple[Any, ...]:
    return tuple(_text(item) for item in items)


def _text(value: JSONValue) -> Any:
    return value if isinstance(value, str) or value is None else json_text(value)
