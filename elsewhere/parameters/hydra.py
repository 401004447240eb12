"""``hydra.main``: the composed configuration as ``Hydra/KEY``, and overrides of hydra's own.

What a run is composed to is recorded leaf by leaf (``Hydra/model.depth``), interpolations as
they are written, and the choice of each group as ``Hydra/GROUP``. What is set by hand is handed
to hydra as one more override of its command line, so that groups, interpolations and sweeps are
composed by hydra itself: ``Hydra/db=mysql`` chooses a group, ``Hydra/lr=0.1,0.2`` is a sweep
under ``--multirun``. What hydra refuses, it refuses in its own words.
"""

from __future__ import annotations

import threading
from functools import wraps
from typing import TYPE_CHECKING, Any

from elsewhere.parameters import actions, hook, ledger
from elsewhere.parameters.overrides import typed
from elsewhere.parameters.values import Absent, json_text, plain

if TYPE_CHECKING:
    from types import ModuleType

    from elsewhere.contract.task import JSONValue
    from elsewhere.store.relay import Given

SECTION = "Hydra/"

_MISSING = "???"
"""How hydra writes a value that is to be given still."""

_running = threading.local()


def patch(module: ModuleType) -> None:
    """Wrap what ``hydra.main`` runs, and what ``hydra._internal.hydra`` composes."""
    if module.__name__ == "hydra.main":
        _patch_main(module)
        return
    original = module.Hydra.compose_config

    @wraps(original)
    def compose(self: Any, *args: Any, **named: Any) -> Any:
        composed = original(self, *args, **named)
        current: Run | None = getattr(_running, "run", None)
        # Hydra composes more than once; with this it prepares what the script is called with.
        if current is not None and named.get("with_log_configuration"):
            current.note(composed)
        return composed

    module.Hydra.compose_config = compose


def _patch_main(module: Any) -> None:
    create, run = module.get_args_parser, module._run_hydra

    @wraps(create)
    def created() -> Any:
        parser = create()
        setattr(parser, actions.PRIVATE, True)  # for `--multirun`, `--cfg` and such
        return parser

    @wraps(run)
    def run_hydra(*positional: Any, **named: Any) -> Any:
        arguments = named.get("args")
        if not hook.enabled or arguments is None:
            return run(*positional, **named)
        # Where the script's file is not known from its function, hydra counts frames; we are one.
        named["caller_stack_depth"] = named.get("caller_stack_depth", 2) + 1
        _running.run = current = Run(ledger.given())
        arguments.overrides = current.overridden(list(arguments.overrides))
        try:
            return run(*positional, **named)
        finally:
            _running.run = None

    module.get_args_parser, module._run_hydra = created, run_hydra


class Run:
    """One run by ``hydra.main``."""

    def __init__(self, given: Given | None) -> None:
        self._given = given
        self._by_hand = ledger.by_hand(given, SECTION)

    def overridden(self, words: list[str]) -> list[str]:
        """The overrides of the command line, with what is set by hand in the place of theirs."""
        found = list(words)
        for key, value in self._by_hand.items():
            sign = ""
            for word in words:
                if _key(word) == key and word in found:
                    found.remove(word)
                    sign = word[: len(word) - len(word.lstrip("+"))]
            found.append(f"{sign}{key}={_written(key, value)}")
        return found

    def note(self, composed: Any) -> None:
        """Note what was composed, and that what was set by hand is part of it."""
        from omegaconf import OmegaConf

        content = OmegaConf.to_container(composed, resolve=False)
        settings = content.pop("hydra", {}) if isinstance(content, dict) else {}
        values = _leaves(content, "")
        for group, choice in settings.get("runtime", {}).get("choices", {}).items():
            if not group.startswith("hydra/"):
                values.setdefault(group, choice)
        for word in settings.get("overrides", {}).get("task", []):
            key, _, text = word.partition("=")
            if _sweeps(word):
                values[key.lstrip("+")] = text
        kept = {SECTION + key: value for key, value in values.items() if ledger.counts(SECTION + key)}
        ledger.note_all(kept, [SECTION + key for key in self._by_hand], self._given)


def _leaves(content: Any, prefix: str) -> dict[str, JSONValue]:
    found: dict[str, JSONValue] = {}
    for key, value in content.items() if isinstance(content, dict) else ():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and value:
            found.update(_leaves(value, f"{name}."))
        elif value != _MISSING:
            kept = plain(value)
            if not isinstance(kept, Absent):
                found[name] = kept
    return found


def _key(word: str) -> str:
    return word.partition("=")[0].lstrip("+~")


def _sweeps(word: str) -> bool:
    from hydra.core.override_parser.overrides_parser import OverridesParser

    return bool(OverridesParser.create().parse_override(word).is_sweep_override())


def _written(key: str, value: JSONValue) -> str:
    """``value`` in hydra's grammar; text stays what somebody would type, where that can be read."""
    if not isinstance(value, str) or typed(value) != value:
        return _literal(value)
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        OverridesParser.create().parse_override(f"{key}={value}")
    except HydraException:
        return _literal(value)
    return value


def _literal(value: JSONValue) -> str:
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace("'", "\\'")
        return f"'{escaped}'"
    if isinstance(value, list):
        return "[" + ",".join(_literal(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{_literal(key)}:{_literal(item)}" for key, item in value.items()) + "}"
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return "inf" if value > 0 else "-inf"
    return json_text(value)
