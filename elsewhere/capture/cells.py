"""Cells of a notebook or lines of a prompt, as one script that does what they did.

``docs/decisions/notebook.md`` says which cells that are, and why.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from elsewhere.capture.awaited import LOOP, as_function, awaits
from elsewhere.capture.magics import first_word, lines_of, without_magics
from elsewhere.capture.path import printable
from elsewhere.capture.snapshot import note_on
from elsewhere.contract.errors import CaptureError

DISPLAY = '''\
def display(*objects, **_):
    """A notebook shows these; a log has their text."""
    print(*objects, sep="\\n")
'''


class Cell(NamedTuple):
    """One cell, or one input at a prompt, as it was typed."""

    text: str
    label: str
    """What people know it by, such as ``[3]``."""


class Written(NamedTuple):
    """The script."""

    text: bytes
    notes: tuple[str, ...]
    """What the person should know of it."""


def write_script(cells: Iterable[Cell], title: str, *, tolerant: bool) -> Written:
    """One script of all ``cells``, in their order.

    Args:
        cells: Python, with what IPython adds to it.
        title: what they are, for the first line: ``cells of train.ipynb``.
        tolerant: whether a cell that is no Python is left out, with a note. It failed where it ran.

    Raises:
        CaptureError: a cell is no Python, and that is not tolerated.
    """
    script = _Script()
    for cell in cells:
        plain = without_magics(cell.text)
        script.magics += [f"{cell.label} {first_word(magic)}" for magic in plain.left_out]
        try:
            text = script.add(plain.text)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            if not tolerant:
                raise _no_python(cell, error, title) from error
            script.unread.append(cell.label)
            continue
        if text.strip():
            script.body.append(f"# {cell.label}\n{text.rstrip()}\n")
    return Written(script.source(title).encode("utf-8", "surrogatepass"), tuple(script.notes()))


@dataclass
class _Script:
    body: list[str] = field(default_factory=list)
    futures: set[str] = field(default_factory=set)
    waits: int = 0
    """How many statements were made functions because they wait."""
    shows: bool = False
    binds_display: bool = False
    magics: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)

    def add(self, text: str) -> str:
        """One cell as a part of the script, with as many of its lines as can stay as they are."""
        tree = ast.parse(text)
        lines = lines_of(text)
        written: list[str] = []
        at = 0
        for group in _groups(tree.body):
            start, end = _first_line(group[0]) - 1, group[-1].end_lineno or len(lines)
            changed = [self._changed(statement) for statement in group]
            if all(new is None for new in changed):
                continue
            written += lines[at:start]
            for statement, new in zip(group, changed, strict=True):
                written.append((ast.unparse(statement) if new is None else new) + "\n")
            at = end
        self._look_for_display(tree)
        return "".join([*written, *lines[at:]])

    def source(self, title: str) -> str:
        head = [f"# {printable(title)}: written by Elsewhere from what ran.\n"]
        head += [f"from __future__ import {name}\n" for name in sorted(self.futures)]
        if self.shows and not self.binds_display:
            head.append(DISPLAY)
        if self.waits:
            head.append(LOOP)
        return "\n".join(["".join(head), *self.body])

    def notes(self) -> list[str]:
        return [
            *note_on("Magics and commands of cells are left out: {}", self.magics),
            *note_on("Cells that are no Python are left out: {}", self.unread),
        ]

    def _changed(self, statement: ast.stmt) -> str | None:
        if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
            self.futures.update(alias.name for alias in statement.names)
            return ""
        if not awaits(statement):
            return None
        self.waits += 1
        return as_function(statement, f"_awaited_{self.waits}")

    def _look_for_display(self, tree: ast.Module) -> None:
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and node.id == "display":
                self.shows |= isinstance(node.ctx, ast.Load)
                self.binds_display |= not isinstance(node.ctx, ast.Load)
            elif isinstance(node, ast.alias):
                self.binds_display |= (node.asname or node.name) == "display"
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                self.binds_display |= node.name == "display"


def _groups(statements: Iterable[ast.stmt]) -> Iterator[list[ast.stmt]]:
    """Statements in order, those together that share a line."""
    group: list[ast.stmt] = []
    for statement in statements:
        if group and _first_line(statement) > (group[-1].end_lineno or 0):
            yield group
            group = []
        group.append(statement)
    if group:
        yield group


def _first_line(statement: ast.stmt) -> int:
    decorators = getattr(statement, "decorator_list", None)
    return decorators[0].lineno if decorators else statement.lineno


def _no_python(cell: Cell, error: Exception, title: str) -> CaptureError:
    reason = f"{error.msg}, line {error.lineno}" if isinstance(error, SyntaxError) else str(error)
    return CaptureError(
        f"cell {cell.label} of {title} cannot be read as Python: {reason}",
        "Mend or delete the cell, or make it a raw one.",
    )
