"""The witness of a supervisor, with real processes: what it passes on, and what it can tell."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import os, signal, subprocess, sys, time
from agent.state import ProcessMark
from agent.witness import witnessed
from executors.process.subreaper import become_subreaper

how = sys.argv[1]

def supervise(bequest):
    become_subreaper()
    if how == "leaves":
        return 75
    if how == "hears":
        signal.signal(signal.SIGTERM, lambda *_: os._exit(9))
        os.kill(os.getppid(), signal.SIGTERM)
        time.sleep(30)
    out, written = os.pipe()
    script = subprocess.Popen(["sh", "-c", how], stdout=written)
    os.close(written)
    bequest.hand_on([out])
    with open("mark", "w") as file:
        file.write(str(script.pid))
    os.waitid(os.P_PID, script.pid, os.WEXITED | os.WNOWAIT | (os.WNOHANG if "sleep" in how else 0))
    os.kill(os.getpid(), signal.SIGKILL)

def succeed(testimony):
    pid = int(open("mark").read())
    ended = testimony.exit_of(ProcessMark(pid, 0.0))
    print(ended and ended.code, flush=True)
    if ended is None:
        os.kill(pid, signal.SIGKILL)
    else:
        print(os.read(testimony.descriptors[0], 100).decode(), flush=True)
    return 0

sys.exit(witnessed(supervise, succeed))
"""


def run(how: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, how], cwd=folder, capture_output=True, text=True, timeout=30,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip


def test_the_exit_code_of_a_supervisor_is_its_witnesses(tmp_path: Path) -> None:
    assert run("leaves", tmp_path).returncode == 75


def test_a_signal_to_the_witness_reaches_the_supervisor(tmp_path: Path) -> None:
    assert run("hears", tmp_path).returncode == 9


@pytest.mark.parametrize(("script", "told"), [("exit 3", "3"), ("exit 137", "137"), ("kill -15 $$", "-15")])
def test_a_killed_supervisors_script_has_its_exit_and_its_last_words_told(
    tmp_path: Path, script: str, told: str
) -> None:
    done = run(f"echo last words; {script}", tmp_path)
    assert done.stdout.split("\n")[:2] == [told, "last words"], done.stderr


def test_a_script_that_was_killed_beside_its_supervisor_has_not_ended_by_itself(tmp_path: Path) -> None:
    assert run("kill -9 $$", tmp_path).stdout.strip() == "None"


def test_a_script_that_runs_on_has_no_exit(tmp_path: Path) -> None:
    done = run("exec sleep 30", tmp_path)
    assert (done.stdout.strip(), done.returncode) == ("None", 0), done.stderr
