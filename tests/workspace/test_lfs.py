"""What a task says of git-lfs is checked before anything is written or asked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from elsewhere.contract.errors import UnsafeSource, WorkspaceError
from elsewhere.contract.spec import Source

if TYPE_CHECKING:
    from .conftest import Desk, Origin

POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 12\n"


@pytest.mark.parametrize(
    "listed",
    [b"../owned\0", b"/etc/passwd\0", b".git/config\0", b"link\0", b"folder/weights.big\0", b"\0", b"./a\0"],
)
def test_paths_that_lead_out_are_refused(listed: bytes, origin: Origin, desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "weights.big").write_text(POINTER)
    (origin.folder / "link").symlink_to(tmp_path / "outside" / "weights.big")
    (origin.folder / "folder").symlink_to(tmp_path / "outside")
    with pytest.raises(UnsafeSource):
        desk.rebuild(Source(origin.url, origin.commit(), lfs=desk.keep(listed)))
    assert (tmp_path / "outside" / "weights.big").read_text() == POINTER


@pytest.mark.parametrize("listed", [b"train.py\0", b"absent\0", b"pkg\0", b"train.py"])
def test_what_is_no_pointer_is_not_filled_in(listed: bytes, origin: Origin, desk: Desk) -> None:
    with pytest.raises(WorkspaceError, match=r"no pointer|cut off"):
        desk.rebuild(Source(origin.url, origin.commit(), lfs=desk.keep(listed)))


@pytest.mark.parametrize(
    "server", ["ext::touch owned", "http://169.254.0.1/", "-oProxyCommand=x", "git://example.org/x"]
)
def test_a_tree_cannot_send_git_lfs_anywhere(server: str, origin: Origin, desk: Desk) -> None:
    origin.write("weights.big", POINTER)
    origin.write(".lfsconfig", f'[lfs]\n\turl = "{server}"\n')
    with pytest.raises(WorkspaceError, match=r"not allowed|which is none|not installed"):
        desk.rebuild(Source(origin.url, origin.commit(), lfs=desk.keep(b"weights.big\0")))


def test_lists_without_a_commit_make_no_sense(desk: Desk) -> None:
    with pytest.raises(WorkspaceError, match="no commit"):
        desk.rebuild(Source(lfs=desk.keep(b"x\0")))
