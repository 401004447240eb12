"""The matrix itself: every fault has its test, every test its row, and each was seen failing."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

FAULTS = range(1, 26)
HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "faults.md"


def _fault_tests() -> Iterator[tuple[int, str, ast.FunctionDef]]:
    """Fault number, file and function of every test that is marked for one."""
    for path in sorted(HERE.glob("test_fault_*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                for number in _marks(node):
                    yield number, path.name, node


def _marks(function: ast.FunctionDef) -> list[int]:
    calls = [node for node in function.decorator_list if isinstance(node, ast.Call)]
    marks = [call for call in calls if ast.unparse(call.func) == "pytest.mark.fault"]
    return [argument.value for call in marks for argument in call.args if isinstance(argument, ast.Constant)]


def test_every_fault_has_a_test() -> None:
    assert {number for number, *_ in _fault_tests()} == set(FAULTS)


def test_a_fault_is_tested_in_the_file_that_bears_its_number() -> None:
    stray = [name for number, name, _ in _fault_tests() if not name.startswith(f"test_fault_{number:02d}_")]
    assert stray == []


def test_every_fault_test_says_how_it_was_seen_failing() -> None:
    silent = [f"{name}::{test.name}" for _, name, test in _fault_tests() if not _seen_failing(test)]
    assert silent == []


def _seen_failing(test: ast.FunctionDef) -> bool:
    return "Seen failing" in (ast.get_docstring(test) or "")


def test_the_page_has_a_figure_for_every_fault() -> None:
    rows = {int(number) for number in re.findall(r"^\| (\d+) \|", PAGE.read_text(), re.M)}
    assert rows == set(FAULTS)


def test_the_page_names_no_test_that_is_gone() -> None:
    tests = {(name, test.name) for _, name, test in _fault_tests()}
    named = set(re.findall(r"`(test_fault_\w+\.py)`<br>`(test_\w+)`", PAGE.read_text()))
    assert named <= tests
    assert named
