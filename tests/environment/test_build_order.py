"""Packages whose build needs the others are built when those are there."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from elsewhere.contract.errors import BuildError
from elsewhere.contract.spec import LocalPackage, Packages

if TYPE_CHECKING:
    from .conftest import Box

Versions = Callable[..., list[str]]

SETUP = """
import setuptools, toyone
setuptools.setup(name="toykernel", version="1.0", py_modules=["toykernel"], install_requires=["toytwo"])
"""
MODULE = "import toyone\nVERSION = '1.0'\n"


@pytest.fixture
def kernel(box: Box) -> Box:
    """A source release whose setup.py imports another package."""
    box.add_setuptools()
    source = box.root / "toykernel-1.0"
    box.write("setup.py", SETUP, source)
    box.write("toykernel.py", MODULE, source)
    box.write("PKG-INFO", "Metadata-Version: 1.0\nName: toykernel\nVersion: 1.0\n", source)
    with tarfile.open(box.wheels / "toykernel-1.0.tar.gz", "w:gz") as archive:
        archive.add(source, "toykernel-1.0")
    return box


def test_a_package_that_needs_another_to_be_built_is_built_in_a_second_pass(
    kernel: Box, versions_in: Versions
) -> None:
    wanted = ("toyone==1.0", "toykernel==1.0")
    with pytest.raises(BuildError, match="No module named 'toyone'"):
        kernel.prepare(*wanted)
    packages = Packages(requirements=wanted, no_build_isolation=("ToyKernel",))
    environment = kernel.rebuild(packages=packages)
    assert versions_in(environment, "toykernel", "toyone", "toytwo") == ["1.0", "1.0", "1.0"]
    assert any("second pass" in note for note in kernel.notes)
    assert kernel.rebuild(packages=packages).reused


def test_the_agents_owner_can_say_so_for_all_tasks(kernel: Box, versions_in: Versions) -> None:
    packages = Packages(requirements=("toyone==1.0", "toykernel==1.0"))
    environment = kernel.rebuild(packages=packages, no_build_isolation=("toykernel",))
    assert versions_in(environment, "toykernel") == ["1.0"]


def test_a_package_of_the_tree_may_need_another_to_be_built(kernel: Box) -> None:
    tree: Path = kernel.root / "workspaces" / "own"
    kernel.write("kernel/setup.py", SETUP, tree)
    kernel.write("kernel/pyproject.toml", '[project]\nname = "toykernel"\nversion = "1.0"\n', tree)
    kernel.write("kernel/toykernel.py", MODULE, tree)
    local = (LocalPackage("kernel"),)
    packages = Packages(
        requirements=("toyone==1.0", "setuptools"), local=local, no_build_isolation=("toykernel",)
    )
    assert "toykernel==1.0" in kernel.rebuild(tree, packages).built().packages


@pytest.mark.parametrize("where", ["setup.py", "setup.cfg"])
def test_a_tree_without_a_project_file_may_need_another_to_be_built(kernel: Box, where: str) -> None:
    tree: Path = kernel.root / "workspaces" / "own"
    kernel.write("toykernel.py", MODULE, tree)
    kernel.write("setup.py", SETUP if where == "setup.py" else SETUP.replace('name="toykernel", ', ""), tree)
    if where == "setup.cfg":
        kernel.write("setup.cfg", "[metadata]\nname = toykernel\n", tree)
    # What it needs to run was recorded at the desk; what it is built with was not.
    packages = Packages(requirements=("toyone==1.0", "toytwo==1.0"), local=(LocalPackage("."),))
    with pytest.raises(BuildError, match="No module named 'toyone'"):
        kernel.rebuild(tree, packages)
    environment = kernel.rebuild(tree, packages, no_build_isolation=("ToyKernel",))
    assert {"toykernel==1.0", "toytwo==1.0"} <= set(environment.built().packages)
