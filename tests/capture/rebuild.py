"""Rebuild a captured tree with plain git and tar, and compare it with the desk's, byte for byte.

Other tests may use it: ``from tests.capture.rebuild import require_identical``.
"""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
from pathlib import Path

from elsewhere.capture import Capture
from elsewhere.contract.spec import Blob

Files = dict[str, tuple[str, bytes]]
"""For each path its mode (``100644``, ``100755``, ``120000``) and its bytes."""


def git(folder: Path, *arguments: str, data: bytes | None = None, **environment: str) -> bytes:
    """Run git in ``folder`` with the user's configuration, and return what it writes."""
    done = subprocess.run(
        ["git", *arguments], cwd=folder, input=data, capture_output=True, env={**os.environ, **environment}
    )
    assert done.returncode == 0, f"git {arguments}: {done.stderr.decode(errors='replace')}"
    return done.stdout


def payload(captured: Capture, blob: Blob | None) -> bytes | None:
    """The bytes behind a blob of the capture."""
    if blob is None:
        return None
    data = {hashlib.sha256(data).hexdigest(): data for data in captured.payloads}[blob.sha256]
    assert len(data) == blob.size
    return data


def rebuild(captured: Capture, folder: Path) -> Path:
    """Rebuild the tree in ``folder`` from nothing but the spec, its payloads and the remote."""
    source = captured.spec.source
    folder.mkdir(parents=True)
    # Another machine has another configuration.
    clean = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    if source.commit is not None:
        git(folder, "init", "-q", **clean)
        if source.repository is not None:
            git(folder, "fetch", "-q", source.repository, "+refs/heads/*:refs/remotes/origin/*", **clean)
        bundle = payload(captured, source.bundle)
        if bundle is not None:
            path = folder.with_name(folder.name + ".bundle")
            path.write_bytes(bundle)
            git(folder, "fetch", "-q", str(path), "HEAD", **clean)
        git(folder, "checkout", "-q", "--detach", source.commit, **clean)
    diff = payload(captured, source.diff)
    if diff is not None:
        git(folder, "apply", "--whitespace=nowarn", data=diff, **clean)
    tar = payload(captured, source.untracked)
    if tar is not None:
        subprocess.run(["tar", "-xf", "-", "-C", str(folder)], input=tar, check=True)
    return folder


def desk_files(root: Path) -> Files:
    """What is in the working tree at the desk and not ignored, without other repositories in it."""
    listed = git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    paths = {os.fsdecode(path) for path in listed.split(b"\0") if path}
    there = (path for path in paths if (root / path).is_symlink() or (root / path).is_file())
    return {path: _look(root / path) for path in there}


def rebuilt_files(root: Path) -> Files:
    """All that is in a rebuilt tree."""
    found = {}
    for folder, folders, names in os.walk(root):
        if Path(folder) == root and ".git" in folders:
            folders.remove(".git")
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        for name in (*names, *links):
            path = Path(folder) / name
            found[path.relative_to(root).as_posix()] = _look(path)
    return found


def require_identical(captured: Capture, folder: Path, without: frozenset[str] = frozenset()) -> Path:
    """Rebuild in ``folder``, require that the tree is the desk's, and return the rebuilt tree.

    Args:
        captured: a capture of a repository that has not changed since.
        folder: is made.
        without: paths at the desk that are known not to travel.
    """
    rebuilt = rebuild(captured, folder)
    expected = {path: file for path, file in desk_files(captured.root).items() if path not in without}
    actual = rebuilt_files(rebuilt)
    assert sorted(actual) == sorted(expected)
    for path, file in expected.items():
        assert actual[path] == file, path
    return rebuilt


def _look(path: Path) -> tuple[str, bytes]:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return "120000", os.fsencode(path.readlink())
    return ("100755" if mode & stat.S_IXUSR else "100644"), path.read_bytes()
