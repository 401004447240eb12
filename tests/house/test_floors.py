"""The floors of the house: an import never goes up. docs/architecture.md draws them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import grimp
import pytest


def lint_imports(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("lint-imports")
    return subprocess.run([program, "--no-cache", *arguments], cwd=folder, capture_output=True, text=True)


def test_no_import_goes_up(root: Path) -> None:
    report = lint_imports(folder=root)
    assert report.returncode == 0, report.stdout + report.stderr


@pytest.mark.parametrize(
    ("room", "importer", "imported"),
    [
        ("executors", "executors/planted.py", "elsewhere.store.redis"),
        ("executors", "executors/planted.py", "elsewhere.settings"),
        ("executors", "executors/planted.py", "elsewhere"),
        ("executors", "executors/planted.py", "queueing.put"),
        ("queueing", "queueing/planted.py", "elsewhere.settings"),
        ("queueing", "queueing/planted.py", "executors.contract"),
        ("contract", "elsewhere/contract/planted.py", "elsewhere.settings"),
        ("store", "elsewhere/store/planted.py", "elsewhere.settings"),
        ("face", "elsewhere/planted.py", "queueing.put"),
        ("face", "elsewhere/planted.py", "agent"),
        ("taking side", "queueing/planted.py", "agent"),
    ],
)
def test_an_import_that_goes_up_is_caught(
    room: str, importer: str, imported: str, root: Path, tmp_path: Path
) -> None:
    """A new module needs no word in the configuration to be held."""
    for package in ("elsewhere", "queueing", "executors", "agent"):
        for path in (root / package).rglob("*.py"):
            copy = tmp_path / path.relative_to(root)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    (tmp_path / "pyproject.toml").write_bytes((root / "pyproject.toml").read_bytes())
    (tmp_path / importer).write_text(f"import {imported}\n")
    report = lint_imports(folder=tmp_path)
    assert report.returncode == 1, report.stdout + report.stderr
    assert "planted" in report.stdout


def test_the_contract_needs_the_standard_library_only() -> None:
    graph = grimp.build_graph("elsewhere", include_external_packages=True, cache_dir=None)
    contract = {"elsewhere.contract", *graph.find_descendants("elsewhere.contract")}
    needed = {name for module in contract for name in graph.find_modules_directly_imported_by(module)}
    foreign = {name for name in needed - contract if name.partition(".")[0] not in sys.stdlib_module_names}
    assert foreign == set()
