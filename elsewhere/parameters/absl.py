"""``absl.flags``: the flags that the script's own modules define, as ``Args/NAME``.

absl's own flags (``--verbosity``, ``--helpfull`` …) are left alone. What is set by hand is parsed
by the flag's parser and checked by its validators, as what is typed is.
"""

from __future__ import annotations

import sys
from functools import wraps
from typing import TYPE_CHECKING, Any

from elsewhere.parameters import hook, ledger
from elsewhere.parameters.ledger import SECTION
from elsewhere.parameters.values import Absent, json_text, plain, same

if TYPE_CHECKING:
    from types import ModuleType

    from elsewhere.contract.task import JSONValue
    from elsewhere.store.relay import Given


def patch(module: ModuleType) -> None:
    """Wrap how the flags of ``module``, ``absl.flags._flagvalues``, are parsed."""
    values = module.FlagValues
    original = values.__call__

    @wraps(original)
    def parse(self: Any, argv: Any, known_only: bool = False) -> Any:
        if not hook.enabled or isinstance(argv, (str, bytes)) or list(argv) != sys.argv:
            return original(self, argv, known_only)
        given = ledger.given()
        flags = _flags(self)
        overrides = _cast(module, flags, ledger.by_hand(given))
        for name, value in overrides.items():
            _set(flags[name], value)  # now, for those that are required
        rest = original(self, argv, known_only)
        wanted = {**_differing(flags, given), **overrides}
        for name, value in wanted.items():
            _set(flags[name], value)  # again, over what was typed
        if wanted:
            self.validate_all_flags()
        if not known_only:
            ledger.refuse_unknown(
                given, {SECTION + name for name in flags}, lambda text: _refuse(module, text)
            )
        found = {SECTION + name: plain(flag.value) for name, flag in flags.items()}
        kept = {name: value for name, value in found.items() if not isinstance(value, Absent)}
        ledger.note_all(kept, {SECTION + name for name in overrides}, given)
        return rest

    values.__call__ = parse


def _flags(values: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for module, flags in values.flags_by_module_dict().items():
        if not module.startswith("absl."):
            found.update({flag.name: flag for flag in flags if ledger.counts(SECTION + flag.name)})
    return found


def _cast(module: ModuleType, flags: dict[str, Any], by_hand: dict[str, JSONValue]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, stored in by_hand.items():
        if name in flags:
            try:
                made[name] = None if stored is None else flags[name]._parse(_typed(stored))
            except (module._exceptions.IllegalFlagValueError, ValueError, TypeError) as error:
                kind = flags[name].parser.flag_type()
                raise module._exceptions.IllegalFlagValueError(
                    f"parameter {SECTION}{name}: {stored!r} is no valid {kind}: {error}"
                ) from None
    return made


def _typed(stored: JSONValue) -> Any:
    if isinstance(stored, list):
        return [_typed(item) for item in stored]
    return stored if isinstance(stored, str) else json_text(stored)


def _differing(flags: dict[str, Any], given: Given | None) -> dict[str, JSONValue]:
    """Of what an earlier parse resulted in, what this one gives otherwise: by another default."""
    if given is None:
        return {}
    return {
        name: given.parameters[SECTION + name]
        for name, flag in flags.items()
        if SECTION + name in given.parameters
        and not flag.present
        and not isinstance(plain(flag.value), Absent)
        and not same(plain(flag.value), given.parameters[SECTION + name])
    }


def _set(flag: Any, value: Any) -> None:
    flag.value = value
    flag.using_default_value = False


def _refuse(module: ModuleType, text: str) -> None:
    raise module._exceptions.Error(text)
