"""Submodules are checked out where they belong, from where they may come, and nowhere else."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agent.janitor.shelf import RepositoryShelf
from agent.workspace import GitConfig
from agent.workspace.address import protocol, refuse_strange, resolved
from agent.workspace.repository import Repository
from elsewhere.contract.errors import CommitNotFound, UnsafeSource, WorkspaceError
from elsewhere.contract.spec import Source, Submodule

if TYPE_CHECKING:
    from .conftest import Desk, Origin


def git(folder: Path, *arguments: str) -> str:
    return subprocess.check_output(["git", *arguments], cwd=folder, text=True).rstrip("\n")


@pytest.fixture
def library(origin_at: type[Origin], tmp_path: Path) -> Origin:
    folder = tmp_path / "library"
    folder.mkdir()
    library = origin_at(folder)
    library.git("init", "-q", "-b", "main")
    library.write("lib.py", "x = 1\n")
    library.commit("library")
    return library


def link_in(outer: Origin, path: str, commit: str, listed: str) -> str:
    """Commit a submodule by hand, as git itself would refuse to."""
    outer.write(".gitmodules", listed)
    outer.git("add", ".gitmodules")
    outer.git("update-index", "--add", "--cacheinfo", f"160000,{commit},{path}")
    outer.git("commit", "-q", "-m", "submodule")
    return outer.git("rev-parse", "HEAD")


def entry(url: str, path: str = "libs/library", name: str = "library") -> str:
    return f'[submodule "{name}"]\n\tpath = {path}\n\turl = {url}\n'


def test_where_nobody_looked_the_commits_own_submodules_are_checked_out(
    origin: Origin, library: Origin, desk: Desk
) -> None:
    recorded = library.git("rev-parse", "HEAD")
    library.write("lib.py", "newer\n")
    library.commit("newer")
    commit = link_in(origin, "libs/library", recorded, entry(library.url))
    tree = desk.rebuild(Source(origin.url, commit))
    assert (tree / "libs/library/lib.py").read_text() == "x = 1\n"
    assert git(tree / "libs/library", "rev-parse", "HEAD") == recorded
    assert git(tree, "status", "--porcelain") == ""
    assert git(tree, "submodule", "status").lstrip("-+ ").startswith(recorded)


def test_relative_addresses_begin_at_the_outer_repository_also_nested(
    origin: Origin, library: Origin, origin_at: type[Origin], desk: Desk, tmp_path: Path
) -> None:
    middle = origin_at(tmp_path / "group" / "middle")
    middle.folder.mkdir(parents=True)
    middle.git("init", "-q", "-b", "main")
    inner = link_in(middle, "deep", library.git("rev-parse", "HEAD"), entry("../../library", "deep"))
    commit = link_in(origin, "m", inner, entry("../group/middle", "m"))
    tree = desk.rebuild(Source(origin.url, commit))
    assert (tree / "m/deep/lib.py").read_text() == "x = 1\n"


def test_what_was_recorded_at_the_desk_counts_and_not_the_list(
    origin: Origin, library: Origin, desk: Desk
) -> None:
    commit = link_in(origin, "libs/library", "1" * 40, entry("ext::false"))
    inner = library.git("rev-parse", "HEAD")
    recorded = Submodule("elsewhere", Source(library.url, inner))
    tree = desk.rebuild(Source(origin.url, commit, submodules=(recorded,)))
    assert (tree / "elsewhere/lib.py").exists()
    assert list((tree / "libs/library").iterdir()) == []


def test_a_cached_submodule_needs_no_network_and_its_cache_is_shown_as_lent(
    origin: Origin, library: Origin, desk: Desk
) -> None:
    inner = Source(library.url, library.git("rev-parse", "HEAD"))
    source = Source(origin.url, origin.git("rev-parse", "HEAD"), submodules=(Submodule("lib", inner),))
    desk.rebuild(source)
    for folder in (origin.folder, library.folder):
        folder.rename(folder.with_name(f"{folder.name}-unplugged"))
    tree = desk.rebuild(source)
    shelf = RepositoryShelf(desk.repositories, tree.parent)
    assert shelf.lent(Repository.of(source, desk.repositories).folder)
    assert shelf.lent(Repository.of(inner, desk.repositories).folder)
    assert len(shelf.entries()) == 2


def test_an_error_names_the_submodule(origin: Origin, library: Origin, desk: Desk) -> None:
    lost = Submodule("libs/lost", Source(library.url, "1" * 40))
    source = Source(origin.url, origin.git("rev-parse", "HEAD"), submodules=(lost,))
    with pytest.raises(CommitNotFound, match=r"in the submodule libs/lost: commit 1111"):
        desk.rebuild(source)
    assert not desk.folder.exists()


PLACES = {
    "parent": "../owned",
    "parent in the middle": "pkg/../../owned",
    "absolute": "/{tmp_path}/owned",
    "git folder": ".git/modules/x",
    "git folder in capitals": "pkg/.GIT",
    "the list itself": ".gitmodules",
    "option": "-uowned",
    "option below": "pkg/--owned",
    "the tree itself": ".",
    "nothing": "",
    "files of the tree": "pkg",
    "a file": "train.py",
    "below a file": "train.py/owned",
    "through a link": "outside/owned",
    "a link": "outside",
}


@pytest.mark.parametrize("name", PLACES)
def test_a_submodule_stands_nowhere_but_in_a_free_place_of_the_tree(
    name: str, origin: Origin, library: Origin, desk: Desk, tmp_path: Path
) -> None:
    (tmp_path / "outside").mkdir()
    (origin.folder / "outside").symlink_to(tmp_path / "outside")
    place = PLACES[name].format(tmp_path=tmp_path)
    inner = Submodule(place, Source(library.url, library.git("rev-parse", "HEAD")))
    with pytest.raises(UnsafeSource):
        desk.rebuild(Source(origin.url, origin.commit(), submodules=(inner,)))
    assert not list(tmp_path.rglob("owned*"))
    assert not list((tmp_path / "outside").iterdir())
    assert not desk.folder.exists()


ADDRESSES = {
    "a command": "ext::sh -c touch% owned",
    "a file descriptor": "fd::17",
    "an option": "--upload-pack=touch owned",
    "an option by ssh": "ssh://-oProxyCommand=touch/x",
    "nothing": "",
    "a control letter": "https://example.org/\x07a",
    "unencrypted": "git://example.org/a",
    "too far up": "../../../../../../../../../../owned",
}


@pytest.mark.parametrize("name", ADDRESSES)
def test_a_hostile_address_in_the_list_is_refused(
    name: str, origin: Origin, library: Origin, desk: Desk
) -> None:
    inner = library.git("rev-parse", "HEAD")
    commit = link_in(origin, "lib", inner, entry(f'"{ADDRESSES[name]}"', "lib"))
    with pytest.raises((UnsafeSource, CommitNotFound)):
        desk.rebuild(Source(origin.url, commit))
    assert not list(desk.root.rglob("owned"))
    assert not Path("owned").exists()


def test_a_path_is_for_whoever_is_let_see_the_outer_repository_by_a_path() -> None:
    for url in ("/srv/lib.git", "file:///srv/lib.git", "../lib.git"):
        refuse_strange(url, "/srv/work.git", "it", GitConfig())
        with pytest.raises(UnsafeSource, match="file is not allowed"):
            refuse_strange(url, "https://example.org/work.git", "it", GitConfig())
        with pytest.raises(UnsafeSource, match="file is not allowed"):
            refuse_strange(url, None, "it", GitConfig())
    refuse_strange("https://example.org/a", "/srv/work.git", "it", GitConfig())
    refuse_strange("http://inner/a", "http://inner/b", "it", GitConfig())
    with pytest.raises(UnsafeSource, match="http is not allowed"):
        refuse_strange("http://inner/a", "https://example.org/b", "it", GitConfig())
    with pytest.raises(UnsafeSource, match="ssh is not allowed"):
        refuse_strange("git@example.org:a", "/srv/b", "it", GitConfig(protocols=("https", "file")))


def test_a_recorded_address_is_held_to_the_same_rule(origin: Origin, library: Origin, desk: Desk) -> None:
    inner = Submodule("lib", Source("ext::touch owned", library.git("rev-parse", "HEAD")))
    with pytest.raises(UnsafeSource, match="ext is not allowed"):
        desk.rebuild(Source(origin.url, origin.commit(), submodules=(inner,)))


LISTS = {
    "a name that leads up": entry("../library", "lib", "../../hooks"),
    "a name that leads up by backslashes": entry("../library", "lib", "..\\\\\\\\x"),
    "two addresses": entry("../library", "lib") + "\turl = ext::false\n",
    "no address": '[submodule "x"]\n\tpath = lib\n',
    "not listed": entry("../library", "other"),
    "nonsense": "[submodule\n",
    "an include": "[include]\n\tpath = /etc/passwd\n",
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_that_git_would_not_follow_is_refused(
    name: str, origin: Origin, library: Origin, desk: Desk
) -> None:
    commit = link_in(origin, "lib", library.git("rev-parse", "HEAD"), LISTS[name])
    with pytest.raises(WorkspaceError):
        desk.rebuild(Source(origin.url, commit))
    assert not desk.folder.exists()


def test_a_list_that_is_a_link_is_refused(origin: Origin, library: Origin, desk: Desk) -> None:
    origin.write("list", entry(library.url, "lib"))
    target = origin.git("hash-object", "-w", "list")
    records = f"120000 blob {target}\t.gitmodules\n160000 commit {library.git('rev-parse', 'HEAD')}\tlib\n"
    made = subprocess.check_output(["git", "mktree"], cwd=origin.folder, input=records, text=True)
    commit = origin.git("commit-tree", "-m", "a link", made.strip())
    origin.git("branch", "linked", commit)
    with pytest.raises(WorkspaceError, match=r"invalid path '\.gitmodules'"):
        desk.rebuild(Source(origin.url, commit))


def test_the_trees_own_hooks_and_settings_do_not_run_in_a_submodule(
    origin: Origin, library: Origin, desk: Desk, tmp_path: Path
) -> None:
    commit = link_in(
        origin,
        "lib",
        library.git("rev-parse", "HEAD"),
        entry(library.url, "lib") + f"\tupdate = !touch {tmp_path}/owned\n",
    )
    desk.rebuild(Source(origin.url, commit))
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize(
    ("parent", "url", "expected"),
    [
        ("https://example.org/a/b.git", "../c.git", "https://example.org/a/c.git"),
        ("https://example.org/a/b.git/", "../../c", "https://example.org/c"),
        ("git@example.org:a/b.git", "../c.git", "git@example.org:a/c.git"),
        ("git@example.org:b.git", "../c.git", "git@example.org:c.git"),
        ("git@example.org:a/b.git", "./c.git", "git@example.org:a/b.git/c.git"),
        ("/srv/a/b.git", "../../c", "/srv/c"),
        ("file:///srv/b.git", "../c", "file:///srv/c"),
        ("/srv/b", "https://example.org/c", "https://example.org/c"),
    ],
)
def test_relative_addresses_are_resolved_as_git_does(parent: str, url: str, expected: str) -> None:
    assert resolved(url, parent) == expected


@pytest.mark.parametrize(
    ("parent", "url"),
    [
        ("https://example.org/b.git", "../../c"),
        ("https://example.org", "../c"),
        ("git@example.org:b", "../../c"),
        ("/b", "../../c"),
        (None, "../c"),
    ],
)
def test_relative_addresses_that_lead_out_of_the_outer_one_are_refused(parent: str | None, url: str) -> None:
    with pytest.raises(UnsafeSource):
        resolved(url, parent)


@pytest.mark.parametrize(
    ("url", "expected"),
    [("ext::x", "ext"), ("https://a/b", "https"), ("HTTPS://a/b", "https"), ("git+ssh://a/b", "ssh"),
     ("a:b", "ssh"), ("/a:b", "file"), ("./a:b", "file"), ("a", "file"), ("FILE:///a", "file"),
     ("transport+x::a", "transport+x"), ("user@host:~/x", "ssh")],
)  # fmt: skip
def test_protocols_are_told_as_git_does(url: str, expected: str) -> None:
    assert protocol(url) == expected
