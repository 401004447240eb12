"""``argparse``: what the command line gave is recorded, what is stored overrides it.

At a desk, every parse of the process's own command line is recorded as ``Args/<dest>``. In
an attempt, what is stored under those names is what the parse results in. A library that
parses a list of its own is left alone. This file is imported with ``argparse`` itself, and so
imports what is heavy at the first parse.
"""

from __future__ import annotations

from _thread import _local  # `threading.local` itself, without what `threading` costs to import

from elsewhere.parameters import hook

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

    from elsewhere.parameters.actions import Action, Parser
    from elsewhere.parameters.parse import Parse

STRICT = {
    "parse_args": True,
    "parse_intermixed_args": True,
    "parse_known_args": False,
    "parse_known_intermixed_args": False,
}
"""The doors of a parser, and whether each refuses what the parser does not know."""

_running = _local()


def patch(module: ModuleType) -> None:
    """Wrap the doors of ``module.ArgumentParser``. Safe to repeat."""
    parser = module.ArgumentParser
    if hasattr(parser.parse_args, "__wrapped__"):
        return
    for name, strict in STRICT.items():
        setattr(parser, name, _door(getattr(parser, name), strict))
    parser._get_value = _listener(parser._get_value)


def parse(original: Callable[..., Any], parser: Parser, args: Any, namespace: Any, *, strict: bool) -> Any:
    """Do one parse, ``original``, with what is stored laid over it.

    ``strict`` says that the caller takes no leftovers: then a parameter set by hand that the
    parser does not know is refused as an unknown option would be.
    """
    from elsewhere.parameters import actions, ledger
    from elsewhere.parameters.parse import Parse

    running = _parse_of_this_thread()
    if running is not None:
        running.enter(parser)
        return original(parser, args, namespace)
    connected = getattr(parser, actions.CONNECTED, None)
    if getattr(parser, actions.PRIVATE, False) or not (connected or ledger.from_command_line(args)):
        return original(parser, args, namespace)
    given = ledger.given()
    current = Parse(parser, given)
    is_empty = args is not None and not args and not ledger.was_left(args)
    if is_empty and given is not None and not current.concerned():
        return original(parser, args, namespace)  # `parse_args([])` of a library: not about us
    _running.parse = current
    try:
        current.enter(parser)
        result = original(parser, args, namespace)
        parsed = result if strict else result[0]
        if not strict:
            ledger.left_over(result[1])
        if given is not None:
            current.settle(parsed, strict and ledger.takes_rest(args))
    finally:
        _running.parse = None
        current.restore()
    values = current.values(parsed)
    ledger.note(values, current.used(), current.news(values), connected)
    return result


def heard(action: Action, text: str, value: object) -> None:
    """Note that the running parse, if there is one, made ``value`` of ``text``."""
    current = _parse_of_this_thread()
    if current is not None:
        current.typed.append((action, text, value))


def _door(original: Callable[..., Any], strict: bool) -> Callable[..., Any]:
    def door(self: Any, args: Any = None, namespace: Any = None) -> Any:
        if not hook.enabled and not hasattr(self, "_elsewhere_connected"):
            return original(self, args, namespace)
        return parse(original, self, args, namespace, strict=strict)

    return _as(original, door)


def _listener(original: Callable[..., Any]) -> Callable[..., Any]:
    def get_value(self: Any, action: Any, arg_string: Any) -> Any:
        value = original(self, action, arg_string)
        if hook.enabled or _parse_of_this_thread() is not None:
            heard(action, arg_string, value)
        return value

    return _as(original, get_value)


def _as(original: Callable[..., Any], wrapper: Callable[..., Any]) -> Callable[..., Any]:
    from functools import wraps  # argparse needs it as well; before that it would be a cost of ours

    return wraps(original)(wrapper)


def _parse_of_this_thread() -> Parse | None:
    return getattr(_running, "parse", None)
