"""The untracked files: regular files, each written inside the tree and nowhere else."""

from __future__ import annotations

import errno
import io
import os
import shutil
import stat
import tarfile
from pathlib import Path
from typing import IO

from agent.workspace.path import refuse_unsafe
from elsewhere.contract.errors import UnsafeSource, WorkspaceError

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FRESH = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def lay_over(tar: bytes, folder: Path) -> int:
    """Write the files of an uncompressed tar into ``folder``, and return their number.

    A file that is there is replaced. Only the executable bit of a mode is kept. Folders are
    opened one below the other without following links, so that no name leads out of the tree.

    Raises:
        UnsafeSource: a member is no regular file, or its path is refused; the message names it.
        WorkspaceError: the tar is damaged.
    """
    count = 0
    written = 0
    root = os.open(folder, _FOLDER)
    try:
        with tarfile.open(fileobj=io.BytesIO(tar), mode="r:") as archive:
            for member in archive:
                if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or member.issparse():
                    raise UnsafeSource(f"untracked {member.name!r} is no regular file", "")
                parts = refuse_unsafe(os.fsencode(member.name), "the list of untracked files")
                written += member.size
                if written > len(tar):
                    raise UnsafeSource(f"untracked {member.name!r} claims more bytes than were sent", "")
                content = archive.extractfile(member)
                if content is not None:
                    _write(root, parts, content, member)
                    count += 1
    except (tarfile.TarError, EOFError, UnicodeError, ValueError) as error:
        raise WorkspaceError(
            f"the tar of untracked files is damaged: {error}", "Submit the task again."
        ) from error
    finally:
        os.close(root)
    return count


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


def _make_room(name: str, parent: int, path: str) -> None:
    try:
        mode = os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode):
        raise UnsafeSource(f"untracked {path!r} would replace what is no regular file", "")
    os.unlink(name, dir_fd=parent)
