"""The shape of the house: what a reader may rely on in every file of it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOMS = ("elsewhere", "queueing", "executors", "agent")
MOST_LINES_OF_A_MODULE = 500
MOST_LINES_OF_A_FUNCTION = 60
NAMES_THAT_SAY_NOTHING = {"manager", "helper", "helpers", "util", "utils", "common", "base", "misc"}

# Put together here, so that this file does not hold what it looks for.
HOSTS = re.compile("|".join((r"py" + r"pi\.org", "python" + "hosted", "npm" + r"js\.", "deb" + r"\.debian")))
MACHINE_PATHS = re.compile(r"(?<![\w.$}~/-])/(?:root|work|Users|opt/wheels|home/(?!user\b|me\b|you\b)\w+)/")


def run_checker(root: Path, name: str, *arguments: str) -> None:
    report = subprocess.run(
        [Path(sys.executable).with_name(name), *arguments], cwd=root, capture_output=True, text=True
    )
    assert report.returncode == 0, report.stdout + report.stderr


def test_ruff_has_nothing_to_say(root: Path) -> None:
    run_checker(root, "ruff", "check", "--quiet", ".")


def test_every_file_is_formatted(root: Path) -> None:
    run_checker(root, "ruff", "format", "--quiet", "--check", ".")


def test_mypy_is_content(root: Path) -> None:
    run_checker(root, "mypy")


def test_pyright_is_content(root: Path) -> None:
    run_checker(root, "pyright", "--pythonpath", sys.executable)


@pytest.fixture(scope="session")
def modules(tracked: list[Path]) -> list[Path]:
    return [path for path in tracked if path.suffix == ".py"]


def test_no_module_is_longer_than_a_reader_can_hold(modules: list[Path], root: Path) -> None:
    lengths = {path.relative_to(root): len(path.read_text().splitlines()) for path in modules}
    assert {path: lines for path, lines in lengths.items() if lines > MOST_LINES_OF_A_MODULE} == {}


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node


def last_line_said(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The line before the first that does something."""
    first = function.body[0]
    if ast.get_docstring(function, clean=False) is None:
        return first.lineno - 1
    return first.end_lineno or first.lineno


def test_no_function_is_longer_than_a_page(modules: list[Path], root: Path) -> None:
    too_long = [
        f"{path.relative_to(root)}:{function.lineno} {function.name}"
        for path in modules
        if path.relative_to(root).parts[0] in ROOMS
        for function in functions(path)
        # From what follows its docstring on: options of a command, or arguments and what is said of
        # them, may fill a page, and read as a table.
        if (function.end_lineno or 0) - last_line_said(function) > MOST_LINES_OF_A_FUNCTION
    ]
    assert too_long == []


def test_every_file_is_named_after_what_it_holds(tracked: list[Path], root: Path) -> None:
    nameless = [
        str(path.relative_to(root))
        for path in tracked
        if NAMES_THAT_SAY_NOTHING & set(re.split(r"[_.\-/]", str(path.relative_to(root)).lower()))
    ]
    assert nameless == []


def test_no_file_knows_a_registry_or_a_machine(tracked: list[Path], root: Path) -> None:
    told = []
    for path in tracked:
        try:
            lines = path.read_text().splitlines()
        except UnicodeDecodeError:  # a binary file
            continue
        told += [
            f"{path.relative_to(root)}:{number}: {line.strip()[:100]}"
            for number, line in enumerate(lines, 1)
            if HOSTS.search(line) or MACHINE_PATHS.search(line)
        ]
    assert told == []
