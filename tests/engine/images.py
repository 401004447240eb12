"""Images made on this machine, since no registry can be counted on."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from engine.dockerd import NoEngine, cache, locked, require

if TYPE_CHECKING:
    from docker import APIClient

BASE = "elsewhere-tests/base"
"""Debian with Python, its venv, and git."""
TINY = "elsewhere-tests/tiny"
"""A shell and a few commands, no Python."""
SHELLLESS = "elsewhere-tests/shellless"
"""One program and nothing else."""
TAG = "1"
Maker = Callable[["APIClient"], str]
INCLUDED = "python3,python3-venv,ca-certificates,git"
LEFT_OUT = (
    "./var/cache/apt/archives/*.deb",
    "./var/lib/apt/lists/*",
    "./usr/share/doc/*",
    "./usr/share/man/*",
)


def base(client: APIClient) -> str:
    """The name of the base image, which takes a minute to make the first time."""
    return _imported(client, BASE, "base-bookworm.tar", _debian)


def tiny(client: APIClient) -> str:
    """The name of an image without Python."""
    return _imported(
        client, TINY, "tiny.tar", lambda root: _busybox(root, ("sh", "ls", "cat", "sleep", "echo"))
    )


def shellless(client: APIClient) -> str:
    """The name of an image without a shell: it has ``/bin/busybox`` alone."""
    return _imported(client, SHELLLESS, "shellless.tar", lambda root: _busybox(root, ()))


def _imported(client: APIClient, name: str, file: str, make: Callable[[Path], None]) -> str:
    image = f"{name}:{TAG}"
    with locked(cache() / f"{file}.lock"):
        if client.images(image):
            return image
        kept = cache() / file
        if not kept.exists():
            _make(kept, make)
        client.import_image_from_file(str(kept), repository=name, tag=TAG)
        if not client.images(image):  # Podman calls it `latest`, whatever it is told
            client.tag(f"{name}:latest", name, TAG)
    return image


def _make(kept: Path, make: Callable[[Path], None]) -> None:
    # /tmp may be mounted without devices, in which debootstrap refuses to work; the cache rarely is.
    root = Path(tempfile.mkdtemp(prefix="root-", dir=kept.parent))
    try:
        make(root)
        part = kept.with_suffix(".part")
        excluded = [f"--exclude={pattern}" for pattern in LEFT_OUT]
        subprocess.run(["tar", "-C", str(root), "-cf", str(part), *excluded, "."], check=True)
        part.rename(kept)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _debian(root: Path) -> None:
    require("debootstrap")
    if os.geteuid() != 0:
        raise NoEngine("debootstrap makes the base image, and needs root")
    variables = os.environ | {"PATH": f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"}
    done = subprocess.run(
        ["debootstrap", "--variant=minbase", f"--include={INCLUDED}", "bookworm", str(root)],
        env=variables, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode != 0:
        raise NoEngine(f"debootstrap cannot make the base image: {done.stdout.strip().splitlines()[-1:]}")


def _busybox(root: Path, commands: tuple[str, ...]) -> None:
    require("busybox")
    (root / "bin").mkdir(parents=True)
    (root / "tmp").mkdir(mode=0o1777)
    shutil.copy2(shutil.which("busybox") or "/bin/busybox", root / "bin" / "busybox")
    for command in commands:
        (root / "bin" / command).symlink_to("busybox")
