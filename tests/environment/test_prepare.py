"""Environments are built once, reused, and their failures say which package."""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agent.environment import Environments, interpreter, warm
from agent.environment import installer as installer_module
from agent.environment import uv as uv_module
from agent.environment.config import PackagesConfig
from agent.environment.index import Index
from elsewhere.contract.errors import BuildError, DiskFull, PackageNotFound, PythonNotFound
from elsewhere.contract.spec import Packages

if TYPE_CHECKING:
    from .conftest import Box

Versions = Callable[..., list[str]]


def test_requirements_are_installed_with_what_they_need(box: Box, versions_in: Versions) -> None:
    environment = box.prepare("toytwo==1.0", freeze=("toytwo==1.0", "toyone==1.0"))
    assert versions_in(environment, "toytwo", "toyone") == ["1.0", "1.0"]
    assert not environment.reused
    assert any("toyone==1.0" in note for note in box.notes)
    assert f"environment {environment.key[:10]} built in" in box.notes[-1]


def test_a_second_task_reuses_the_environment_without_any_process(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = box.prepare("toyone==1.0", "toytwo==1.0")

    def no_process(*_: object, **__: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(subprocess, "Popen", no_process)
    monkeypatch.setattr(os, "posix_spawn", no_process)
    again = box.prepare("ToyTwo == 1.0", "toyone==1.0  # a comment")
    assert again.reused
    assert again.key == first.key
    assert box.notes[-1] == f"environment {first.key[:10]} reused"


def test_other_content_is_another_environment(box: Box) -> None:
    keys = {
        box.prepare("toyone==1.0").key,
        box.prepare("toyone==2.0").key,
        box.prepare("toyone==2.0", freeze=("six==1.0",)).key,
        box.prepare().key,
        box.prepare(freeze=("six==1.0",)).key,
    }
    assert len(keys) == 4


def test_no_requirements_are_an_environment_that_all_share(box: Box) -> None:
    environment = box.prepare()
    assert box.prepare(freeze=("anything==1",)).reused
    code = "import sys; print(sys.prefix != sys.base_prefix)"
    assert subprocess.check_output([environment.python, "-c", code], text=True) == "True\n"


def test_credentials_neither_change_the_key_nor_show_in_the_log(
    box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environments = [
        Environments(
            tmp_path / "e",
            PackagesConfig(index_url=f"https://user:{word}@127.0.0.1:9/simple", index_patience=0),
        )
        for word in ("hunter2", "hunter3")
    ]
    keys = {each.prepare(Packages(), note=box.notes.append).key for each in environments}
    assert len(keys) == 1
    monkeypatch.delenv("UV_NO_INDEX")
    monkeypatch.setenv("UV_HTTP_TIMEOUT", "2")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    with pytest.raises(BuildError) as caught:
        environments[0].prepare(Packages(requirements=("toyone==1.0",)), note=box.notes.append)
    assert "127.0.0.1:9" in "".join(box.notes)
    assert "hunter" not in str(caught.value) + "".join(box.notes)


def test_a_stored_lock_rebuilds_without_resolving(
    box: Box, versions_in: Versions, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = box.prepare("toytwo==1.0")
    remove(environment.folder)
    commands: list[list[str]] = []
    popen = subprocess.Popen

    def watched(command: list[str], *arguments: object, **options: object) -> object:
        commands.append(command)
        return popen(command, *arguments, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(installer_module.subprocess, "Popen", watched)
    again = box.prepare("toytwo==1.0")
    assert not again.reused
    (command,) = (command for command in commands if "pip" in command)
    assert "sync" in command
    assert "--offline" in command
    monkeypatch.undo()
    assert versions_in(again, "toyone") == ["2.0"]


def test_a_lock_that_cannot_be_installed_any_more_is_resolved_anew(box: Box, versions_in: Versions) -> None:
    environment = box.prepare("toytwo==1.0")
    remove(environment.folder)
    (box.folder / "locks" / f"{environment.key}.txt").write_text("toytwo==1.0\nvanished==3.0\n")
    again = box.prepare("toytwo==1.0")
    assert versions_in(again, "toyone") == ["2.0"]


def test_requirements_that_markers_rule_out_install_nothing(box: Box) -> None:
    assert not box.prepare("toyone==1.0; sys_platform == 'amiga'").reused


def test_versions_that_this_machine_cannot_have_are_given_up_with_a_note(
    box: Box, versions_in: Versions
) -> None:
    environment = box.prepare("toytwo==1.0", freeze=("toytwo==1.0", "toyone==1.7+desk"))
    assert versions_in(environment, "toyone") == ["2.0"]
    assert any("cannot all be had on this machine" in note for note in box.notes)


@pytest.mark.parametrize("requirement", ["nosuchthing==1.0", "nosuchthing", "toyone==9.9", "toyone>=9"])
def test_a_package_that_no_index_has_is_named(requirement: str, box: Box) -> None:
    with pytest.raises(PackageNotFound, match=requirement.split("=")[0].split(">")[0]):
        box.prepare(requirement)
    assert any("No solution found" in note for note in box.notes)
    assert not list(box.folder.glob("*/bin"))


def test_packages_of_the_public_index_are_installed_and_missing_ones_named(tmp_path: Path) -> None:
    environments = Environments(tmp_path / "environments")
    notes: list[str] = []
    packages = Packages(requirements=("iniconfig==2.0.0",), freeze=("iniconfig==2.0.0", "six==1.16.0"))
    try:
        environment = environments.prepare(packages, note=notes.append)
    except BuildError as error:
        if "dns error" in str(error) or "Failed to fetch" in str(error):
            pytest.skip("no package index can be reached from here")
        raise
    subprocess.run([environment.python, "-c", "import iniconfig"], check=True)
    for requirement in ("elsewhere-no-such-package-at-all==1.0", "six==99.0"):
        with pytest.raises(PackageNotFound, match=requirement.split("=")[0]):
            environments.prepare(Packages(requirements=(requirement,)), note=notes.append)


def test_a_python_that_is_not_here_lists_those_that_are(tmp_path: Path) -> None:
    environments = Environments(tmp_path / "environments", searched_pythons=(tmp_path,))
    with pytest.raises(PythonNotFound, match=r"Python 3\.99 is not on this machine") as caught:
        environments.prepare(Packages(python="3.99.1"), note=print)
    mine = ".".join(str(part) for part in sys.version_info[:3])
    assert mine in str(caught.value)
    assert "ELSEWHERE_PYTHONS" in caught.value.next_step
    with pytest.raises(BuildError, match="no Python version"):
        environments.prepare(Packages(python="three"), note=print)


def test_the_minor_version_decides_and_the_patch_does_not(box: Box) -> None:
    version = f"{sys.version_info.major}.{sys.version_info.minor}.99"
    environment = box.environments().prepare(Packages(python=version), note=print)
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    answer = subprocess.check_output([environment.python, "-c", code], text=True).strip()
    assert version.startswith(answer)


def test_an_interpreter_of_another_version_is_found_in_a_named_folder(tmp_path: Path) -> None:
    # A stand-in for another version: our own interpreter, whose answer says 3.98 at another place.
    root = tmp_path / "pythons" / "3.98"
    program = root / "bin" / "python3.98"
    program.parent.mkdir(parents=True)
    real = interpreter.own().executable
    answer = f's#"minor": {sys.version_info.minor}#"minor": 98#; s#{real}#{program}#g; '
    answer += f"s#{real.parent.parent}#{root}#g"
    program.write_text(f"#!/bin/sh\n'{real}' \"$@\" | sed '{answer}'\n")
    program.chmod(0o755)
    found = interpreter.find("3.98.2", (tmp_path / "pythons",), tmp_path / "cache")
    assert found.executable == program
    assert found.minor == "3.98"


def test_pip_installs_where_uv_cannot_be_executed(
    box: Box, versions_in: Versions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "uv"
    broken.write_text("no program")
    monkeypatch.setattr(uv_module, "find", lambda: broken)
    environment = box.prepare("toytwo==1.0", freeze=("toyone==1.0",))
    assert versions_in(environment, "toytwo", "toyone") == ["1.0", "1.0"]
    assert any("installing with pip" in note for note in box.notes)
    assert sorted((box.folder / "locks" / f"{environment.key}.txt").read_text().split()) == [
        "toyone==1.0",
        "toytwo==1.0",
    ]


def test_pips_own_words_for_a_missing_package_are_understood(tmp_path: Path) -> None:
    job = installer_module.Job(tmp_path, Index(), print)
    said = "ERROR: No matching distribution found for nosuchthing==1.0"
    error = installer_module.Ended(1, (said,)).error(job)
    assert isinstance(error, PackageNotFound)
    assert "nosuchthing==1.0" in error.what


def test_installers_see_the_index_settings_and_nothing_else_of_the_daemons_shell(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept = ("UV_INDEX_URL", "PIP_INDEX_URL", "UV_INDEX_MINE_PASSWORD", "SSL_CERT_FILE", "HTTPS_PROXY", "HOME")
    dropped = ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "UV_PYTHON", "UV_PROJECT", "PIP_TARGET", "PIP_USER",
               "CONDA_PREFIX", "ELSEWHERE_REDIS_URL")  # fmt: skip
    for name in (*kept, *dropped):
        monkeypatch.setenv(name, "x")
    environment = installer_module._environment()
    assert [name for name in kept if name not in environment] == []
    assert [name for name in dropped if name in environment] == []


def _prepare_one(arguments: tuple[Path, Path]) -> tuple[bool, str]:
    folder, _ = arguments
    environments = Environments(folder, cache_dir=folder.with_name("uv-cache"))
    environment = environments.prepare(Packages(requirements=("toytwo==1.0",)), note=lambda _: None)
    code = "import toyone; print(toyone.VERSION)"
    return environment.reused, subprocess.check_output([environment.python, "-c", code], text=True).strip()


def test_ten_processes_build_one_environment_once(box: Box) -> None:
    warm()
    with multiprocessing.get_context("fork").Pool(10) as pool:
        answers = pool.map(_prepare_one, [(box.folder, box.wheels)] * 10, chunksize=1)
    assert sorted(reused for reused, _ in answers) == [False] + [True] * 9
    assert {version for _, version in answers} == {"2.0"}


CHILD = """
import os, signal, sys
from pathlib import Path
from agent.environment import Environments, environments
from agent.environment.uv import Uv
from elsewhere.contract.spec import Packages

def dies(*arguments, **options):
    os.kill(os.getpid(), signal.SIGKILL)

owner, name = {
    "before it is resolved": (Uv, "resolve"),
    "before it is installed": (Uv, "sync"),
    "before it is marked": (environments, "mark_ready"),
}[sys.argv[4]]
setattr(owner, name, dies)
there = Environments(Path(sys.argv[1]), cache_dir=Path(sys.argv[3]))
there.prepare(Packages(requirements=("toytwo==1.0",)), note=lambda line: None)
"""


@pytest.mark.parametrize("step", ["before it is resolved", "before it is installed", "before it is marked"])
def test_a_killed_build_is_never_reused_but_built_anew(step: str, box: Box, versions_in: Versions) -> None:
    arguments = [str(box.folder), str(box.wheels), str(box.root / "uv-cache"), step]
    ended = subprocess.run([sys.executable, "-c", CHILD, *arguments], check=False)
    assert ended.returncode == -signal.SIGKILL
    (left,) = box.folder.glob("*/bin/python")
    environment = box.prepare("toytwo==1.0")
    assert environment.python == left
    assert not environment.reused
    assert versions_in(environment, "toytwo", "toyone") == ["1.0", "2.0"]


def test_an_unfinished_folder_and_a_vanished_interpreter_are_built_anew(
    box: Box, versions_in: Versions
) -> None:
    environment = box.prepare("toyone==1.0")
    (environment.folder / ".elsewhere-ready").unlink()
    (environment.folder / "rubbish").write_text("half")
    assert not box.prepare("toyone==1.0").reused
    assert not (environment.folder / "rubbish").exists()
    environment.python.unlink()
    environment.python.symlink_to("/nowhere/python")
    assert not box.prepare("toyone==1.0").reused
    assert versions_in(environment, "toyone") == ["1.0"]


ORPHANING = """
import sys
from pathlib import Path
from agent.environment.index import Index
from agent.environment.installer import Job, run
from agent.lock import locked

with locked(Path(sys.argv[1])) as lock:
    job = Job(Path("/"), Index(), lambda line: print(line, flush=True), lock)
    run(["sh", "-c", "echo $$; exec sleep 60"], job)
"""


def test_an_orphaned_installer_keeps_the_lock_of_its_build(tmp_path: Path) -> None:
    path = tmp_path / "build.lock"
    command = [sys.executable, "-c", ORPHANING, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as builder:
        assert builder.stdout is not None
        orphan = int(builder.stdout.readline())
        builder.kill()
    with path.open() as file:
        with pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.kill(orphan, signal.SIGKILL)
        # Waits until the kernel has taken the orphan's descriptors; the test's own limit bounds it.
        fcntl.flock(file, fcntl.LOCK_EX)


def test_a_held_environment_cannot_be_locked_for_removal(box: Box) -> None:
    environment = box.prepare()
    lock = environment.folder.with_name(f"{environment.key}.lock")
    with lock.open() as file:
        with environment.hold(), environment.hold(), pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(file, fcntl.LOCK_UN)
    remove(environment.folder)
    with pytest.raises(BuildError, match="removed meanwhile"), environment.hold():
        pass


def test_each_use_leaves_its_time_for_the_janitor(box: Box) -> None:
    stamp = box.prepare().folder / ".elsewhere-ready"
    os.utime(stamp, (1, 1))
    box.prepare()
    assert time.time() - stamp.stat().st_mtime < 60


def test_a_full_disk_is_named_and_the_partial_environment_removed(
    box: Box, small_disk: Path, wheel: Callable[..., Path]
) -> None:
    wheel(box.wheels, "toybig", "1.0", payload=b"#" * (5 << 20))
    packages = Packages(requirements=("toybig==1.0",))
    with pytest.raises(DiskFull, match=str(small_disk)):
        box.environments(small_disk).prepare(packages, note=box.notes.append)
    assert not list(small_disk.glob("*/bin"))


def remove(folder: Path) -> None:
    subprocess.run(["rm", "-rf", str(folder)], check=True)
