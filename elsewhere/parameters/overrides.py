"""Parameters that somebody sets by hand: ``Args/lr=0.1``."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from elsewhere.contract.errors import UsageError

if TYPE_CHECKING:
    from elsewhere.contract.task import JSONValue

_FORM = "Write it as SECTION/KEY=VALUE, such as Args/lr=0.1."


def parse_override(text: str) -> tuple[str, JSONValue]:
    """Split ``Section/key=value`` into its name and its typed value.

    The value is typed only where it is written just as JSON is written: ``0.1``, ``true``,
    ``[1, 2]``, ``"5"``. Anything else stays the text it is, so ``1.10``, ``007`` and ``1e-3``
    reach the script's own types unharmed.

    Raises:
        UsageError: no ``=``, no section or no key.
    """
    name, equals, value = text.partition("=")
    section, slash, key = name.partition("/")
    if not equals:
        raise UsageError(f"the parameter {text!r} has no value", _FORM)
    if not slash or not section.strip() or not key.strip():
        raise UsageError(f"the parameter {text!r} has no section", _FORM)
    return name, typed(value)


def typed(text: str) -> JSONValue:
    """The JSON value that ``text`` is the one text of, else ``text`` itself."""
    try:
        value: JSONValue = json.loads(text)
        again = json.dumps(value, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text
    return value if again == text else text


def unknown(names: Iterable[str], known: Iterable[str]) -> str:
    """A sentence that refuses ``names`` and says which of ``known`` may have been meant."""
    candidates = sorted(known)
    parts = [suggested(name, candidates) for name in names]
    return f"unrecognized parameter{'s' if len(parts) > 1 else ''} {', '.join(parts)}"


def suggested(name: str, known: Iterable[str]) -> str:
    """``name``, and which of ``known`` may have been meant: ``Args/lrr; did you mean Args/lr?``."""
    from difflib import get_close_matches

    # By the keys alone: with the section they share, any two names look alike.
    section, _, key = name.partition("/")
    candidates = sorted(known)
    keys = [each.partition("/")[2] for each in candidates if each.startswith(f"{section}/")]
    close = get_close_matches(key, keys, n=1)
    if close:
        return f"{name}; did you mean {section}/{close[0]}?"
    elsewhere = [each for each in candidates if each.partition("/")[2] == key]
    if not elsewhere:
        return name
    return f"{name}; did you mean {get_close_matches(name, elsewhere, n=1, cutoff=0)[0]}?"
