"""Projects: what a repository holds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from .shape import Shape, shape

if TYPE_CHECKING:
    from tests.capture.conftest import Desk

    from .conftest import Bench


@shape
def monorepo_with_two_packages(bench: Bench) -> Desk:
    desk = bench.started()
    for name in ("core", "models"):
        desk.write(f"packages/{name}/pyproject.toml", f'[project]\nname = "{name}"\nversion = "1"\n')
        desk.write(f"packages/{name}/{name}/__init__.py", "x = 1\n")
    desk.commit()
    desk.write("packages/core/core/new.py", "y = 2\n")
    desk.write("packages/models/models/__init__.py", "from core import x\n")
    return desk


@shape
def src_layout_with_itself_editable(bench: Bench) -> Desk:
    desk = bench.started()
    desk.write("pyproject.toml", '[project]\nname = "thing"\nversion = "1"\n')
    desk.write("requirements.txt", "-e .\n")
    desk.write("src/thing/__init__.py", "")
    desk.write("src/thing.egg-info/PKG-INFO", "ignored\n")
    desk.write(".gitignore", "*.egg-info/\n")
    desk.commit()
    desk.write("src/thing/model.py", "z = 3\n")
    return desk


@shape
def requirement_files_that_include_others(bench: Bench) -> Desk:
    desk = bench.started()
    desk.write("requirements.txt", "-r requirements/base.txt\n-c requirements/constraints.txt\n./vendored\n")
    desk.write("requirements/base.txt", "numpy\n-r extra.txt\n")
    desk.write("requirements/extra.txt", "rich ; python_version > '3.8'\n")
    desk.commit()
    desk.write("requirements/constraints.txt", "numpy<3\n")
    desk.write("vendored/setup.py", "from setuptools import setup; setup(name='v')\n")
    return desk


def _with_lock(name: str, content: str) -> Shape:
    def make(bench: Bench) -> Desk:
        desk = bench.started()
        desk.write("pyproject.toml", '[project]\nname = "thing"\nversion = "1"\n')
        desk.write(name, content)
        desk.commit()
        desk.write(name, content + "# relocked\n")
        return desk

    make.__name__ = f"lock_file_{name}"
    return make


for lock, text in {
    "uv.lock": "version = 1\n",
    "poetry.lock": "[metadata]\nlock-version = '2.1'\n",
    "pixi.lock": "version: 6\n",
    "environment.yml": "dependencies: [python]\n",
    "Pipfile.lock": "{}\n",
    "pylock.toml": "lock-version = '1.0'\n",
}.items():
    shape(_with_lock(lock, text))


@shape
def notebook_in_the_tree(bench: Bench) -> Desk:
    desk = bench.started()
    cell = {"cell_type": "code", "source": ["x = 1\n"], "outputs": [], "metadata": {}, "execution_count": 1}
    book = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    desk.write("explore.ipynb", json.dumps(book, indent=1))
    desk.commit()
    cell["source"] = ["x = 'größe'\n"]
    desk.write("explore.ipynb", json.dumps(book, indent=1, ensure_ascii=False))
    return desk
