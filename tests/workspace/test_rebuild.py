"""The tree that comes out is the tree that was captured."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agent.workspace import GitConfig, rebuild, remove
from elsewhere.contract.errors import (
    CommitNotFound,
    DiffRejected,
    DiskFull,
    UnsafeSource,
    WorkspaceError,
)
from elsewhere.contract.spec import Source

if TYPE_CHECKING:
    from .conftest import Desk, Origin


def git(folder: Path, *arguments: str) -> str:
    return subprocess.check_output(["git", *arguments], cwd=folder, text=True).rstrip("\n")


def test_a_commit_with_diff_and_untracked_files_is_rebuilt(
    origin: Origin, desk: Desk, tar_of: Callable[..., bytes]
) -> None:
    commit = origin.commit()
    origin.write("train.py", (origin.folder / "train.py").read_text().replace("line 7\n", "line seven\n"))
    origin.write("weights.bin", bytes(range(256)) * 8)
    origin.write("with space é.txt", "new\n")
    origin.git("add", "-A")
    script = tarfile.TarInfo("tools/run.sh")
    script.mode = 0o755
    source = Source(
        origin.url,
        commit,
        diff=desk.keep(origin.diff()),
        untracked=desk.keep(tar_of(("notes/todo.txt", b"todo"), (script, b"#!/bin/sh\n"))),
    )
    folder = desk.rebuild(source)
    assert "line seven\n" in (folder / "train.py").read_text()
    assert (folder / "weights.bin").read_bytes() == bytes(range(256)) * 8
    assert (folder / "with space é.txt").read_text() == "new\n"
    assert (folder / "notes/todo.txt").read_bytes() == b"todo"
    assert os.access(folder / "tools/run.sh", os.X_OK)
    assert not os.access(folder / "notes/todo.txt", os.X_OK)
    assert git(folder, "rev-parse", "HEAD") == commit
    assert " M train.py" in git(folder, "status", "--porcelain").splitlines()
    assert "+line seven" in git(folder, "diff")
    assert git(folder, "remote", "get-url", "origin") == origin.url
    assert "workspace rebuilt in" in desk.notes[-1]


def test_deletions_renames_and_mode_changes_in_the_diff_arrive(origin: Origin, desk: Desk) -> None:
    origin.write("old name.txt", "content\n" * 30)
    origin.write("gone.txt", "gone\n")
    origin.write('quo"ted\t.txt', "q\n")
    commit = origin.commit()
    origin.git("mv", "old name.txt", "new näme.txt")
    (origin.folder / "gone.txt").unlink()
    (origin.folder / "train.py").chmod(0o755)
    origin.write('quo"ted\t.txt', "r\n")
    origin.write("empty", "")
    origin.git("add", "-A")
    plain = desk.rebuild(Source(origin.url, commit, diff=desk.keep(origin.diff())))
    assert (plain / "new näme.txt").read_text() == "content\n" * 30
    assert not (plain / "old name.txt").exists()
    assert not (plain / "gone.txt").exists()
    assert os.access(plain / "train.py", os.X_OK)
    assert (plain / 'quo"ted\t.txt').read_text() == "r\n"
    assert (plain / "empty").read_bytes() == b""
    origin.git("config", "core.quotePath", "false")
    origin.git("config", "diff.renames", "copies")
    again = desk.rebuild(Source(origin.url, commit, diff=desk.keep(origin.diff())))
    assert (again / "new näme.txt").exists()


def test_a_cached_commit_needs_neither_network_nor_lock(origin: Origin, desk: Desk) -> None:
    source = Source(origin.url, origin.commit())
    desk.rebuild(source)
    origin.folder.rename(origin.folder.with_name("unplugged"))
    (lock,) = desk.repositories.glob("*.lock")
    lock.unlink()
    desk.rebuild(source)
    assert not lock.exists()


def test_unpushed_commits_come_from_the_bundle_on_top_of_the_origin(
    origin: Origin, origin_at: type[Origin], desk: Desk
) -> None:
    pushed = origin.git("rev-parse", "HEAD")
    clone = origin_at(origin.folder.with_name("clone"))
    origin.git("clone", "-q", origin.url, str(clone.folder))
    clone.write("train.py", "unpushed\n")
    commit = clone.commit()
    clone.git("bundle", "create", "-q", "../b", "HEAD", f"^{pushed}")
    bundle = desk.keep((origin.folder.parent / "b").read_bytes())
    folder = desk.rebuild(Source(origin.url, commit, bundle=bundle))
    assert (folder / "train.py").read_text() == "unpushed\n"


def test_a_repository_without_a_remote_runs_from_its_bundle(origin: Origin, desk: Desk) -> None:
    commit = origin.commit()
    origin.git("bundle", "create", "-q", "../b", "HEAD")
    bundle = desk.keep((origin.folder.parent / "b").read_bytes())
    folder = desk.rebuild(Source(None, commit, identity="abc", bundle=bundle))
    assert git(folder, "log", "--format=%s") == "change\nfirst"
    assert git(folder, "remote") == ""


def test_an_older_commit_is_found_among_what_was_fetched(origin: Origin, desk: Desk) -> None:
    first = origin.git("rev-parse", "HEAD")
    desk.rebuild(Source(origin.url, origin.commit()), config=GitConfig(depth=0))
    origin.folder.rename(origin.folder.with_name("unplugged"))
    desk.rebuild(Source(origin.url, first))


def test_a_server_that_gives_no_single_commits_is_asked_for_all_branches(
    origin: Origin, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = origin.git("rev-parse", "HEAD")
    origin.commit()
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "protocol.version")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "0")
    folder = desk.rebuild(Source(origin.url, first))
    assert git(folder, "rev-parse", "HEAD") == first
    assert any("all branches and tags" in note for note in desk.notes)


def test_a_commit_that_nobody_has_names_all_places_without_credentials(origin: Origin, desk: Desk) -> None:
    url = f"file://user:hunter2@{origin.folder}"
    with pytest.raises(CommitNotFound) as caught:
        desk.rebuild(Source(url, "1" * 40))
    text = str(caught.value)
    assert "1" * 40 in text
    assert "agent's cache" in text
    assert "for the commit: fatal:" in text
    assert "for all branches and tags" in text
    assert "hunter2" not in text + "".join(desk.notes)
    assert not desk.folder.exists()


def test_a_damaged_bundle_falls_back_to_the_origin(origin: Origin, desk: Desk) -> None:
    commit = origin.commit()
    desk.rebuild(Source(origin.url, commit, bundle=desk.keep(b"nonsense")))
    desk.rebuild(Source(origin.url, commit, bundle=desk.keep(b"# v2 git bundle\n\nPACK")))


def test_no_protocol_that_runs_commands_is_spoken(desk: Desk, tmp_path: Path) -> None:
    for url in (f"ext::touch {tmp_path}/owned", f"--upload-pack=touch {tmp_path}/owned"):
        with pytest.raises(CommitNotFound):
            desk.rebuild(Source(url, "1" * 40))
    assert not (tmp_path / "owned").exists()
    with pytest.raises(UnsafeSource):
        desk.rebuild(Source("file:///x", "--output=/etc/passwd"))


def test_a_diff_that_does_not_apply_names_file_and_line(origin: Origin, desk: Desk) -> None:
    commit = origin.commit()
    origin.write("train.py", (origin.folder / "train.py").read_text().replace("line 12\n", "twelve\n"))
    diff = origin.diff().replace(b" line 11\n", b" line eleven\n")
    with pytest.raises(DiffRejected, match=r"train\.py, hunk at line 9"):
        desk.rebuild(Source(origin.url, commit, diff=desk.keep(diff)))
    missing = diff.replace(b"train.py", b"absent.py")
    with pytest.raises(DiffRejected, match=r"absent\.py: No such file"):
        desk.rebuild(Source(origin.url, commit, diff=desk.keep(missing)))
    assert not desk.folder.exists()


def test_a_script_without_a_repository_is_its_files_alone(desk: Desk, tar_of: Callable[..., bytes]) -> None:
    folder = desk.rebuild(Source(untracked=desk.keep(tar_of(("job.py", b"print()")))))
    assert [path.name for path in folder.iterdir()] == ["job.py"]
    assert list(desk.rebuild(Source()).iterdir()) == []
    with pytest.raises(WorkspaceError, match="no commit"):
        desk.rebuild(Source(diff=desk.keep(b"x")))


def test_bytes_do_not_depend_on_the_agent_users_git_configuration(
    origin: Origin, desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    origin.write(".gitattributes", "*.bat text eol=crlf\n*.big filter=lfs\n")
    origin.write("a.bat", "one\n")
    origin.write("b.txt", "one\n")
    origin.write("c.big", "version https://git-lfs.github.com/spec/v1\n")
    commit = origin.commit()
    home = tmp_path / "hostile home"
    hook = home / "hooks" / "post-checkout"
    hook.parent.mkdir(parents=True)
    for name in ("post-checkout", "reference-transaction", "post-index-change"):
        (home / "hooks" / name).write_text(f"#!/bin/sh\ntouch '{home}/hooked'\n")
        (home / "hooks" / name).chmod(0o755)
    (home / ".gitconfig").write_text(
        f"[core]\n\tautocrlf = true\n\thooksPath = {home}/hooks\n\tattributesFile = {home}/attributes\n"
        f'[filter "lfs"]\n\tsmudge = "touch \'{home}/smudged\'; cat"\n\tclean = cat\n\trequired = true\n'
    )
    (home / "attributes").write_text("* text eol=crlf\n")
    for name in [name for name in os.environ if name.startswith(("GIT_CONFIG", "XDG_CONFIG"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere.git"))
    folder = desk.rebuild(Source(origin.url, commit))
    monkeypatch.delenv("GIT_DIR")
    assert (folder / "a.bat").read_bytes() == b"one\r\n"
    assert (folder / "b.txt").read_bytes() == b"one\n"
    assert not (home / "hooked").exists()
    assert not (home / "smudged").exists()
    assert git(folder, "status", "--porcelain", "b.txt", "a.bat") == ""


def _rebuild_one(arguments: tuple[Source, Path, Path]) -> str:
    source, folder, repositories = arguments
    rebuild(source, folder, repositories=repositories, fetch=lambda _: b"", note=lambda _: None)
    return git(folder, "status", "--porcelain") + git(folder, "rev-parse", "HEAD")


def test_eight_supervisors_check_out_at_once_from_nothing(origin: Origin, desk: Desk, tmp_path: Path) -> None:
    first = origin.git("rev-parse", "HEAD")
    commits = [first, origin.commit()] * 4
    work = [
        (Source(origin.url, commit), tmp_path / f"w{number}", desk.repositories)
        for number, commit in enumerate(commits)
    ]
    with multiprocessing.get_context("fork").Pool(8) as pool:
        assert pool.map(_rebuild_one, work, chunksize=1) == commits
    assert len(list(desk.repositories.glob("*.git"))) == 1


def test_a_rebuild_killed_at_any_point_is_simply_done_again(origin: Origin, desk: Desk) -> None:
    for number in range(40):
        origin.write(f"many/{number}.txt", os.urandom(2000).hex())
    source = Source(origin.url, origin.commit())
    code = (
        "import sys; from pathlib import Path; from agent.workspace import rebuild\n"
        "from elsewhere.contract.spec import Source\n"
        "print('go', flush=True)\n"
        "rebuild(Source(sys.argv[1], sys.argv[2]), Path(sys.argv[3]), repositories=Path(sys.argv[4]),"
        " fetch=None, note=lambda _: None)"
    )
    arguments = [origin.url, source.commit or "", str(desk.folder), str(desk.repositories)]
    for delay in (0.0, 0.01, 0.02, 0.04, 0.06):
        child = subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(delay)
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
    folder = desk.rebuild(source)
    assert git(folder, "status", "--porcelain") == ""
    assert git(folder, "rev-parse", "HEAD") == source.commit


def test_leftovers_of_a_killed_fetch_do_not_block_the_next(origin: Origin, desk: Desk) -> None:
    desk.rebuild(Source(origin.url, origin.git("rev-parse", "HEAD")))
    (cache,) = desk.repositories.glob("*.git")
    for name in ("elsewhere.bundle", "packed-refs.lock", "objects/pack/tmp_pack_x", "refs/elsewhere/x.lock"):
        (cache / name).write_bytes(b"half")
    cache.with_suffix(".new").mkdir()
    desk.rebuild(Source(origin.url, origin.commit()))
    assert not list(cache.rglob("*.lock"))
    assert not list(cache.rglob("tmp_*"))


def test_a_removed_workspace_is_gone_with_read_only_folders_in_it(origin: Origin, desk: Desk) -> None:
    folder = desk.rebuild(Source(origin.url, origin.commit()))
    (folder / "pkg").chmod(0o500)
    remove(folder, desk.repositories)
    assert not folder.exists()
    remove(folder, desk.repositories)
    with pytest.raises(WorkspaceError):
        remove(desk.root, desk.repositories)


def test_a_full_disk_is_named_and_leaves_nothing(
    origin: Origin, desk: Desk, small_disk: Path, tar_of: Callable[..., bytes]
) -> None:
    big = os.urandom(3 << 20)
    untracked = Source(untracked=desk.keep(tar_of(("big", big))))
    with pytest.raises(DiskFull, match=str(small_disk)):
        desk.rebuild(untracked, small_disk / "w")
    origin.write("big", big)
    commit = origin.commit()
    with pytest.raises(DiskFull, match=str(small_disk)):
        desk.rebuild(Source(origin.url, commit), small_disk / "w")
    assert list(small_disk.iterdir()) == []
    desk.root = small_disk
    with pytest.raises(DiskFull, match=str(small_disk)):
        desk.rebuild(Source(origin.url, commit))
    assert sum(path.stat().st_size for path in small_disk.rglob("*") if path.is_file()) < 100_000


def test_a_workspace_may_be_rebuilt_on_sha256_repositories(
    origin_at: type[Origin], desk: Desk, tmp_path: Path
) -> None:
    folder = tmp_path / "modern"
    folder.mkdir()
    origin = origin_at(folder)
    origin.git("init", "-q", "--object-format=sha256")
    origin.write("a", "a")
    commit = origin.commit()
    assert git(desk.rebuild(Source(origin.url, commit)), "rev-parse", "HEAD") == commit
