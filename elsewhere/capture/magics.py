"""What IPython adds to Python in a cell: ``%magics``, ``!commands`` and ``help?``."""

from __future__ import annotations

import ast
import io
import re
import textwrap
import tokenize
from collections.abc import Sequence
from typing import NamedTuple

_KEPT_BODIES = frozenset({"capture", "prun", "time"})
"""Magics around code that runs as it would without them."""

_MAGIC = re.compile(r"\s*(?P<mark>%%?)(?P<name>\w+)(?P<rest>.*)", re.DOTALL)
_HELP = re.compile(r"\s*(?:\?.*|%{0,2}[\w.*]+\?\??;?\s*)")
_NAME = r"[^\W\d][\w.]*(?:\[[^\]=]*\])?"
_ASSIGNED = re.compile(rf"\s*{_NAME}(?:\s*,\s*{_NAME})*\s*=\s*(?:!|%\w)")
_OPEN = ("EOF in multi-line", "unterminated triple-quoted")


class Plain(NamedTuple):
    """A cell as Python alone."""

    text: str
    left_out: tuple[str, ...]
    """The first line of each piece that no Python stands for, and that became a comment."""


def without_magics(cell: str) -> Plain:
    """The cell with as many lines, where what is no Python is a comment; code that a magic times stays.

    A cell that is Python as it stands is not touched; nor is one made right that is wrong in itself.
    """
    if is_python(cell):
        return Plain(cell, ())
    lines = lines_of(textwrap.dedent(cell))
    first = next((at for at, line in enumerate(lines) if line.strip()), 0)
    magic = _MAGIC.match(lines[first]) if lines else None
    if magic and magic["mark"] == "%%":
        if magic["name"] not in _KEPT_BODIES:
            return Plain(_commented(lines), (lines[first].strip(),))
        body = without_magics("".join(lines[first + 1 :]))
        return Plain(_commented(lines[: first + 1]) + body.text, body.left_out)
    return _line_by_line(lines)


def is_python(text: str) -> bool:
    """Whether ``text`` can be read as Python, ``await`` at its top level included."""
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _line_by_line(lines: Sequence[str]) -> Plain:
    written: list[str] = []
    left_out: list[str] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        if not _is_escape(line):
            end = _end_of_statement(lines, at)
            written += lines[at:end]
            at = end
            continue
        end = at + 1
        while lines[end - 1].rstrip("\r\n").endswith("\\") and end < len(lines):
            end += 1
        indent = line[: len(line) - len(line.lstrip())]
        magic = _MAGIC.match(line)
        if magic and magic["name"] in _KEPT_BODIES and _is_code(magic["rest"], lines[at + 1 : end]):
            written += [indent + magic["rest"].lstrip(), *lines[at + 1 : end]]
        else:
            left_out.append(line.strip())
            # A block may hold nothing else.
            written.append(f"{indent}pass  # {first_word(line)}\n")
            written += [f"{indent}#\n"] * (end - at - 1)
        at = end
    return Plain("".join(written), tuple(left_out))


def _is_escape(line: str) -> bool:
    words = line.lstrip()
    # The last three call what follows them by rules of their own; no statement begins so.
    if words.startswith(("%", "!", "?", ",", ";", "/")):
        return True
    return bool(_HELP.fullmatch(line) or _ASSIGNED.match(line))


def _end_of_statement(lines: Sequence[str], start: int) -> int:
    """One past the last line of the statement (or of its first line, with a block) that begins there."""
    for end in range(start + 1, len(lines)):
        if _is_whole("".join(lines[start:end])):
            return end
    return len(lines)


def _is_whole(text: str) -> bool:
    if text.rstrip("\r\n").endswith("\\"):
        return False
    try:
        for _ in tokenize.generate_tokens(io.StringIO(text.lstrip()).readline):
            pass
    except tokenize.TokenError as error:
        return not any(sign in str(error) for sign in _OPEN)
    except SyntaxError:
        return True
    return True


def lines_of(text: str) -> list[str]:
    """The lines of ``text`` as Python counts them, with their ends."""
    return list(io.StringIO(text, newline=""))


def _is_code(rest: str, more: Sequence[str]) -> bool:
    """Whether what stands behind a magic's name is Python alone, and not an option of the magic."""
    return bool(rest.strip()) and is_python(textwrap.dedent("".join([rest.lstrip(), *more])))


def _commented(lines: Sequence[str]) -> str:
    first = f"# {first_word(lines[0])}\n" if lines and lines[0].strip() else "\n"
    return first + "#\n" * (len(lines) - 1)


def first_word(line: str) -> str:
    """What a left-out piece is: what follows its first word, or stands behind a ``=``, may be a password."""
    assigned = _ASSIGNED.match(line)
    if assigned:
        return f"{line[: assigned.end()].strip()}…"
    return line.split()[0].partition("=")[0]
