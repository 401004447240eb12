"""A package index that is a folder of tiny wheels, and the environments built of it."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from faults.small_disk import small_disk as mounted_disk

from agent.environment import Environment, Environments
from agent.environment.config import PackagesConfig
from agent.environment.index import INDEX_VARIABLES
from elsewhere.contract.spec import Packages


def make_wheel(folder: Path, name: str, version: str, *, needs: str = "", payload: bytes = b"") -> Path:
    """Write a real wheel of one module that knows its version."""
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    files = {
        f"{name}.py": f"VERSION = {version!r}\n".encode() + payload,
        f"{info}/METADATA": (metadata + (f"Requires-Dist: {needs}\n" if needs else "")).encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    for path, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        record += f"{path},sha256={digest},{len(data)}\n"
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    wheel = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, data in files.items():
            archive.writestr(path, data)
    return wheel


@dataclass
class Box:
    """A machine with an index of its own."""

    root: Path
    wheels: Path
    notes: list[str] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        return self.root / "environments"

    def environments(self, folder: Path | None = None, **settings: Any) -> Environments:
        return Environments(
            folder or self.folder,
            PackagesConfig(index_patience=0, **settings),
            searched_pythons=(),
            cache_dir=self.root / "uv-cache",
        )

    @property
    def tree(self) -> Path:
        """A workspace; made at its first use."""
        folder = self.root / "workspaces" / "one"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def write(self, path: str, text: str, tree: Path | None = None) -> Path:
        """A file of the workspace."""
        file = (tree or self.tree) / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def add_setuptools(self) -> None:
        """The build backend that virtualenv carries along, on the index."""
        from virtualenv.seed.wheels import embed

        found = sorted(Path(embed.__file__).parent.glob("setuptools-*.whl"))[0]
        shutil.copy(found, self.wheels)

    def project(self, name: str, needs: str = "", more: str = "") -> str:
        """A project file of a package in ``src``, for the build backend that uv has in itself."""
        return (
            f'[project]\nname = "{name}"\nversion = "1.0"\ndependencies = [{needs}]\n'
            f'[build-system]\nrequires = ["uv_build>=0.5"]\nbuild-backend = "uv_build"\n{more}'
        )

    def rebuild(
        self, tree: Path | None = None, packages: Packages | None = None, **settings: Any
    ) -> Environment:
        """What an attempt in that workspace runs in."""
        environments = self.environments(**settings)
        return environments.prepare(packages or Packages(), tree or self.tree, note=self.notes.append)

    def prepare(self, *requirements: str, freeze: tuple[str, ...] = ()) -> Environment:
        packages = Packages(requirements=requirements, freeze=freeze)
        return self.environments().prepare(packages, note=self.notes.append)


def versions(environment: Environment, *names: str) -> list[str]:
    """What the environment's interpreter says when it imports the modules."""
    code = "; ".join(f"import {name}; print({name}.VERSION)" for name in names)
    return subprocess.check_output([environment.python, "-c", code], text=True).split()


@pytest.fixture
def versions_in() -> Callable[..., list[str]]:
    return versions


@pytest.fixture
def wheel() -> Callable[..., Path]:
    return make_wheel


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Box:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    # The machine's own settings; what it has besides would answer as well.
    for name in INDEX_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for tool in ("UV", "PIP"):
        monkeypatch.setenv(f"{tool}_NO_INDEX", "1")
        monkeypatch.setenv(f"{tool}_FIND_LINKS", str(wheels))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "box" / "uv-cache"))
    make_wheel(wheels, "toyone", "1.0")
    make_wheel(wheels, "toyone", "2.0")
    make_wheel(wheels, "toytwo", "1.0", needs="toyone")
    return Box(tmp_path / "box", wheels)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own with room for two MiB."""
    with mounted_disk(tmp_path / "small", 2) as folder:
        yield folder
