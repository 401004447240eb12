"""The reference page of the SDK, made of the docstrings of ``Task``.

``python -m elsewhere._reference > docs/sdk.md`` writes it; a test holds it to the package.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from enum import Enum
from typing import Any

from elsewhere.face.face import Face
from elsewhere.task import Task

HEAD = """\
# The SDK

Made by `python -m elsewhere._reference > docs/sdk.md`: change the docstrings, not this page.

    from elsewhere import Task

A task is one experiment: the run of this script (`Task.init`), one that was looked up (`Task.get_task`)
or made (`Task.create`), or, in an attempt, the one that the agent runs. All of them have all of what
follows. What makes no sense where it is called raises `UsageError`. Every error of Elsewhere is an
`elsewhere.contract.errors.ElsewhereError`: what happened is its `what`, what to do its `next_step`.
"""

WIDEST = 100
"""Columns of a signature on one line."""

_SECTION = re.compile(r"(Args|Arguments|Raises|Returns|Yields|Example|Examples|Note):")
_ITEM = re.compile(r"(\S[^:]*):(?: +(.*))?")


def reference() -> str:
    """The whole page as Markdown."""
    return HEAD + "".join(f"{_part(face)}\n" for face in _faces())


def public_names() -> list[str]:
    """All that a script can do with a task, in the order of the page."""
    return [name for face in _faces() for name, _ in _members(face)]


def _faces() -> list[type[Any]]:
    return [kind for kind in Task.__mro__ if issubclass(kind, Face) and kind not in (Task, Face)]


def _members(face: type[Any]) -> Iterator[tuple[str, Any]]:
    """What the face adds to a task, in the order in which it is written."""
    for name, value in vars(face).items():
        if not name.startswith("_") and inspect.getattr_static(Task, name) is value:
            yield name, value


def _part(face: type[Any]) -> str:
    members = [_entry(name, value) for name, value in _members(face)]
    title = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", face.__name__).capitalize()
    return "\n".join([f"\n## {title}\n", _text(face.__doc__), *members]) if members else ""


def _entry(name: str, value: Any) -> str:
    if isinstance(value, property):
        returned = _annotation(inspect.signature(value.fget).return_annotation) if value.fget else ""
        lines = [
            f"\n### `task.{name}`\n",
            f"`{returned}`{'' if value.fset is None else ', which can be set'}\n",
        ]
    elif isinstance(value, (classmethod, staticmethod)):
        lines = [
            f"\n### `Task.{name}`\n",
            _code(f"Task.{name}", value.__func__, isinstance(value, classmethod)),
        ]
    elif inspect.isfunction(value):
        lines = [f"\n### `task.{name}`\n", _code(f"task.{name}", value, bound=True)]
    else:
        return f"\n### `Task.{name}`\n"
    return "\n".join([*lines, _text(value.__doc__)])


def _code(name: str, function: Any, bound: bool) -> str:
    signature = inspect.signature(function)
    arguments = list(_arguments([*signature.parameters.values()][bound:]))
    returned = _annotation(signature.return_annotation)
    line = f"{name}({', '.join(arguments)}) -> {returned}"
    if len(line) > WIDEST:
        inner = "".join(f"    {argument},\n" for argument in arguments)
        line = f"{name}(\n{inner}) -> {returned}"
    return f"```python\n{line}\n```\n"


def _arguments(parameters: list[inspect.Parameter]) -> Iterator[str]:
    starred = False
    for number, parameter in enumerate(parameters):
        kind = parameter.kind
        if kind is parameter.KEYWORD_ONLY and not starred:
            starred = True
            yield "*"
        stars = "*" * ((kind is parameter.VAR_POSITIONAL) + 2 * (kind is parameter.VAR_KEYWORD))
        starred = starred or stars == "*"
        shown = f"{stars}{parameter.name}"
        if parameter.annotation is not parameter.empty:
            shown += f": {_annotation(parameter.annotation)}"
        if parameter.default is not parameter.empty:
            shown += f" = {_default(parameter.default)}"
        yield shown
        following = parameters[number + 1].kind if number + 1 < len(parameters) else None
        if kind is parameter.POSITIONAL_ONLY and following is not parameter.POSITIONAL_ONLY:
            yield "/"


def _annotation(annotation: Any) -> str:
    # Text, as it stands in the file: faces put off the evaluation of annotations.
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


def _default(value: object) -> str:
    """A default, in words that are the same with every Python."""
    if isinstance(value, Enum):
        return f"{type(value).__name__}.{value.name}"
    shown = repr(value)
    return "…" if " at 0x" in shown else shown


def _text(docstring: str | None) -> str:
    """A docstring as Markdown: its sections become lists."""
    lines = inspect.cleandoc(docstring or "").replace("``", "`").splitlines()
    shown: list[str] = []
    section = ""
    for line in lines:
        heading = _SECTION.fullmatch(line)
        if heading is not None:
            section = heading[1]
            shown += [f"{section}:", ""]
        elif section and line.startswith("    "):
            shown.append(
                _item(line[4:], listed=section not in ("Returns", "Yields", "Example", "Examples", "Note"))
            )
        else:
            section = section if not line else ""
            shown.append(line)
    return "\n".join(shown)


def _item(line: str, *, listed: bool) -> str:
    found = _ITEM.fullmatch(line) if listed and not line.startswith(" ") else None
    if found is None:
        return f"  {line.strip()}" if listed else line
    names = ", ".join(f"`{name.strip()}`" for name in found[1].split(","))
    return f"- {names}: {found[2] or ''}".rstrip()


if __name__ == "__main__":
    sys.stdout.write(reference())
