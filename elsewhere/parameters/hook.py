"""The way into `argparse`: patched when the script imports it, and not before.

This module runs before every script of an attempt, so it imports nothing but ``sys``.
What the patch does stands in :mod:`elsewhere.parameters.argparse`, imported at the first parse.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

STRICT = {
    "parse_args": True,
    "parse_intermixed_args": True,
    "parse_known_args": False,
    "parse_known_intermixed_args": False,
}
"""The doors of a parser, and whether each refuses what the parser does not know."""

enabled = True
"""False leaves every parser alone: nothing is recorded, nothing overridden."""


def install() -> None:
    """Patch ``argparse`` now if it is imported already, else when it is. Safe to repeat."""
    module = sys.modules.get("argparse")
    if module is not None and hasattr(module, "ArgumentParser"):
        patch(module)
    elif not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


def patch(module: ModuleType) -> None:
    """Wrap the doors of ``module.ArgumentParser``. Safe to repeat."""
    parser = module.ArgumentParser
    if hasattr(parser.parse_args, "__wrapped__"):
        return
    for name, strict in STRICT.items():
        setattr(parser, name, _door(getattr(parser, name), strict))
    parser._get_value = _listener(parser._get_value)


def _door(original: Callable[..., Any], strict: bool) -> Callable[..., Any]:
    def parse(self: Any, args: Any = None, namespace: Any = None) -> Any:
        if not enabled:
            return original(self, args, namespace)
        from elsewhere.parameters import argparse

        return argparse.parse(original, self, args, namespace, strict=strict)

    return _as(original, parse)


def _listener(original: Callable[..., Any]) -> Callable[..., Any]:
    def get_value(self: Any, action: Any, arg_string: Any) -> Any:
        value = original(self, action, arg_string)
        if enabled:
            from elsewhere.parameters import argparse

            argparse.heard(action, arg_string, value)
        return value

    return _as(original, get_value)


def _as(original: Callable[..., Any], wrapper: Callable[..., Any]) -> Callable[..., Any]:
    from functools import wraps  # argparse needs it as well; before that it would be a cost of ours

    return wraps(original)(wrapper)


class _Finder:
    """Finds ``argparse`` by the other finders, and has it patched once it has run."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != "argparse":
            return None
        for finder in list(sys.meta_path):
            if isinstance(finder, _Finder) or not hasattr(finder, "find_spec"):
                continue
            spec: ModuleSpec | None = finder.find_spec(name, path, target)
            if spec is not None:
                self._patch_after(spec)
                return spec
        return None

    def _patch_after(self, spec: ModuleSpec) -> None:
        loader = spec.loader
        # An override on this one loader leaves `argparse.__loader__` what it always is.
        if loader is None or isinstance(loader, type):
            return
        attributes = vars(loader)
        original = loader.exec_module

        def execute(module: ModuleType) -> None:
            original(module)
            if module.__name__ != "argparse":
                return  # a zip file's loader serves many modules
            attributes.pop("exec_module", None)
            patch(module)
            if self in sys.meta_path:
                sys.meta_path.remove(self)

        attributes["exec_module"] = execute
