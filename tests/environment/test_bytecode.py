"""Bytecode is made once, in the background, for all; nothing of it can hurt an attempt."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from agent.environment import Environment, bytecode, lock_of
from agent.lock import is_locked, locked, locked_if_free

if TYPE_CHECKING:
    from .conftest import Box

SECONDS = 150
"""Generous: on a busy machine, what takes only what nobody else wants may take that long."""


@pytest.fixture
def environment(box: Box) -> Environment:
    return box.prepare("toyone==1.0")


@pytest.fixture
def slow(box: Box, wheel: Callable[..., Path]) -> Environment:
    """An environment that takes a while to compile."""
    wheel(box.wheels, "toyslow", "1.0", payload=b"x = 1\n" * 150_000)
    return box.prepare("toyslow==1.0")


def compiled(environment: Environment) -> set[str]:
    return {path.name for path in environment.folder.glob("lib/python*/site-packages/**/*.pyc")}


def wait_for_the_end(environment: Environment) -> None:
    """Until nobody compiles any more, nor holds the environment; the kernel wakes us."""
    done = threading.Event()

    def wait() -> None:
        with locked(bytecode.compiling_lock(environment)), locked(lock_of(environment.folder)):
            pass
        done.set()

    threading.Thread(target=wait, daemon=True).start()
    assert done.wait(SECONDS)


def compilers() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if is_compiler(child)]


def is_compiler(child: psutil.Process) -> bool:
    try:
        return any(word.endswith("compiler.py") for word in child.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):  # another test's, adopted by this process
        return False


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[object]]:
    """The commands that were started."""
    commands: list[list[object]] = []
    popen = subprocess.Popen

    def watched(command: list[object], **options: object) -> object:
        commands.append(command)
        return popen(command, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(bytecode.subprocess, "Popen", watched)
    return commands


def test_after_the_first_call_there_is_bytecode_and_a_second_starts_no_process(
    environment: Environment, started: list[list[object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    # The agent's own setting is no reason to leave an environment uncompiled.
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    assert compiled(environment) == set()
    bytecode.compile_soon(environment)
    wait_for_the_end(environment)
    tag = f"cpython-{sys.version_info.major}{sys.version_info.minor}"
    assert f"toyone.{tag}.pyc" in compiled(environment)
    assert bytecode.is_compiled(environment)
    bytecode.compile_soon(environment)
    assert len(started) == 1


def test_an_import_takes_the_bytecode_and_an_edited_source_is_seen(environment: Environment) -> None:
    bytecode.compile_soon(environment)
    wait_for_the_end(environment)
    import_it = [environment.python, "-v", "-c", "import toyone; print(toyone.VERSION)"]
    taken = subprocess.run(import_it, capture_output=True, text=True, timeout=SECONDS)
    assert "matches" in next(line for line in taken.stderr.splitlines() if "toyone" in line and "pyc" in line)
    (source,) = environment.folder.glob("lib/python*/site-packages/toyone.py")
    edited = source.with_suffix(".new")
    edited.write_text("VERSION = 'edited by hand'\n")
    edited.replace(source)  # the file itself is shared with the installer's cache
    assert subprocess.check_output(import_it, stderr=subprocess.DEVNULL, text=True) == "edited by hand\n"


def test_it_takes_what_nobody_else_wants_of_the_machine(slow: Environment) -> None:
    bytecode.compile_soon(slow)
    (process,) = compilers()
    try:
        if hasattr(psutil, "IOPRIO_CLASS_IDLE"):
            assert process.ionice().ioclass == psutil.IOPRIO_CLASS_IDLE
        assert os.getsid(process.pid) == process.pid
        while process.nice() != 19:  # its first act
            assert process.is_running()
        if hasattr(os, "SCHED_IDLE"):
            while os.sched_getscheduler(process.pid) != os.SCHED_IDLE:
                assert process.is_running()
    finally:
        process.kill()
    wait_for_the_end(slow)


def test_of_two_attempts_at_once_one_compiles(slow: Environment, started: list[list[object]]) -> None:
    bytecode.compile_soon(slow)
    bytecode.compile_soon(slow)
    assert len(started) == 1
    (process,) = compilers()
    process.kill()
    wait_for_the_end(slow)


def test_killed_midway_it_is_not_done_and_the_next_attempt_goes_on(slow: Environment) -> None:
    bytecode.compile_soon(slow)
    (process,) = compilers()
    process.send_signal(signal.SIGKILL)
    wait_for_the_end(slow)
    assert not bytecode.is_compiled(slow)
    # The rest is quick, so that the test is.
    next(slow.folder.glob("lib/python*/site-packages/toyslow.py")).write_text("")
    bytecode.compile_soon(slow)
    wait_for_the_end(slow)
    assert bytecode.is_compiled(slow)


def test_no_janitor_removes_what_is_being_compiled(slow: Environment) -> None:
    bytecode.compile_soon(slow)
    with locked_if_free(lock_of(slow.folder)) as free:
        assert not free
    (process,) = compilers()
    process.kill()
    wait_for_the_end(slow)
    with locked_if_free(lock_of(slow.folder)) as free:
        assert free


def test_an_environment_that_is_being_removed_is_left_alone(
    environment: Environment, started: list[list[object]]
) -> None:
    with locked(lock_of(environment.folder)):
        bytecode.compile_soon(environment)
    assert started == []


def test_nothing_is_started_where_there_is_nothing_to_compile(box: Box, started: list[list[object]]) -> None:
    bytecode.compile_soon(box.prepare())
    assert started == []


def test_nothing_is_started_on_a_disk_that_is_nearly_full(
    environment: Environment, started: list[list[object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bytecode, "LEAST_FREE_BYTES", shutil.disk_usage("/").total)
    bytecode.compile_soon(environment)
    assert started == []


def test_what_cannot_be_written_or_run_is_no_failure(environment: Environment) -> None:
    environment.python.unlink()
    bytecode.compile_soon(environment)
    assert not is_locked(bytecode.compiling_lock(environment))
    shutil.rmtree(environment.folder)
    bytecode.compile_soon(environment)
