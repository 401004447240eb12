"""The way into the parsers of a command line: each is patched when the script imports it, not before.

This module runs before every script of an attempt, so it imports nothing but ``sys``. What is
done to a library stands in the file of ours that ``DOORS`` names, imported with that library.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

DOORS = {
    "argparse": "argparse",
    "click.core": "click",
    "typer._click.core": "click",  # since 0.26 typer brings a click of its own
    "fire.core": "fire",
    "fire.parser": "fire",
    "hydra.main": "hydra",
    "hydra._internal.hydra": "hydra",
    "absl.flags._flagvalues": "absl",
    "jsonargparse._core": "jsonargparse",
    "jsonargparse.core": "jsonargparse",  # before 4.22
    "tyro._backends._tyro_backend": "tyro",
    "tyro._backends._argparse_backend": "tyro",
    "pydantic_settings.sources.providers.cli": "pydantic_settings",
    "pydantic_settings.main": "pydantic_settings",
}
"""Which module of a library is patched by which file of this folder: by its ``patch(module)``.

A new parser is one file here, and one line for each module that it has to reach into.
"""

enabled = True
"""False leaves every parser alone: nothing is recorded, nothing overridden."""

_entered: set[str] = set()


def install() -> None:
    """Patch what is imported already, and the rest when it is. Safe to repeat."""
    for name in DOORS:
        module = sys.modules.get(name)
        if module is not None and not getattr(module.__spec__, "_initializing", False):
            enter(module)
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


def starts(programs: list[str]) -> None:
    """Let interpreters that this one starts with one of these words parse the task's command line, too.

    ``startup/sitecustomize.py`` goes by it.
    """
    os.environ["ELSEWHERE_LAUNCHER"] = "\n".join([str(os.getpid()), *programs])


def enter(module: ModuleType) -> None:
    """Have ``module`` patched by the file that is for it. Safe to repeat.

    A version of the library that is not built as the ones we know stays as it is: the script
    runs, and its overrides are reported as unused.
    """
    name = module.__name__
    if name in _entered:
        return
    _entered.add(name)
    try:
        from importlib import import_module

        import_module(f"elsewhere.parameters.{DOORS[name]}").patch(module)
    except Exception:  # noqa: BLE001 - what fails of ours must not fail the user's import
        if os.environ.get("ELSEWHERE_DEBUG") == "1":
            import traceback

            traceback.print_exc()


class _Finder:
    """Finds the modules of ``DOORS`` by the other finders, and has them patched once they have run."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in DOORS or name in _entered:
            return None
        for finder in list(sys.meta_path):
            if isinstance(finder, _Finder) or not hasattr(finder, "find_spec"):
                continue
            spec: ModuleSpec | None = finder.find_spec(name, path, target)
            if spec is not None:
                _patch_after(spec)
                return spec
        return None


def _patch_after(spec: ModuleSpec) -> None:
    loader = spec.loader
    # An override on this one loader leaves the module's `__loader__` what it always is.
    if loader is None or isinstance(loader, type):
        return
    attributes = vars(loader)
    original = loader.exec_module

    def execute(module: ModuleType) -> None:
        original(module)
        if module.__name__ != spec.name:
            return  # a zip file's loader serves many modules
        attributes.pop("exec_module", None)
        enter(module)

    attributes["exec_module"] = execute
