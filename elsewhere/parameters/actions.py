"""What an argument parser declares: the actions that have a value, and its subparsers."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

Action = argparse.Action
Parser = argparse.ArgumentParser

PRIVATE = "_elsewhere_private"
"""Attribute of a parser that a library made for options of its own: it is left alone."""

TEXTS = "_elsewhere_texts"
"""Attribute of a parser whose library types its texts later: only what is set by hand is laid over
them, and what they come to is recorded by the library's own door."""

CONNECTED = "_elsewhere_connected"
"""Attribute of a parser that ``task.connect`` was called with, which counts, whatever it parses: the
listener that is told what comes of it."""

_VALUELESS = (argparse._HelpAction, argparse._VersionAction)
_SCALAR = (None, argparse.OPTIONAL)


def valued(parser: Parser) -> dict[str, list[Action]]:
    """The actions of ``parser`` by their dest; help, version and suppressed dests left out."""
    found: dict[str, list[Action]] = {}
    for action in parser._actions:
        if action.dest != argparse.SUPPRESS and not isinstance(action, _VALUELESS):
            found.setdefault(action.dest, []).append(action)
    return found


def family(parser: Parser) -> Iterator[Parser]:
    """``parser`` and all the subparsers below it, each once."""
    seen: set[int] = set()
    waiting = [parser]
    while waiting:
        member = waiting.pop()
        if id(member) in seen:
            continue
        seen.add(id(member))
        yield member
        for action in member._actions:
            if is_subcommand(action):
                waiting.extend(action.choices.values())  # type: ignore[union-attr]


def is_subcommand(action: Action) -> bool:
    """Whether the action chooses a subparser."""
    return isinstance(action, argparse._SubParsersAction)


def gathers(action: Action) -> bool:
    """Whether the action gathers what several uses of it give: append and extend."""
    return isinstance(action, (argparse._AppendAction, argparse._ExtendAction))


def holds_lists(action: Action) -> bool:
    """Whether one use of the action gives a list."""
    return action.nargs != 0 and action.nargs not in _SCALAR


def chief(actions: list[Action]) -> Action:
    """Of the actions that share a dest, the one that values are cast by: one that takes a value."""
    return next((action for action in actions if action.nargs != 0), actions[0])
