"""A stored value as the value that the parser's own types would have made of it."""

from __future__ import annotations

import argparse
import json
import shlex
from typing import TYPE_CHECKING, Any

from elsewhere.parameters.actions import Action, Parser, chief, gathers, holds_lists
from elsewhere.parameters.values import json_text, plain

if TYPE_CHECKING:
    from elsewhere.contract.task import JSONValue

_TRUE = frozenset({"true", "1", "yes", "on"})
_FALSE = frozenset({"false", "0", "no", "off"})
_BOOLEAN = (argparse._StoreTrueAction, argparse._StoreFalseAction, argparse.BooleanOptionalAction)


class Refused(Exception):
    """A value that the parser's own declaration refuses; the text says why."""


def cast(parser: Parser, actions: list[Action], stored: JSONValue, *, by_hand: bool) -> Any:
    """Make of ``stored`` what the actions, which share one dest, hold after a parse.

    Text is cast by the action's type, as if it had been typed; lists item by item. What is
    set ``by_hand`` is cast also where it is typed JSON (``1`` is 1.0 for a float), and must be
    one of the action's choices; anything else is the result of an earlier parse, and stays.
    ``null`` is None, whatever the type.

    Raises:
        Refused: the type or the choices do not take it.
    """
    action = chief(actions)
    if stored is None:
        return None
    if action.nargs == 0:
        return _flag(actions, stored)
    try:
        if isinstance(action, argparse._AppendAction) and holds_lists(action) and not _extends(action):
            groups = stored if isinstance(stored, list) and _all_lists(stored) else [stored]
            return [_many(parser, action, group, by_hand) for group in groups]
        if gathers(action) or holds_lists(action):
            return _many(parser, action, stored, by_hand)
        return _one(parser, action, stored, by_hand)
    except argparse.ArgumentError as error:
        raise Refused(error.message) from None


def _one(parser: Parser, action: Action, stored: JSONValue, by_hand: bool) -> Any:
    if isinstance(stored, str):
        text = stored
    elif stored is None or not by_hand or (isinstance(stored, bool) and action.type is bool):
        return stored
    else:
        text = json_text(stored)
    value = parser._get_value(action, text)
    if by_hand:
        parser._check_value(action, value)
    return value


def _many(parser: Parser, action: Action, stored: JSONValue, by_hand: bool) -> list[Any]:
    items = _items(action, stored)
    if holds_lists(action):
        _require_count(action, len(items))
    return [_one(parser, action, item, by_hand) for item in items]


def _items(action: Action, stored: JSONValue) -> list[JSONValue]:
    if isinstance(stored, list):
        return stored
    if not isinstance(stored, str):
        return [stored]
    try:
        # The numbers stay the text they are: the action's type reads them as it would `1e-3`.
        listed = json.loads(stored, parse_float=str, parse_int=str)
    except ValueError:
        listed = None
    if isinstance(listed, list):
        return listed
    if not holds_lists(action):
        return [stored]
    try:
        return list(shlex.split(stored))
    except ValueError as error:
        raise Refused(f"invalid list {stored!r}: {error}") from None


def _require_count(action: Action, count: int) -> None:
    nargs = action.nargs
    if isinstance(nargs, int) and count != nargs:
        raise Refused(f"expected {nargs} value{'s' if nargs > 1 else ''}, found {count}")
    if nargs == argparse.ONE_OR_MORE and count == 0:
        raise Refused("expected at least one value")


def _flag(actions: list[Action], stored: JSONValue) -> Any:
    action = actions[0]
    if all(isinstance(each, _BOOLEAN) for each in actions):
        return boolean(stored)
    if isinstance(action, argparse._CountAction):
        return _count(stored)
    if isinstance(stored, str):
        for known in [each.const for each in actions] + [each.default for each in actions]:
            if known is not None and plain(known) == stored:
                return known
    return stored


def boolean(stored: JSONValue) -> bool:
    """Read ``true``, ``1``, ``yes``, ``on`` and their opposites, whatever their case.

    Raises:
        Refused: it is none of them.
    """
    word = (stored if isinstance(stored, str) else json_text(stored)).strip().lower()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise Refused(f"invalid value: {stored!r} (choose from true, false)")


def _count(stored: JSONValue) -> int:
    try:
        return int(stored if isinstance(stored, str) else json_text(stored))
    except ValueError:
        raise Refused(f"invalid int value: {stored!r}") from None


def _extends(action: Action) -> bool:
    return isinstance(action, argparse._ExtendAction)


def _all_lists(items: list[JSONValue]) -> bool:
    return all(isinstance(item, list) for item in items)
