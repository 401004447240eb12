"""The command line of ``pydantic-settings``: ``CliApp``, ``cli_parse_args``.

Fields keep their dotted names: ``Args/model.depth``, below a subcommand ``Args/train.lr``. The
texts are parsed by ``argparse``, and so overridden there; here the model that pydantic makes of
them is recorded. A field that came from the environment, a ``.env`` file or a folder of secrets is
left out, as is every secret type: an attempt has an environment of its own.
"""

from __future__ import annotations

import threading
from functools import wraps
from typing import TYPE_CHECKING, Any

from elsewhere.parameters import actions, hook, ledger
from elsewhere.parameters.ledger import SECTION
from elsewhere.parameters.values import Absent, plain

if TYPE_CHECKING:
    from types import ModuleType

    from elsewhere.contract.task import JSONValue

_parsed = threading.local()


def patch(module: ModuleType) -> None:
    """Wrap how ``pydantic_settings`` reads a command line, and how it makes a model."""
    if module.__name__ == "pydantic_settings.main":
        _patch_model(module)
        return
    source = module.CliSettingsSource
    connect, load = source._connect_root_parser, source._load_env_vars

    @wraps(connect)
    def connected(self: Any, *args: Any, **named: Any) -> Any:
        result = connect(self, *args, **named)
        if type(self.root_parser).__module__ == module.__name__:  # not one of the user's
            setattr(self.root_parser, actions.TEXTS, True)
        return result

    @wraps(load)
    def loaded(self: Any, *args: Any, **named: Any) -> Any:
        texts = named.get("parsed_args")
        if texts is not None and getattr(self.root_parser, actions.TEXTS, False):
            fields = dict(texts if isinstance(texts, dict) else vars(texts))
            self._elsewhere_typed = {name for name, value in fields.items() if _is_given(value)}
            _parsed.source = self
        return load(self, *args, **named)

    source._connect_root_parser, source._load_env_vars = connected, loaded


def _patch_model(module: ModuleType) -> None:
    settings = module.BaseSettings
    original = settings.__init__

    @wraps(original)
    def make(self: Any, *args: Any, **named: Any) -> None:
        # A source that was parsed before is handed in; any other is made, and parses, in here.
        _parsed.source = None
        original(self, *args, **named)
        handed = [named.get("_cli_settings_source"), *(named.get("_build_sources") or [()])[0]]
        for source in (*handed, _parsed.source):
            names = getattr(source, "_elsewhere_typed", None)
            if hook.enabled and names is not None:
                ledger.note_all(_fields(self, "", names), (), ledger.given())
                return

    settings.__init__ = make


def _is_given(value: object) -> bool:
    return value is not None and type(value).__name__ != "PydanticUndefinedType"


def _fields(model: Any, prefix: str, typed: set[str]) -> dict[str, JSONValue]:
    found: dict[str, JSONValue] = {}
    for field in type(model).model_fields:
        name, value = f"{prefix}{field}", getattr(model, field)
        if hasattr(type(value), "model_fields"):
            found.update(_fields(value, f"{name}.", typed))
        elif _is_typed(name, typed) or field not in model.model_fields_set:
            kept = plain(value)
            secret = hasattr(type(value), "get_secret_value")
            if not secret and not isinstance(kept, Absent) and ledger.counts(SECTION + name):
                found[SECTION + name] = kept
    return found


def _is_typed(name: str, typed: set[str]) -> bool:
    # `--model '{"depth": 3}'` gives all that is below it.
    return any(name == each or name.startswith(f"{each}.") for each in typed)
