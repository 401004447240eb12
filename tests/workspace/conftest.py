"""Real repositories, and a store of blobs that is a dictionary."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from faults.small_disk import small_disk as mounted_disk

from agent.workspace import GitConfig, rebuild
from elsewhere.contract.spec import Blob, Source


@dataclass
class Origin:
    """A real repository with a work tree."""

    folder: Path

    def git(self, *arguments: str) -> str:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
        }
        command = ["git", "-c", "user.name=n", "-c", "user.email=n@example.org", *arguments]
        return subprocess.check_output(command, cwd=self.folder, env=environment, text=True).strip()

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def commit(self, message: str = "change") -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def diff(self) -> bytes:
        command = ["git", "diff", "HEAD", "--binary", "--no-ext-diff", "--no-color"]
        return subprocess.check_output(command, cwd=self.folder)

    @property
    def url(self) -> str:
        return f"file://{self.folder}"


@dataclass
class Desk:
    """Where blobs come from, what was noted, and where things are rebuilt."""

    root: Path
    blobs: dict[str, bytes] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def repositories(self) -> Path:
        return self.root / "repositories"

    @property
    def folder(self) -> Path:
        return self.root / "workspaces" / "task-1"

    def keep(self, data: bytes) -> Blob:
        blob = Blob(hashlib.sha256(data).hexdigest(), len(data))
        self.blobs[blob.sha256] = data
        return blob

    def rebuild(self, source: Source, folder: Path | None = None, config: GitConfig | None = None) -> Path:
        target = folder or self.folder
        rebuild(
            source,
            target,
            repositories=self.repositories,
            fetch=lambda blob: self.blobs[blob.sha256],
            note=self.notes.append,
            config=config,
        )
        return target


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    folder = tmp_path / "origin"
    folder.mkdir()
    origin = Origin(folder)
    origin.git("init", "-q", "-b", "main")
    origin.write("train.py", "".join(f"line {number}\n" for number in range(1, 21)))
    origin.write("pkg/mod.py", "x = 1\n")
    origin.commit("first")
    return origin


@pytest.fixture
def origin_at() -> type[Origin]:
    """Makes the handle of a repository elsewhere."""
    return Origin


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own with room for two MiB."""
    with mounted_disk(tmp_path / "small", 2) as folder:
        yield folder


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "agent")


@pytest.fixture
def tar_of() -> Callable[..., bytes]:
    def build(*members: tuple[tarfile.TarInfo, bytes] | tuple[str, bytes]) -> bytes:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for member, content in members:
                info = member if isinstance(member, tarfile.TarInfo) else tarfile.TarInfo(member)
                if info.type in (tarfile.REGTYPE, tarfile.AREGTYPE):
                    info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
        return buffer.getvalue()

    return build
