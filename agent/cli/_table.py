"""Rows for people: a table on a terminal, plain aligned columns in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from elsewhere.escapes import printable

STATUS_COLOURS = {
    "queued": "cyan",
    "in_progress": "yellow",
    "completed": "green",
    "failed": "red",
    "stopped": "magenta",
}


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], nothing: str) -> None:
    """Print ``rows`` under ``columns``, or the sentence ``nothing`` on stderr when there are none.

    In a pipe nothing is coloured, wrapped or cut, and a row is a line.
    """
    cells = [[" ".join(printable(cell).split()) for cell in row] for row in rows]
    if not cells:
        typer.echo(nothing, err=True)
    elif sys.stdout.isatty():
        _print_rich(columns, cells)
    else:
        _print_plain(columns, cells)


def _print_plain(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    lines = [columns, *([cell or "-" for cell in row] for row in rows)]
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        typer.echo("  ".join(cells).rstrip())


def _print_rich(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, no_wrap=column in ("id", "status"), overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell, STATUS_COLOURS.get(cell.partition(" (")[0], "")) for cell in row))
    Console().print(table)
