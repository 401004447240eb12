"""Private repositories: the agent gets in by its own means, and shows them to nobody."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agent.workspace.address import rewritten
from agent.workspace.config import GitConfig, Token, configured
from elsewhere.contract.errors import CommitNotFound, ConfigurationError
from elsewhere.contract.spec import Source
from elsewhere.settings import Folders, find_folders
from tests.workspace.forge import Forge, serving

if TYPE_CHECKING:
    from .conftest import Desk, Origin

SECRET = "hunter2-is-secret"


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    for name in [name for name in os.environ if name.startswith(("GIT_", "XDG_CONFIG", "SSH_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    return home


@pytest.fixture
def forge(origin: Origin, tmp_path: Path) -> Iterator[Forge]:
    """Has the origin behind a password."""
    origin.git("clone", "-q", "--bare", str(origin.folder), str(tmp_path / "served" / "me" / "work.git"))
    served = Forge(tmp_path / "served", "git", SECRET)
    with serving(served):
        yield served


def everything_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_a_token_of_the_agents_environment_opens_a_private_repository_and_is_nowhere_else(
    origin: Origin, desk: Desk, forge: Forge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORGE_TOKEN", SECRET)
    config = GitConfig(tokens=(Token(forge.url, variable="FORGE_TOKEN"),))
    commit = origin.git("rev-parse", "HEAD")
    tree = desk.rebuild(Source(f"{forge.url}/me/work.git", commit), config=config)
    assert (tree / "pkg/mod.py").read_text() == "x = 1\n"
    assert forge.authorised > 0
    assert forge.shown == []
    assert SECRET.encode() not in everything_in(desk.root)
    assert SECRET not in "".join(desk.notes) + repr(config)


def test_a_token_in_a_file_opens_a_private_repository(
    origin: Origin, desk: Desk, forge: Forge, own_home: Path
) -> None:
    (own_home / "it's a token").write_text(f"{SECRET}\nsecond line\n")
    config = GitConfig(tokens=(Token(forge.url, file=own_home / "it's a token"),))
    desk.rebuild(Source(f"{forge.url}/me/work.git", origin.git("rev-parse", "HEAD")), config=config)
    assert forge.shown == []
    assert SECRET.encode() not in everything_in(desk.root)


def test_a_token_is_not_kept_by_the_users_own_credential_helper(
    origin: Origin, desk: Desk, forge: Forge, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (own_home / ".gitconfig").write_text("[credential]\n\thelper = store\n")
    monkeypatch.setenv("FORGE_TOKEN", SECRET)
    config = GitConfig(tokens=(Token(forge.url, variable="FORGE_TOKEN"),))
    desk.rebuild(Source(f"{forge.url}/me/work.git", origin.git("rev-parse", "HEAD")), config=config)
    assert not (own_home / ".git-credentials").exists()


def test_a_wrong_token_is_an_error_that_does_not_tell_it(
    origin: Origin, desk: Desk, forge: Forge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORGE_TOKEN", "wrong-and-secret")
    config = GitConfig(tokens=(Token(forge.url, variable="FORGE_TOKEN"),))
    with pytest.raises(CommitNotFound, match="Authentication failed") as caught:
        desk.rebuild(Source(f"{forge.url}/me/work.git", origin.git("rev-parse", "HEAD")), config=config)
    assert "wrong-and-secret" not in str(caught.value) + "".join(desk.notes)


def test_a_token_is_for_its_own_host_alone(
    origin: Origin, desk: Desk, forge: Forge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORGE_TOKEN", SECRET)
    config = GitConfig(tokens=(Token("https://git.example.org", variable="FORGE_TOKEN"),))
    with pytest.raises(CommitNotFound):
        desk.rebuild(Source(f"{forge.url}/me/work.git", origin.git("rev-parse", "HEAD")), config=config)
    assert forge.authorised == 0


def test_netrc_opens_a_private_repository(origin: Origin, desk: Desk, forge: Forge, own_home: Path) -> None:
    (own_home / ".netrc").write_text(f"machine 127.0.0.1 login git password {SECRET}\n")
    (own_home / ".netrc").chmod(0o600)
    desk.rebuild(Source(f"{forge.url}/me/work.git", origin.git("rev-parse", "HEAD")))
    assert forge.authorised > 0


def test_git_lfs_logs_in_with_the_same_token(
    origin: Origin, desk: Desk, forge: Forge, monkeypatch: pytest.MonkeyPatch
) -> None:
    if subprocess.run(["git", "lfs", "version"], capture_output=True).returncode != 0:
        pytest.skip("git-lfs is not installed (apt install git-lfs)")
    content = b"weights" * 1000
    digest = hashlib.sha256(content).hexdigest()
    (forge.folder / "content").mkdir()
    (forge.folder / "content" / digest).write_bytes(content)
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {len(content)}\n"
    origin.write("weights.big", pointer)
    commit = origin.commit()
    origin.git("push", "-q", str(forge.folder / "me" / "work.git"), "main")
    monkeypatch.setenv("FORGE_TOKEN", SECRET)
    config = GitConfig(tokens=(Token(forge.url, variable="FORGE_TOKEN"),))
    source = Source(f"{forge.url}/me/work.git", commit, lfs=desk.keep(b"weights.big\0"))
    assert (desk.rebuild(source, config=config) / "weights.big").read_bytes() == content
    assert forge.shown == []
    assert SECRET.encode() not in everything_in(desk.root)


# --- rewriting ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rewrite", "url", "asked"),
    [
        ("", "https://example.org/a/b.git", "https://example.org/a/b.git"),
        ("https-to-ssh", "https://example.org/a/b.git", "ssh://git@example.org/a/b.git"),
        ("https-to-ssh", "https://example.org:8443/a", "ssh://git@example.org/a"),
        ("https-to-ssh", "https://me@example.org/a", "ssh://git@example.org/a"),
        ("https-to-ssh", "git@example.org:a/b.git", "git@example.org:a/b.git"),
        ("https-to-ssh", "http://example.org/a", "http://example.org/a"),
        ("https-to-ssh", "/srv/a.git", "/srv/a.git"),
        ("ssh-to-https", "git@example.org:a/b.git", "https://example.org/a/b.git"),
        ("ssh-to-https", "example.org:a/b.git", "https://example.org/a/b.git"),
        ("ssh-to-https", "ssh://git@example.org:2222/a/b.git", "https://example.org/a/b.git"),
        ("ssh-to-https", "ssh://git@[::1]/a", "https://[::1]/a"),
        ("ssh-to-https", "https://example.org/a", "https://example.org/a"),
        ("ssh-to-https", "./local:with-colon", "./local:with-colon"),
        ("ssh-to-https", "file:///srv/a.git", "file:///srv/a.git"),
    ],
)
def test_addresses_are_rewritten_by_option(rewrite: str, url: str, asked: str) -> None:
    assert rewritten(url, GitConfig(rewrite=rewrite)) == asked  # type: ignore[arg-type]


def test_https_is_asked_by_ssh_where_that_is_the_option(
    origin: Origin, desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ssh = tmp_path / "ssh"
    ssh.write_text(
        f"#!/bin/sh\necho \"$@\" >> '{tmp_path}/asked'\n"
        f"while [ $# -gt 1 ]; do shift; done\ncd '{tmp_path}/srv' && eval \"exec ${{1%%/*}}./${{1#*/}}\"\n"
    )
    ssh.chmod(0o755)
    origin.git("clone", "-q", "--bare", str(origin.folder), str(tmp_path / "srv" / "me" / "work.git"))
    monkeypatch.setenv("GIT_SSH_COMMAND", str(ssh))
    commit = origin.git("rev-parse", "HEAD")
    config = GitConfig(rewrite="https-to-ssh")
    tree = desk.rebuild(Source("https://example.org/me/work.git", commit), config=config)
    asked = (tmp_path / "asked").read_text()
    assert "git@example.org" in asked
    assert "git-upload-pack '/me/work.git'" in asked
    url = subprocess.check_output(["git", "remote", "get-url", "origin"], cwd=tree, text=True)
    assert url.strip() == "https://example.org/me/work.git"


def test_protocols_that_are_not_allowed_are_not_spoken(origin: Origin, desk: Desk) -> None:
    source = Source(origin.url, origin.git("rev-parse", "HEAD"))
    with pytest.raises(CommitNotFound, match="transport 'file' not allowed"):
        desk.rebuild(source, config=GitConfig(protocols=("https", "ssh")))


# --- settings ----------------------------------------------------------------------------


@pytest.fixture
def folders(elsewhere_home: Path) -> Folders:
    found = find_folders()
    found.config.mkdir(parents=True, exist_ok=True)
    return found


def test_settings_are_read_from_their_table(
    folders: Folders, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert configured(folders) == GitConfig()
    (tmp_path / "token").write_text("x\n")
    folders.config_file.write_text(
        '[git]\nrewrite = "ssh-to-https"\nprotocols = ["https"]\ndepth = 0\n'
        '[git.tokens."git.example.org"]\nvariable = "FORGE_TOKEN"\nuser = "x-token-auth"\n'
        f'[git.tokens."http://inner:8080"]\nfile = "{tmp_path}/token"\n'
    )
    monkeypatch.setenv("FORGE_TOKEN", SECRET)
    assert configured(folders) == GitConfig(
        "ssh-to-https",
        ("https",),
        0,
        (
            Token("https://git.example.org", "x-token-auth", "FORGE_TOKEN"),
            Token("http://inner:8080", file=tmp_path / "token"),
        ),
    )
    monkeypatch.setenv("ELSEWHERE_GIT_REWRITE", "https-to-ssh")
    assert configured(folders).rewrite == "https-to-ssh"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('rewrite = "both"', "rewrite"),
        ('protocols = ["ext"]', "'ext'"),
        ("depth = -1", "depth"),
        ("tokens = 1", "tokens"),
        ('token = "x"', "did you mean|no setting token"),
        ("tokens = {'a b' = {variable = 'X'}}", "names no host"),
        ("tokens = {'example.org' = 'hunter2-is-secret'}", "must hold texts"),
        ("tokens = {'example.org' = {}}", "either variable or file"),
        ("tokens = {'example.org' = {token = 'hunter2-is-secret'}}", "either variable or file"),
        ("tokens = {'example.org' = {variable = 'hunter2-is-secret'}}", "names none that is set"),
        ("tokens = {'example.org' = {variable = 'NOT_SET'}}", "names none that is set"),
        ("tokens = {'example.org' = {variable = 'HOME', user = \"a'b\"}}", "no user name"),
        ("tokens = {'example.org' = {file = '/nonexistent'}}", "cannot be read"),
        ("tokens = {'example.org' = {file = '/dev/null'}}", "empty first line"),
    ],
)
def test_wrong_settings_are_refused_without_telling_what_may_be_a_token(
    folders: Folders, text: str, complaint: str
) -> None:
    folders.config_file.write_text(f"[git]\n{text}\n")
    with pytest.raises(ConfigurationError, match=complaint) as caught:
        configured(folders)
    assert SECRET not in str(caught.value)
