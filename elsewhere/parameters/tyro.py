"""``tyro``: fields and arguments under their dotted names, ``Args/model.depth``.

What is set by hand takes the place of the texts that tyro parsed, before it makes values of
them: the field's own type reads it, as it reads what is typed. The fields of a subcommand count
where that subcommand was chosen.
"""

from __future__ import annotations

import shlex
import sys
from functools import wraps
from typing import TYPE_CHECKING, Any, NoReturn

from elsewhere.parameters import actions, hook, ledger
from elsewhere.parameters.cast import Refused, boolean
from elsewhere.parameters.ledger import SECTION
from elsewhere.parameters.values import Absent, json_text, listed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from elsewhere.contract.task import JSONValue

_BACKENDS = ("TyroBackend", "ArgparseBackend")
_FLAGS = ("store_true", "store_false", "boolean_optional_action")


def patch(module: ModuleType) -> None:
    """Wrap how a backend of tyro, which ``module`` holds, parses a command line."""
    formatter = getattr(module, "_argparse_formatter", None)
    if formatter is not None:  # its parsers type nothing, and are told by their backend
        setattr(formatter.TyroArgumentParser, actions.PRIVATE, True)
    backend = next(getattr(module, name) for name in _BACKENDS if hasattr(module, name))
    original = backend.parse_args
    missing: Any = sys.modules["tyro._singleton"].is_missing
    destination: Any = sys.modules["tyro._strings"].make_subparser_dest

    @wraps(original)
    def parse(self: Any, parser_spec: Any, args: Any, prog: str, *more: Any, **named: Any) -> Any:
        if not hook.enabled or not _is_own(args):
            return original(self, parser_spec, args, prog, *more, **named)
        given = ledger.given()
        by_hand = ledger.by_hand(given)
        if by_hand:
            for arg in _arguments(parser_spec, None, destination):
                if _key(arg) in by_hand:
                    arg.lowered.required = False
        output, rest = original(self, parser_spec, args, prog, *more, **named)
        known = {_key(arg): arg for arg in _arguments(parser_spec, output, destination)}
        used = [key for key in known if key in by_hand]
        for key in used:
            output[known[key].get_output_key()] = _texts(known[key], by_hand[key], prog)
        if rest is None:
            names = {SECTION + key for key in known}
            ledger.refuse_unknown(given, names, lambda text: _refuse(prog, text))
        values = {
            SECTION + key: _value(arg, output.get(arg.get_output_key()), missing)
            for key, arg in known.items()
        }
        kept = {
            name: value
            for name, value in values.items()
            if ledger.counts(name) and not isinstance(value, Absent)
        }
        ledger.note_all(kept, {SECTION + key for key in used}, given)
        return output, rest

    backend.parse_args = parse


def _is_own(args: Any) -> bool:
    # One of the backends is handed the options with `-` in the place of `_`.
    return [word.replace("_", "-") for word in args] == [word.replace("_", "-") for word in sys.argv[1:]]


def _key(arg: Any) -> str:
    """The field's own name, below those that it is nested in; an option's has `-` for `_`."""
    return str(arg.get_output_key()).replace("-", "_")


def _arguments(spec: Any, output: dict[Any, Any] | None, destination: Any) -> Iterator[Any]:
    """The arguments of a parser, and of its subcommands: those that ``output`` has chosen, or all."""
    yield from (arg for arg in spec.args if not arg.lowered.is_fixed() and not arg.is_suppressed())
    for child in spec.child_from_prefix.values():
        yield from _arguments(child, output, destination)
    for prefix, commands in spec.subparsers_from_intern_prefix.items():
        chosen = commands.parser_from_name if output is None else [output.get(destination(prefix))]
        for name in chosen:
            if name in commands.parser_from_name:
                yield from _arguments(commands.parser_from_name[name].evaluate(), output, destination)


def _texts(arg: Any, stored: JSONValue, prog: str) -> Any:
    """``stored`` as tyro's parser hands over what was typed."""
    lowered, name = arg.lowered, SECTION + _key(arg)
    try:
        if lowered.action in _FLAGS:
            return boolean(stored)
        if lowered.action == "count":
            return int(stored if isinstance(stored, str) else json_text(stored))
        texts: Any = _split(stored, several=lowered.nargs not in (None, 1, "?"))
        if lowered.action == "append":
            texts = [[text] for text in texts] if lowered.nargs in (None, 1) else [texts]
        elif lowered.nargs == "?":
            texts = texts[0]
        lowered.instance_from_str([texts] if lowered.nargs == "?" else texts)
    except (Refused, ValueError, TypeError) as error:
        kind = getattr(arg.field.type_stripped, "__name__", arg.field.type_stripped)
        _refuse(prog, f"parameter {name}: {stored!r} is no valid {kind}: {error}")
    return texts


def _split(stored: JSONValue, *, several: bool) -> list[str]:
    if isinstance(stored, list):
        return [_text(item) for item in stored]
    if several and isinstance(stored, str):
        return shlex.split(stored)
    return [_text(stored)]


def _text(value: JSONValue) -> str:
    if isinstance(value, str):
        return value
    return str(value) if value is None or isinstance(value, bool) else json_text(value)


def _value(arg: Any, raw: Any, missing: Any) -> JSONValue | Absent:
    lowered = arg.lowered
    if raw is None or missing(raw):
        return listed(arg.field.default)
    value = raw
    if lowered.action not in (*_FLAGS, "count"):
        try:
            value = lowered.instance_from_str([raw] if lowered.nargs == "?" else raw)
        except (ValueError, TypeError):
            return Absent()  # tyro is about to say so
    typed = raw[0] if isinstance(raw, list) and len(raw) == 1 and isinstance(raw[0], str) else None
    return listed(value, lambda _: typed)


def _refuse(prog: str, text: str) -> NoReturn:
    sys.stderr.write(f"{prog}: error: {text}\n")
    raise SystemExit(2)
