"""``jsonargparse``, and what stands on it: its ``CLI``, Lightning's ``LightningCLI``.

Arguments keep their dotted names: ``Args/trainer.max_epochs``, below a subcommand
``Args/fit.trainer.max_epochs``. What is set by hand is laid over what the command line, its
configuration files and the environment came to, before jsonargparse links and checks it.
"""

from __future__ import annotations

import threading
from functools import wraps
from typing import TYPE_CHECKING, Any

from elsewhere.parameters import hook, ledger
from elsewhere.parameters.ledger import SECTION
from elsewhere.parameters.values import Absent, plain

if TYPE_CHECKING:
    from types import ModuleType

    from elsewhere.contract.task import JSONValue
    from elsewhere.store.relay import Given

_running = threading.local()


def patch(module: ModuleType) -> None:
    """Wrap how the parsers of ``module``, ``jsonargparse._core``, parse a command line."""
    parser = module.ArgumentParser
    parse_args, common = parser.parse_args, parser._parse_common

    @wraps(parse_args)
    def parse(self: Any, args: Any = None, *more: Any, **named: Any) -> Any:
        own = ledger.from_command_line(args) and getattr(_running, "reading", None) is None
        if not hook.enabled or not own:
            return parse_args(self, args, *more, **named)
        _running.reading = current = Reading(module, self, ledger.given())
        try:
            result = parse_args(self, args, *more, **named)
        finally:
            _running.reading = None
        current.note(result)
        return result

    @wraps(common)
    def parse_common(self: Any, cfg: Any, *more: Any, **named: Any) -> Any:
        current: Reading | None = getattr(_running, "reading", None)
        if current is not None and current.parser is self:
            cfg = current.overridden(cfg)
        return common(self, cfg, *more, **named)

    parser.parse_args, parser._parse_common = parse, parse_common


class Reading:
    """How one command line is read by ``parser``."""

    def __init__(self, module: Any, parser: Any, given: Given | None) -> None:
        self.parser = parser
        self._namespace, self._merge = module.Namespace, module.merge_config
        self._find = getattr(module, "find_action", None) or module._find_action
        self._given = given
        self._by_hand = ledger.by_hand(given)

    def overridden(self, cfg: Any) -> Any:
        """``cfg`` with what is set by hand in its place, typed as its arguments say."""
        for key, value in self._by_hand.items():
            if not self._known(key, cfg):
                continue
            try:
                one = self._namespace()
                one[key] = value
                made = self.parser._apply_actions(one, prev_cfg=cfg)
                cfg = self._merge(self.parser, made, cfg)
            except (TypeError, ValueError, KeyError) as error:
                self.parser.error(f"parameter {SECTION}{key}: {value!r} cannot be taken: {error}")
        ledger.refuse_unknown(self._given, self._names(cfg), self.parser.error)
        return cfg

    def note(self, cfg: Any) -> None:
        """Note what the command line came to."""
        values: dict[str, JSONValue] = {}
        for key, value in cfg.items():
            kept = plain(value)
            if self._is_own(key) and ledger.counts(SECTION + key) and not isinstance(kept, Absent):
                values[SECTION + key] = kept
        used = [SECTION + key for key in self._by_hand if self._known(key, cfg)]
        ledger.note_all(values, used, self._given)

    def _known(self, key: str, cfg: Any) -> bool:
        return SECTION + key in self._names(cfg) or self._find(self.parser, key) is not None

    def _names(self, cfg: Any) -> set[str]:
        return {SECTION + key for key, _ in cfg.items() if self._is_own(key)}

    def _is_own(self, key: str) -> bool:
        """Whether it is the script's own, not jsonargparse's note on where its configuration is from."""
        if any(part.startswith("__") for part in key.split(".")):
            return False
        return not type(self._find(self.parser, key)).__name__.endswith("ActionConfigFile")
