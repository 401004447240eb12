"""The files of a folder as the commands of a group: a new file is a new command."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import typer
from typer.core import TyperGroup

from agent.cli._failure import report


class CommandFiles(Mapping[str, Any]):
    """Commands by name, each imported when it is asked for.

    Args:
        package: dotted name of the folder's package.
    """

    def __init__(self, package: str) -> None:
        self._package = package
        folder = importlib.import_module(package)
        # A file cannot be named after a keyword of Python, and has an underscore behind it then.
        self._files = {
            found.name.rstrip("_"): found
            for found in pkgutil.iter_modules(folder.__path__)
            if not found.name.startswith("_")
        }

    def __getitem__(self, name: str) -> Any:
        file = self._files[name]
        module = importlib.import_module(f"{self._package}.{file.name}")
        if file.ispkg:
            return TyperGroup(
                name=name,
                commands=CommandFiles(module.__name__),  # type: ignore[arg-type]
                help=(module.__doc__ or "").strip(),
                rich_markup_mode=None,
                no_args_is_help=False,
                context_settings={"help_option_names": ["-h", "--help"]},
            )
        return _typer_command(name, module.command, getattr(module, "CONTEXT", {}))

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._files))

    def __len__(self) -> int:
        return len(self._files)


def _typer_command(name: str, function: Callable[..., None], context: Mapping[str, Any]) -> Any:
    single = typer.Typer(add_completion=False, rich_markup_mode=None)
    settings = {"help_option_names": ["-h", "--help"], **context}
    single.command(name, context_settings=settings)(_reporting(function))
    return typer.main.get_command(single)


def _reporting(function: Callable[..., None]) -> Callable[..., None]:
    """``function``, with every way to fail turned into a message and an exit code.

    Here and not only in ``main``, since typer has its own idea of Ctrl-C and broken pipes.
    """

    @functools.wraps(function)
    def reported(*arguments: Any, **options: Any) -> None:
        try:
            function(*arguments, **options)
        except (Exception, KeyboardInterrupt) as error:
            if isinstance(error, typer.Exit):
                raise
            raise typer.Exit(report(error, as_json=bool(options.get("as_json")))) from None

    return reported
