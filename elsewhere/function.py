"""A run of one function: the script is run up to the call that names it, then the function alone."""

from __future__ import annotations

import inspect
import sys
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, NoReturn

from elsewhere.contract.edit import Edit, ParameterInfo
from elsewhere.contract.errors import ElsewhereError, MissingDependency, ParameterError, UsageError
from elsewhere.contract.query import Query
from elsewhere.parameters.names import read, written
from elsewhere.parameters.typed import Packed, Unkeepable, pack

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from elsewhere.contract.task import TaskRecord
    from elsewhere.place import Place
    from elsewhere.store.protocol import Store

SECTION: Final = "Function/"
"""Where the arguments of the function stand among the parameters."""

_lock = threading.Lock()
_named: dict[str, set[str]] = {}
"""By task, the names that this process's script has given functions so far."""
_missed: set[str] = set()
"""In a function's attempt its name, as long as the script has not come to it."""


@dataclass(frozen=True)
class Call:
    """A function with its arguments, under a name that is its own in the script."""

    function: Callable[..., object]
    name: str
    arguments: Mapping[str, Any]

    def packed(self) -> dict[str, Packed]:
        """The arguments as they are stored, by the names of their parameters.

        Raises:
            UsageError: one cannot be kept; the message names it.
        """
        kept = {}
        for key, value in self.arguments.items():
            try:
                kept[f"{SECTION}{written(key)}"] = pack(value)
            except Unkeepable as error:
                raise UsageError(
                    f"the argument {key!r} of function {self.name!r} cannot travel with a task: {error}",
                    "Pass what it is made from: numbers, text, paths, lists, dicts, or classes of fields.",
                ) from None
        return kept


def checked_call(function: Callable[..., object], name: str | None, arguments: Mapping[str, Any]) -> Call:
    """The call, if it can be made.

    Raises:
        UsageError: it is no function, has no name, or takes other arguments.
    """
    if not callable(function):
        raise UsageError(f"{function!r:.80} is no function", "Give one, without parentheses.")
    if name is not None and not isinstance(name, str):
        raise UsageError(f"func_name={name!r:.80} is no text", "Give a name in quotes, or leave it out.")
    called = (name if name is not None else getattr(function, "__name__", "")).strip()
    if not called or not called.isprintable():
        raise UsageError(f"{function!r:.80} has no name", "Give func_name=.")
    _require_fit(function, called, arguments)
    return Call(function, called, arguments)


def claim(task_id: str, name: str) -> None:
    """Take the name for a function of this task, for this process.

    Raises:
        UsageError: another function of the script has it.
    """
    with _lock:
        names = _named.setdefault(task_id, set())
        if name in names:
            raise UsageError(
                f"this run has a function {name!r} already: elsewhere nobody could tell them apart",
                "Give each a name of its own by func_name=.",
            )
        names.add(name)


def give_back(task_id: str, name: str) -> None:
    """Take it back: no task was made under the name."""
    with _lock:
        _named[task_id].discard(name)


def fill(store: Store, draft: TaskRecord, call: Call, task_name: str) -> TaskRecord:
    """Let a draft of this run be one of the function; safe to repeat.

    Raises:
        UsageError: an argument cannot be kept.
    """
    packed = call.packed()
    spec = replace(draft.spec, entry=replace(draft.spec.entry, function=call.name))
    info = {name: ParameterInfo(kept.type) for name, kept in packed.items() if kept.type}
    strangers = [name for name in draft.parameters if name.startswith(SECTION) and name not in packed]
    if strangers:
        store.delete_parameters(draft.id, strangers)
    store.set_parameters(draft.id, {name: kept.value for name, kept in packed.items()})
    store.edit(draft.id, Edit(name=task_name, spec=spec, parameter_info=info))
    return store.get(draft.id)


def child_of(place: Place, parent: TaskRecord, call: Call, task_name: str) -> tuple[Store, TaskRecord] | None:
    """In an attempt of the whole script: the function's task, made at the desk, by an earlier attempt or now.

    None where the attempt has no way to other tasks; it is said on stderr.
    """
    try:
        store = place.store()
    except (MissingDependency, UsageError) as error:
        sys.stderr.write(f"elsewhere: no task is made of function {call.name!r}: {error.what}\n")
        return None
    offset = 0
    while True:
        page = store.query(Query(parent=parent.id, order_by="-created", limit=500, offset=offset))
        for record in store.records(page.ids):
            if record.spec.entry.function == call.name:
                return store, record
        if not page.more:
            break
        offset += len(page.ids)
    return store, fill(store, store.clone(parent.id, name=task_name), call, task_name)


def pass_over(wanted: str) -> None:
    """Go on with the script to the function ``wanted``; at its end it is told where it never came there."""
    import atexit

    with _lock:
        if not _missed:
            atexit.register(_tell_missed)
        _missed.add(wanted)


def _tell_missed() -> None:
    for name in _missed:
        sys.stderr.write(f"elsewhere: error: the script ended before it came to function {name!r}\n")


def run(place: Place, record: TaskRecord, call: Call) -> NoReturn:
    """Call the function with what the task holds of its arguments, and end the process.

    The exit code is 0, or 1 where the function raises, whatever the script would catch.
    """
    from elsewhere.exit import fail, leave

    _missed.discard(call.name)
    given = [name for name in record.parameters if name.startswith(SECTION)]
    # Before they are read: one that is passed here is no unused one, whatever its value is. The section
    # itself says to the supervisor that the script came here.
    place.used([SECTION, *(name for name in given if read(name.removeprefix(SECTION)) in call.arguments)])
    try:
        arguments = _arguments(record, call)
    except ElsewhereError as error:
        fail(error)
    place.used(given)
    try:
        call.function(**arguments)
    except Exception as error:  # noqa: BLE001 - shown as Python would; the script has no chance to go on
        sys.excepthook(type(error), error, error.__traceback__)
        leave(1)
    leave(0)


def _arguments(record: TaskRecord, call: Call) -> dict[str, Any]:
    from elsewhere.parameters.fitting import Unfit, fit
    from elsewhere.parameters.typed import restored

    arguments = dict(call.arguments)
    for name, value in record.parameters.items():
        if not name.startswith(SECTION):
            continue
        key = read(name.removeprefix(SECTION))
        info = record.parameter_info.get(name, ParameterInfo())
        packed = Packed(value, info.type)
        try:
            arguments[key] = fit(packed, arguments[key]) if key in arguments else restored(packed)
        except Unfit as error:
            raise ParameterError(f"{name}: {error}", "Set it to a value of the type that it had.") from None
    _require_fit(call.function, call.name, arguments)
    return arguments


def _require_fit(function: Callable[..., object], name: str, arguments: Mapping[str, Any]) -> None:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return  # built in, and says nothing of what it takes
    try:
        signature.bind(**arguments)
    except TypeError as error:
        raise UsageError(f"function {name!r}{signature} cannot be called so: {error}", "") from None
