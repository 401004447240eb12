"""What all parsers share: which parameters count, what was given for them, what came of them.

Every parser of the process's own command line asks ``given`` what its attempt was given, lays
that over what it parses, and hands the result to ``note``.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from elsewhere.parameters import hook
from elsewhere.parameters.overrides import unknown
from elsewhere.parameters.values import same

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from elsewhere.contract.task import JSONValue
    from elsewhere.simulated import Supervision
    from elsewhere.store.relay import Given, RelayStore

    Listener = Callable[[Mapping[str, JSONValue]], None]

SECTION = "Args/"
"""Where the arguments of a command line stand."""

_recorded: dict[str, JSONValue] = {}
_unheard: dict[str, JSONValue] = {}
_listeners: list[Listener] = []
_choice: dict[str, bool] = {}
_known_before: set[str] = set()
_leftovers: list[object] = []


def recorded() -> dict[str, JSONValue]:
    """What the parses of this process's command line resulted in so far, by name."""
    return {name: value for name, value in _recorded.items() if counts(name)}


def listen(listener: Listener) -> None:
    """Have ``listener`` told what parses of the command line result in, by name, until ``leave``.

    Of several only the newest is told: automatic capture goes to the newest open task. What was
    parsed while nobody listened is told at once. In an attempt nobody is: the supervisor is.
    """
    _listeners.append(listener)
    news = {name: value for name, value in _unheard.items() if counts(name)}
    _unheard.clear()
    if news:
        listener(news)


def leave(listener: Listener) -> None:
    """Tell ``listener`` nothing any more; the one before it is heard again. Safe to repeat."""
    if listener in _listeners:
        _listeners.remove(listener)


def choose(choice: bool | Mapping[str, bool]) -> None:
    """Say which parameters count from here on: recorded at a desk, overridden in an attempt.

    ``True`` says all of them, as it is from the start; ``False`` or an empty mapping none, and
    what was recorded is forgotten. A mapping goes by the parameter's key (``lr``, ``train/lr``,
    ``model.depth``), or by its whole name where two sections share a key (``Hydra/lr``);
    ``*`` stands for those that it does not name, which count unless it says False.

    In an attempt, what was parsed before this call was overridden whatever is said here.

    Raises:
        TypeError: a mapping whose keys are not text, or whose values are not bool.
    """
    if choice is True:
        hook.enabled = True
        _choice.clear()
        return
    if not choice:
        hook.enabled = False
        _recorded.clear()
        _unheard.clear()
        return
    if not isinstance(choice, dict) or not all(
        isinstance(name, str) and isinstance(wanted, bool) for name, wanted in choice.items()
    ):
        raise TypeError(
            f"auto_connect_arg_parser={choice!r} is neither a bool nor a dict from names to bools,"
            " such as {'lr': True, '*': False}"
        )
    hook.enabled = True
    _choice.clear()
    _choice.update(choice)


def counts(name: str) -> bool:
    """Whether the parameter ``Section/key`` is recorded and overridden."""
    for key in (name, name.partition("/")[2], "*"):
        if key in _choice:
            return _choice[key]
    return True


def from_command_line(args: Any) -> bool:
    """Whether ``args``, as a parser was given them, are this process's own command line, or a part of it."""
    if args is None:
        return True
    if not isinstance(args, (list, tuple)):
        return False
    if was_left(args) or list(args) == sys.argv[1:]:
        return True
    # By identity: an equal word that a library says itself is another one.
    rest = iter(sys.argv[1:])
    return bool(args) and all(any(word is each for each in rest) for word in args)


def takes_rest(args: Any) -> bool:
    """Whether nothing of the command line is left to be parsed behind ``args``, which are a part of it."""
    return not args or was_left(args) or args[-1] == sys.argv[-1]


def was_left(args: object) -> bool:
    """Whether ``args`` is a list that a parser of the command line left to others."""
    return any(args is each for each in _leftovers)


def left_over(args: object) -> None:
    """Note what a parser of the command line left to others, who may be given that very list."""
    _leftovers.append(args)


def given() -> Given | None:
    """What this attempt was given to run with, of what counts; None at a desk.

    Ends the process when its supervisor does not say: to go on with the script's own defaults
    would give wrong results without a word.
    """
    supervisor = _supervisor()
    if supervisor is None:
        return None
    from elsewhere.contract.errors import ElsewhereError
    from elsewhere.exit import fail
    from elsewhere.store.relay import Given

    try:
        answer = supervisor.given()
    except ElsewhereError as error:
        fail(error)
    return Given(
        {name: value for name, value in answer.parameters.items() if counts(name)},
        tuple(name for name in answer.overrides if counts(name)),
    )


def _supervisor() -> RelayStore | Supervision | None:
    """Who says what is laid over the command line: in an attempt, and where one is simulated."""
    if "ELSEWHERE_RELAY" in os.environ:
        from elsewhere.bound import relay

        return relay()
    simulated = sys.modules.get("elsewhere.simulated")
    supervision: Supervision | None = simulated.supervision() if simulated is not None else None
    return supervision


def by_hand(given: Given | None, section: str = SECTION) -> dict[str, JSONValue]:
    """Of ``given``, what somebody set by hand in ``section``, by key."""
    if given is None:
        return {}
    return {
        name[len(section) :]: given.parameters[name] for name in given.overrides if name.startswith(section)
    }


def note(
    values: Mapping[str, JSONValue],
    used: Collection[str],
    news: Mapping[str, JSONValue],
    listener: Listener | None = None,
) -> None:
    """Note what a parse resulted in.

    Args:
        values: All of it, by name.
        used: Names set by hand that the parser knew; an attempt reports the others as unused.
        news: Of ``values``, what the attempt's store does not hold yet.
        listener: Who is told at a desk, in the place of the newest open task.
    """
    _known_before.update(used)
    try:
        _recorded.update(values)
        supervisor = _supervisor()
        if supervisor is not None:
            supervisor.report({name: value for name, value in news.items() if counts(name)}, sorted(used))
        elif listener or _listeners:
            (listener or _listeners[-1])({name: value for name, value in values.items() if counts(name)})
        else:
            _unheard.update(values)
    except Exception:  # noqa: BLE001 - the parse itself is done: what we note of it must not fail it
        if os.environ.get("ELSEWHERE_DEBUG") == "1":
            import traceback

            traceback.print_exc()


def knew(names: Iterable[str]) -> None:
    """Note that something else than a parser reads these names: no parser is to refuse them."""
    _known_before.update(names)


def note_all(values: Mapping[str, JSONValue], used: Iterable[str], stored: Given | None) -> None:
    """``note``, where the news is whatever differs from what is stored."""
    held = {} if stored is None else stored.parameters
    news = {name: value for name, value in values.items() if name not in held or not same(held[name], value)}
    note(values, set(used), news)


def refuse_unknown(stored: Given | None, known: Iterable[str], refuse: Callable[[str], object]) -> None:
    """Have ``refuse`` called, where names of ``Args`` are set by hand that no parse knew so far."""
    names = set(known) | _known_before
    strangers = sorted(SECTION + key for key in by_hand(stored) if SECTION + key not in names)
    if strangers:
        refuse(unknown(strangers, names))
