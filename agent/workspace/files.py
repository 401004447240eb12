"""The untracked files and links, each written inside the tree and nowhere else."""

from __future__ import annotations

import errno
import io
import os
import shutil
import stat
import tarfile
from contextlib import suppress
from pathlib import Path
from typing import IO

from agent.workspace.path import refuse_escaping, refuse_unsafe
from elsewhere.contract.errors import UnsafeSource, WorkspaceError

_ORIGIN = "the list of untracked files"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FRESH = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def lay_over(tar: bytes, folder: Path) -> int:
    """Write the files and links of an uncompressed tar into ``folder``, and return their number.

    A file that is there is replaced. Only the executable bit of a mode is kept. Folders are
    opened one below the other without following links, so that no name leads out of the tree.
    Links come last, stay inside the tree, and take the place of files and of other links.

    Raises:
        UnsafeSource: a member is nothing of these, or its path is refused; the message names it.
        WorkspaceError: the tar is damaged.
    """
    count = written = 0
    links: list[tuple[tuple[str, ...], tarfile.TarInfo]] = []
    root = os.open(folder, _FOLDER)
    try:
        with tarfile.open(fileobj=io.BytesIO(tar), mode="r:") as archive:
            for member in archive:
                parts = refuse_unsafe(os.fsencode(member.name), _ORIGIN)
                if member.issym():
                    refuse_escaping(member.linkname, parts, _ORIGIN)
                    links.append((parts, member))
                    continue
                if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or member.issparse() or links:
                    raise UnsafeSource(f"untracked {member.name!r} is no regular file", "")
                written += member.size
                if written > len(tar):
                    raise UnsafeSource(f"untracked {member.name!r} claims more bytes than were sent", "")
                content = archive.extractfile(member)
                if content is not None:
                    _write(root, parts, content, member)
                    count += 1
        for parts, member in links:
            _link(root, parts, member)
    except (tarfile.TarError, EOFError, UnicodeError, ValueError) as error:
        raise WorkspaceError(
            f"the tar of untracked files is damaged: {error}", "Submit the task again."
        ) from error
    finally:
        os.close(root)
    return count + len(links)


def _write(root: int, parts: tuple[str, ...], content: IO[bytes], member: tarfile.TarInfo) -> None:
    parent = _open_parent(root, parts[:-1], member.name)
    try:
        _make_room(parts[-1], parent, member.name)
        mode = 0o777 if member.mode & stat.S_IXUSR else 0o666
        with os.fdopen(os.open(parts[-1], _FRESH, mode, dir_fd=parent), "wb") as file:
            shutil.copyfileobj(content, file)
            if file.tell() != member.size:
                raise tarfile.ReadError(f"{member.name!r} is cut off")
    finally:
        os.close(parent)


def _link(root: int, parts: tuple[str, ...], member: tarfile.TarInfo) -> None:
    parent = _open_parent(root, parts[:-1], member.name)
    try:
        _make_room(parts[-1], parent, member.name, for_link=True)
        os.symlink(member.linkname, parts[-1], dir_fd=parent)
    finally:
        os.close(parent)


def _open_parent(root: int, folders: tuple[str, ...], name: str) -> int:
    current = os.dup(root)
    for folder in folders:
        try:
            try:
                below = os.open(folder, _FOLDER, dir_fd=current)
            except FileNotFoundError:
                os.mkdir(folder, dir_fd=current)
                below = os.open(folder, _FOLDER, dir_fd=current)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENOTDIR):
                raise UnsafeSource(
                    f"untracked {name!r} lies below {folder!r}, which is no folder", ""
                ) from error
            raise
        finally:
            os.close(current)
        current = below
    return current


def _make_room(name: str, parent: int, path: str, *, for_link: bool = False) -> None:
    try:
        mode = os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(mode):
        # Where the commit has a submodule there is an empty folder.
        with suppress(OSError):
            os.rmdir(name, dir_fd=parent)
            return
    if not stat.S_ISREG(mode) and not (for_link and stat.S_ISLNK(mode)):
        raise UnsafeSource(f"untracked {path!r} would replace what is no regular file", "")
    os.unlink(name, dir_fd=parent)
