"""Nothing that a task carries is written outside its workspace, or into git's own files."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agent.workspace import patch
from elsewhere.contract.errors import DiffRejected, ElsewhereError, UnsafeSource, WorkspaceError
from elsewhere.contract.spec import Source

if TYPE_CHECKING:
    from .conftest import Desk, Origin

NEW = "new file mode 100644\nindex 0000000..e69de29\n"
BODY = "@@ -0,0 +1 @@\n+owned\n"


def made(name: str, written: str | None = None) -> str:
    shown = written or f"b/{name}"
    return f"diff --git a/{name} {shown}\n{NEW}--- /dev/null\n+++ {shown}\n{BODY}"


HOSTILE = {
    "parent": made("../owned"),
    "parent in the middle": made("pkg/../../owned"),
    "absolute": made("/tmp/owned"),
    "dot": made("./train.py"),
    "empty part": made("pkg//mod.py"),
    "git folder": made(".git/hooks/post-checkout"),
    "git folder in capitals": made("pkg/.GIT/config"),
    "git folder with a dot": made(".git./config"),
    "git folder with a stream": made(".git::$INDEX_ALLOCATION/config"),
    "git folder by its short name": made("GIT~1/config"),
    "git folder with an invisible letter": made(".g\u200cit/config"),
    "git folder behind a backslash in quotes": 'diff --git "a/x\\\\.git\\\\config" "b/x\\\\.git\\\\config"\n'
    + f'{NEW}--- /dev/null\n+++ "b/x\\\\.git\\\\config"\n{BODY}',
    "git folder in octal": 'diff --git "a/\\056git/config" "b/\\056git/config"\n'
    + f'{NEW}--- /dev/null\n+++ "b/\\056git/config"\n{BODY}',
    "gitmodules": made(".gitmodules"),
    "gitmodules in capitals": made(".GitModules"),
    "new link": "diff --git a/l b/l\nnew file mode 120000\nindex 0000000..1\n--- /dev/null\n+++ b/l\n"
    "@@ -0,0 +1 @@\n+/etc\n\\ No newline at end of file\n",
    "changed link": "diff --git a/l b/l\nindex 1..2 120000\n--- a/l\n+++ b/l\n@@ -1 +1 @@\n-a\n+/etc\n",
    "link by a change of mode": "diff --git a/train.py b/train.py\nold mode 100644\nnew mode 120000\n",
    "link that goes in favour of another": "diff --git a/l b/m\ndeleted file mode 120000\nsimilarity index 100%\n"
    "rename from l\nrename to m\n",
    "link that goes and leaves text": "diff --git a/l b/l\ndeleted file mode 120000\nindex 1..2\n--- a/l\n"
    "+++ b/l\n@@ -1 +1 @@\n-a\n+/etc\n",
    "link that goes and comes": "diff --git a/l b/l\ndeleted file mode 120000\nnew file mode 120000\n",
    "git's own in the place of a link": "diff --git a/l b/l\ndeleted file mode 120000\nindex 1..0\n--- a/l\n"
    "+++ /dev/null\n@@ -1 +0,0 @@\n-a\n" + made("l/.git/config"),
    "submodule": "diff --git a/s b/s\nnew file mode 160000\nindex 0000000..1111111\n--- /dev/null\n+++ b/s\n"
    "@@ -0,0 +1 @@\n+Subproject commit 1111111111111111111111111111111111111111\n",
    "setuid": "diff --git a/train.py b/train.py\nold mode 100644\nnew mode 104755\n",
    "rename out": "diff --git a/train.py b/../owned\nsimilarity index 100%\n"
    "rename from train.py\nrename to ../owned\n",
    "copy from git's own": "diff --git a/.git/config b/x\nsimilarity index 100%\n"
    "copy from .git/config\ncopy to x\n",
    "two names": "diff --git a/train.py b/train.py\n--- a/train.py\n+++ b/../owned\n@@ -1 +1 @@\n-a\n+b\n",
    "no git header": "--- a/train.py\n+++ ../../owned\n@@ -0,0 +1 @@\n+owned\n",
    "a second diff in the rubbish after a hunk": made("ok") + "--- /dev/null\n+++ b/../owned\n" + BODY,
    "wrong count": made("ok").replace("+1 @@", "+1,2 @@"),
    "negative count": made("ok").replace("+1 @@", "+-1 @@"),
    "unknown header": f"diff --git a/ok b/ok\nrename old ../owned\n{NEW}",
    "binary out": "diff --git a/../o b/../o\nnew file mode 100644\n"
    "GIT binary patch\nliteral 1\nIcmZPo000310RR91\n\n",
    "rubbish in binary": "diff --git a/o b/o\nnew file mode 100644\nGIT binary patch\nliteral 1\n"
    "+++ b/../owned\n\n",
    "cut off": made("ok")[:-1],
    "bad escape": 'diff --git "a/\\q" "b/\\q"\n' + NEW,
    "nul": 'diff --git "a/\\000x" "b/\\000x"\n' + NEW,
    "carriage return": "diff --git a/x\r b/x\r\n" + NEW,
    "no text": "\0\1\2\n",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_diff_is_refused(name: str, origin: Origin, desk: Desk) -> None:
    diff = HOSTILE[name].encode()
    with pytest.raises(UnsafeSource):
        patch.read(diff)
    with pytest.raises(UnsafeSource):
        desk.rebuild(Source(origin.url, origin.git("rev-parse", "HEAD"), diff=desk.keep(diff)))
    assert not desk.folder.exists()
    assert not list(desk.root.rglob("owned"))


def test_the_refusal_names_the_file() -> None:
    with pytest.raises(UnsafeSource, match=r"\.gitmodules"):
        patch.read(HOSTILE["gitmodules"].encode())
    with pytest.raises(UnsafeSource, match=r"symbolic link: a/l b/l"):
        patch.read(HOSTILE["new link"].encode())


def test_content_that_looks_like_a_header_is_content(origin: Origin, desk: Desk) -> None:
    origin.write("note", "-- a/x\n" * 3)
    commit = origin.commit()
    text = "".join(f"{line}\n" for line in HOSTILE.values() if "\0" not in line) + "++ b/../x\n"
    origin.write("note", text)
    origin.write("other.patch", text)
    origin.git("add", "-A")
    folder = desk.rebuild(Source(origin.url, commit, diff=desk.keep(origin.diff())))
    assert (folder / "note").read_bytes() == text.encode()
    assert (folder / "other.patch").read_bytes() == text.encode()


def test_names_that_are_merely_strange_are_allowed(origin: Origin, desk: Desk) -> None:
    commit = origin.git("rev-parse", "HEAD")
    names = [
        "a b/c d",
        ".github/x.yml",
        ".gitignore",
        "x b/x",
        "tab\there",
        "new\nline",
        "...",
        "é",
        "-x",
        "a  b ",
    ]
    for name in names:
        origin.write(name, name)
    origin.git("add", "-A", "-f")
    for quoting in ("true", "false"):
        origin.git("config", "core.quotePath", quoting)
        folder = desk.rebuild(Source(origin.url, commit, diff=desk.keep(origin.diff())))
        assert all((folder / name).read_text() == name for name in names)


def test_a_committed_link_is_kept_but_never_changed_or_written_through(
    origin: Origin, desk: Desk, tmp_path: Path, tar_of: Callable[..., bytes]
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("safe\n")
    (origin.folder / "link").symlink_to(outside)
    (origin.folder / "direct").symlink_to(outside / "file")
    commit = origin.commit()
    assert (desk.rebuild(Source(origin.url, commit)) / "link").is_symlink()
    through = made("link/owned")
    retargeted = (
        f"diff --git a/link b/link\n--- a/link\n+++ b/link\n@@ -1 +1 @@\n-{outside}\n"
        "\\ No newline at end of file\n+/etc\n\\ No newline at end of file\n"
    )
    for diff in (through, retargeted):
        with pytest.raises(UnsafeSource, match="link"):
            desk.rebuild(Source(origin.url, commit, diff=desk.keep(diff.encode())))
    for name in ("link/owned", "direct", "link"):
        with pytest.raises(UnsafeSource, match=r"link|direct"):
            desk.rebuild(Source(origin.url, commit, untracked=desk.keep(tar_of((name, b"owned")))))
    assert [path.name for path in outside.iterdir()] == ["file"]
    assert (outside / "file").read_text() == "safe\n"


def member(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = target
    return info


def gone(name: str, target: str) -> str:
    """The section by which a link goes away."""
    return (
        f"diff --git a/{name} b/{name}\ndeleted file mode 120000\n--- a/{name}\n+++ /dev/null\n"
        f"@@ -1 +0,0 @@\n-{target}\n\\ No newline at end of file\n"
    )


def test_a_link_that_the_diff_takes_away_makes_room_for_real_folders(
    origin: Origin, desk: Desk, tmp_path: Path
) -> None:
    (tmp_path / "outside").mkdir()
    (origin.folder / "link").symlink_to(tmp_path / "outside")
    commit = origin.commit()
    diff = gone("link", str(tmp_path / "outside")) + made("link/inside")
    tree = desk.rebuild(Source(origin.url, commit, diff=desk.keep(diff.encode())))
    assert (tree / "link/inside").read_text() == "owned\n"
    assert not (tree / "link").is_symlink()
    assert list((tmp_path / "outside").iterdir()) == []


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("kept", ["other", "other/deep"])
def test_a_link_that_only_seems_to_go_is_not_written_through(
    origin: Origin, desk: Desk, tmp_path: Path, order: int, kept: str
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (origin.folder / kept).parent.mkdir(exist_ok=True)
    for name in ("link", kept):
        (origin.folder / name).symlink_to(outside)
    commit = origin.commit()
    hostile = (
        [gone("link", "/somewhere/else"), made("link/owned")],
        [gone("train.py", str(outside)), made("train.py/owned")],
        [gone("link", str(outside)), made(f"{kept}/owned")],
        [gone("LINK", str(outside)), made("link/owned")],
        [gone(f"{kept}/../link", str(outside)), made("link/owned")],
        [gone("absent", str(outside)), made("link/owned")],
        [gone("link/below", "x"), made("link/owned")],
    )
    for sections in hostile:
        diff = "".join(sections[::order]).encode()
        with pytest.raises((UnsafeSource, DiffRejected)):
            desk.rebuild(Source(origin.url, commit, diff=desk.keep(diff)))
        assert list(outside.iterdir()) == []


BAD_MEMBERS = {
    "parent": "../owned",
    "parent in the middle": "a/../../owned",
    "absolute": "/tmp/owned-by-a-tar",
    "dot": "./owned",
    "empty part": "a//owned",
    "git folder": ".git/config",
    "git folder in capitals": "sub/.GiT/hooks/owned",
    "gitmodules": ".gitmodules",
    "link": member("l", tarfile.SYMTYPE, "/etc"),
    "link that leads up": member("l", tarfile.SYMTYPE, "../x"),
    "link that leads up and in again": member("l", tarfile.SYMTYPE, "../task-1/x"),
    "link that leads up from below": member("a/l", tarfile.SYMTYPE, "b/../../../x"),
    "link into git's own": member("l", tarfile.SYMTYPE, ".git/hooks"),
    "link into git's own by another name": member("l", tarfile.SYMTYPE, "a/.GIT/hooks"),
    "link to nothing": member("l", tarfile.SYMTYPE, ""),
    "link called like git's own": member(".git", tarfile.SYMTYPE, "a"),
    "link called like the list of submodules": member(".gitmodules", tarfile.SYMTYPE, "a"),
    "hard link": member("h", tarfile.LNKTYPE, "train.py"),
    "folder": member("d", tarfile.DIRTYPE),
    "pipe": member("p", tarfile.FIFOTYPE),
    "device": member("c", tarfile.CHRTYPE),
    "sparse": member("s", tarfile.GNUTYPE_SPARSE),
}


@pytest.mark.parametrize("name", BAD_MEMBERS)
def test_a_hostile_tar_is_refused(name: str, desk: Desk, tar_of: Callable[..., bytes]) -> None:
    data = tar_of(("fine.txt", b"fine"), (BAD_MEMBERS[name], b""))
    with pytest.raises(UnsafeSource):
        desk.rebuild(Source(untracked=desk.keep(data)))
    assert not desk.folder.exists()
    assert not Path("/tmp/owned-by-a-tar").exists()


def test_a_link_that_comes_first_is_not_followed_by_what_comes_after(
    desk: Desk, tar_of: Callable[..., bytes], tmp_path: Path
) -> None:
    data = tar_of((member("l", tarfile.SYMTYPE, str(tmp_path)), b""), ("l/owned", b"x"))
    with pytest.raises(UnsafeSource):
        desk.rebuild(Source(untracked=desk.keep(data)))
    # One that stays inside: a file after it is refused, too, and a link in its own place.
    for after in (("l/owned", b"x"), ("plain", b"x"), (member("l/m", tarfile.SYMTYPE, "x"), b"")):
        data = tar_of((member("l", tarfile.SYMTYPE, "d"), b""), after)
        with pytest.raises(UnsafeSource):
            desk.rebuild(Source(untracked=desk.keep(data)))
    data = tar_of(("d/x", b"x"), (member("d", tarfile.SYMTYPE, "e"), b""))
    with pytest.raises(UnsafeSource):
        desk.rebuild(Source(untracked=desk.keep(data)))
    data = tar_of(("f", b"file"), ("f/owned", b"x"))
    with pytest.raises(UnsafeSource):
        desk.rebuild(Source(untracked=desk.keep(data)))
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize("cut", [1, 300, 600, 1000])
def test_a_damaged_tar_is_a_clear_error(cut: int, desk: Desk, tar_of: Callable[..., bytes]) -> None:
    data = tar_of(("a.txt", b"a" * 900))[:cut]
    with pytest.raises(WorkspaceError):
        desk.rebuild(Source(untracked=desk.keep(data)))
    assert not desk.folder.exists()


def test_a_tar_whose_sizes_lie_cannot_fill_the_disk(desk: Desk) -> None:
    info = tarfile.TarInfo("huge")
    info.size = 1 << 40
    with pytest.raises((UnsafeSource, WorkspaceError)):
        desk.rebuild(Source(untracked=desk.keep(info.tobuf() + b"x" * 2048)))


def test_a_diff_cut_anywhere_is_refused_or_rejected_never_half_applied(origin: Origin, desk: Desk) -> None:
    commit = origin.git("rev-parse", "HEAD")
    origin.write("train.py", "other\n" * 9)
    origin.write("b.bin", bytes(range(200)))
    origin.git("add", "-A")
    diff = origin.diff()
    for cut in range(1, len(diff) - 2, 97):
        with pytest.raises((UnsafeSource, DiffRejected)) as caught:
            desk.rebuild(Source(origin.url, commit, diff=desk.keep(diff[:cut])))
        assert isinstance(caught.value, ElsewhereError)
        assert not desk.folder.exists()
