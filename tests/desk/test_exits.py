"""Whatever way a process ends, what was open in it is ended so; seen in real processes of each Python."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).parents[2]

STAND_IN = """
import atexit, json, os, signal, sys, threading, time, types

class Desk:
    def __init__(self, id):
        self.id = id
    def end(self, ending, seconds):
        desks.remove(self)
        say(self.id, status=ending.status.value, message=ending.message, code=ending.exit_code,
            tail=ending.tail, seconds=seconds)
        return True

def say(id, **what):
    with open("said", "a") as file:
        file.write(json.dumps({"id": id, **what}) + "\\n")

import elsewhere.desk
desks = [Desk("first")]
stand_in = types.ModuleType("elsewhere.desk.opened")
stand_in.opened = lambda: list(desks)
sys.modules["elsewhere.desk.opened"] = stand_in
from elsewhere import abort
from elsewhere.desk import exits
"""

OTHERS = ("3.10", "3.11", "3.12", "3.13", "3.14")


def pythons() -> list[Any]:
    found = [pytest.param(sys.executable, id="this")]
    for version in OTHERS:
        folders = sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*"))
        python = str(folders[-1] / "bin" / "python") if folders else ""
        missing = pytest.mark.skipif(not python, reason=f"no Python {version} on this machine")
        found.append(pytest.param(python, id=version, marks=missing))
    return found


@dataclass
class Ended:
    """What came of a process, and what became of the one task that was open in it."""

    code: int
    stdout: str
    stderr: str
    said: list[dict[str, Any]]

    @property
    def statuses(self) -> list[str]:
        return [line["status"] for line in self.said if "status" in line]

    @property
    def task(self) -> dict[str, Any]:
        (line,) = [line for line in self.said if "status" in line]
        return line


@dataclass
class Bench:
    """Runs scripts that have a task open."""

    folder: Path
    python: str = sys.executable

    def start(
        self, script: str, *options: str, stand_in: str = STAND_IN, **more: str
    ) -> subprocess.Popen[str]:
        (self.folder / "train.py").write_text(stand_in + "exits.install()\n" + textwrap.dedent(script))
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("ELSEWHERE_", "PYTHON", "COV_"))}
        home = str(self.folder / "home")
        return subprocess.Popen(
            [self.python, *(options or ("train.py",))],
            cwd=self.folder,
            env={**kept, "PYTHONPATH": str(CHECKOUT), "ELSEWHERE_HOME": home, **more},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def end(self, process: subprocess.Popen[str], stdin: str = "") -> Ended:
        stdout, stderr = process.communicate(stdin, timeout=60)
        path = self.folder / "said"
        lines = path.read_text().splitlines() if path.exists() else []
        return Ended(process.returncode, stdout, stderr, [json.loads(line) for line in lines])

    def run(self, script: str, *options: str, stdin: str = "", **more: str) -> Ended:
        return self.end(self.start(script, *options, **more), stdin)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture(params=pythons())
def each(tmp_path: Path, request: pytest.FixtureRequest) -> Bench:
    return Bench(tmp_path, request.param)


CODES = {
    "returns": ("pass", 0, "completed", 0),
    "exits": ("sys.exit(3)", 3, "failed", 3),
    "exits deep": ("def main():\n    sys.exit(3)\nmain()", 3, "failed", 3),
    "exits with nothing": ("sys.exit()", 0, "completed", 0),
    "exits with zero": ("sys.exit(0)", 0, "completed", 0),
    "exits modulo": ("sys.exit(-1)", 255, "failed", 255),
    "quits": ("quit(4)", 4, "failed", 4),
    "with a finally": ("try:\n    sys.exit(3)\nfinally:\n    print('cleared')", 3, "failed", 3),
    "with a context": ("with open(os.devnull):\n    sys.exit(3)", 3, "failed", 3),
    "caught": ("try:\n    sys.exit(3)\nexcept SystemExit:\n    pass", 0, "completed", 0),
    "parser": ("import argparse; argparse.ArgumentParser().error('no')", 2, "failed", 2),
    "another thread's": ("t = threading.Thread(target=sys.exit, args=(3,)); t.start(); t.join()", 0, "completed", 0),
    "as shells say SIGINT": ("sys.exit(130)", 130, "stopped", 130),
}  # fmt: skip
RAISED = {
    "raises": ("raise SystemExit(3)", 3, "failed"),
    "raises its main": ("def main():\n    return 0\nraise SystemExit(main())", 0, "completed"),
    "raises deep": ("def main():\n    raise SystemExit(3)\nmain()", 3, "failed"),
    "after one that was caught": (
        "try:\n    sys.exit(3)\nexcept SystemExit:\n    pass\nraise SystemExit",
        0,
        "completed",
    ),
}
SAYS_NOTHING = "import sys; print(sys.version_info < (3, 12))"


def knows(bench: Bench) -> bool:
    done = subprocess.run([bench.python, "-c", SAYS_NOTHING], capture_output=True, text=True, check=True)
    return done.stdout.strip() == "False"


class TestCodes:
    """The exit code makes the status."""

    @pytest.mark.parametrize("way", CODES)
    @pytest.mark.parametrize("started", ["script", "module"])
    def test_of_an_exit(self, each: Bench, way: str, started: str) -> None:
        script, code, status, kept = CODES[way]
        ended = each.run(script, *(("-m", "train") if started == "module" else ()))
        assert (ended.code, ended.task["status"]) == (code, status), ended
        assert ended.task["code"] == kept
        assert ended.task["message"] == (f"the script exited with code {code}" if status == "failed" else
                                         "stopped by SIGINT" if status == "stopped" else "")  # fmt: skip

    @pytest.mark.parametrize("way", RAISED)
    @pytest.mark.parametrize("started", ["script", "module"])
    def test_of_a_system_exit_is_known_or_nobody_claims_to_know(
        self, each: Bench, way: str, started: str
    ) -> None:
        script, code, status = RAISED[way]
        ended = each.run(script, *(("-m", "train") if started == "module" else ()))
        assert ended.code == code
        if knows(each):
            assert (ended.task["status"], ended.task["code"]) == (status, code)
        else:
            assert (ended.task["status"], ended.task["code"]) == ("closed", None)
            assert "sys.exit(code)" in ended.task["message"]

    def test_a_text_is_an_exit_with_one_and_is_kept(self, each: Bench) -> None:
        ended = each.run("sys.exit('no data in that folder')")
        assert ended.code == 1
        assert ended.stderr == "no data in that folder\n"
        assert (ended.task["status"], ended.task["code"]) == ("failed", 1)
        assert ended.task["tail"] == "no data in that folder"

    def test_all_the_slots_of_monitoring_taken_the_exit_is_heard_all_the_same(self, each: Bench) -> None:
        takes = "\nif hasattr(sys, 'monitoring'):\n    for n in (3, 4): sys.monitoring.use_tool_id(n, 'x')\n"
        process = each.start("sys.exit(3)", stand_in=STAND_IN + takes)
        assert each.end(process).task["code"] == 3


class TestExceptions:
    """What nobody caught."""

    def test_fails_the_task_with_the_end_of_its_traceback(self, each: Bench) -> None:
        ended = each.run("def step():\n    raise ValueError('no such column')\nstep()")
        assert ended.code == 1
        assert ended.stderr.endswith("ValueError: no such column\n")
        assert (ended.task["status"], ended.task["code"]) == ("failed", 1)
        lines = ended.task["tail"].splitlines()
        assert lines[0] == "Traceback (most recent call last):"
        assert lines[-1] == "ValueError: no such column"
        assert any("in step" in line for line in lines)

    def test_the_hook_of_the_script_goes_on_working(self, each: Bench) -> None:
        ended = each.run("sys.excepthook = lambda *what: print('mine', what[0].__name__)\n1 / 0")
        assert (ended.stdout, ended.stderr) == ("mine ZeroDivisionError\n", "")
        assert ended.task["tail"].endswith("ZeroDivisionError: division by zero")

    def test_one_that_was_caught_is_none(self, each: Bench) -> None:
        assert each.run("try:\n    1 / 0\nexcept ZeroDivisionError:\n    pass").statuses == ["completed"]

    def test_a_threads_exception_ends_no_task(self, each: Bench) -> None:
        ended = each.run("t = threading.Thread(target=lambda: 1 / 0); t.start(); t.join()")
        assert "ZeroDivisionError" in ended.stderr
        assert ended.statuses == ["completed"]

    def test_one_without_a_text_of_its_own_is_told_by_name(self, bench: Bench) -> None:
        mute = "class Mute(Exception):\n    def __str__(self):\n        raise ValueError\nraise Mute"
        assert "Mute" in bench.run(mute).task["tail"]


WAIT = "print('ready', flush=True)\nfor _ in range(600):\n    time.sleep(0.1)"


def signalled(bench: Bench, script: str, number: int, times: int = 1) -> Ended:
    """Run the script until it says that it is ready, and send it that signal."""
    process = bench.start(script)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    for _ in range(times):
        process.send_signal(number)
    return bench.end(process)


class TestSignals:
    """Somebody stops it."""

    def test_an_interrupt_stops_the_task_and_ends_python_as_ever(self, each: Bench) -> None:
        ended = signalled(each, WAIT, signal.SIGINT)
        assert ended.code == -signal.SIGINT
        assert "KeyboardInterrupt" in ended.stderr
        assert (ended.task["status"], ended.task["message"]) == ("stopped", "stopped by SIGINT")

    def test_sigterm_stops_the_task_and_the_process_dies_of_it(self, each: Bench) -> None:
        ended = signalled(each, WAIT, signal.SIGTERM)
        assert ended.code == -signal.SIGTERM
        assert (ended.task["status"], ended.task["message"]) == ("stopped", "stopped by SIGTERM")

    def test_it_dies_of_it_also_while_its_main_thread_hears_nothing_for_long(self, bench: Bench) -> None:
        # One call that begins when the signal was heard, and runs for minutes without a look at signals.
        deaf = (
            "import ctypes\nabort.OBSTINATE_SECONDS = 0.1\nheard = threading.Event()\n"
            "abort.call_back('first', heard.set, 30.0)\n"
            "print('ready', flush=True)\nheard.wait()\n"
            "libc = ctypes.PyDLL(None)\nsignal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])\n"
            "ctypes.CDLL(None).sleep(600)"
        )
        ended = signalled(bench, deaf, signal.SIGTERM)
        assert ended.code in (128 + signal.SIGTERM, -signal.SIGTERM)
        assert ended.statuses == ["stopped"]

    def test_a_handler_of_the_script_is_left_alone(self, bench: Bench) -> None:
        before = "\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(9))\n"
        process = bench.start(WAIT, stand_in=STAND_IN + before)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.terminate()
        ended = bench.end(process)
        assert (ended.code, ended.task["status"], ended.task["code"]) == (9, "failed", 9)

    def test_ignored_it_stays_ignored(self, bench: Bench) -> None:
        ignored = "\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        process = bench.start("print('ready', flush=True)\nsys.stdin.read()", stand_in=STAND_IN + ignored)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.terminate()
        ended = bench.end(process)
        assert (ended.code, ended.statuses) == (0, ["completed"])

    def test_the_script_goes_on_until_the_end_is_kept_and_no_lock_is_waited_for(self, bench: Bench) -> None:
        # The main thread holds, when the signal comes, what the end needs.
        locked = (
            "lock = threading.Lock()\nend = Desk.end\n"
            "def end_with_lock(self, *a):\n    with lock:\n        return end(self, *a)\n"
            "Desk.end = end_with_lock\n"
            "with lock:\n    os.kill(os.getpid(), signal.SIGTERM)\n    time.sleep(0.01)\n"
            "time.sleep(600)"
        )
        ended = bench.run(locked)
        assert (ended.code, ended.statuses) == (-signal.SIGTERM, ["stopped"])

    def test_before_the_process_has_ended_by_itself_it_stops_the_task(self, each: Bench) -> None:
        ended = each.run("atexit.register(os.kill, os.getpid(), signal.SIGTERM)")
        assert (ended.code, ended.statuses) == (-signal.SIGTERM, ["stopped"])

    def test_while_the_end_is_being_kept_it_waits_for_that_and_ends_nothing_twice(self, each: Bench) -> None:
        script = (
            "end = Desk.end\n"
            "def end_slowly(*a):\n    os.kill(os.getpid(), signal.SIGTERM)\n    time.sleep(0.3)\n"
            "    return end(*a)\n"
            "Desk.end = end_slowly\nsys.exit(3)"
        )
        ended = each.run(script)
        assert ended.statuses == ["failed"]
        assert ended.code in (-signal.SIGTERM, 3)


class TestCallbacks:
    """``abort.call_back``."""

    def test_runs_before_the_task_is_ended(self, each: Bench) -> None:
        ended = signalled(each, "abort.call_back('first', lambda: say('first', saved=1), 30)\n" + WAIT, 15)
        assert ended.code == -signal.SIGTERM
        assert [set(line) - {"id"} >= {"saved"} for line in ended.said] == [True, False]
        assert ended.statuses == ["stopped"]

    def test_may_tell_the_scripts_loop_which_goes_on_meanwhile(self, bench: Bench) -> None:
        script = (
            "asked, saved = threading.Event(), threading.Event()\n"
            "def stop():\n    asked.set()\n    saved.wait()\n"
            "abort.call_back('first', stop, 30)\nprint('ready', flush=True)\n"
            "asked.wait()\nsay('first', saved=1)\nsaved.set()\ntime.sleep(600)"
        )
        ended = signalled(bench, script, signal.SIGTERM)
        assert ended.said[0] == {"id": "first", "saved": 1}
        assert ended.statuses == ["stopped"]

    def test_one_that_returns_too_late_is_not_waited_for(self, bench: Bench) -> None:
        ended = signalled(bench, "abort.call_back('first', lambda: time.sleep(600), 0.1)\n" + WAIT, 15)
        assert (ended.code, ended.statuses) == (-signal.SIGTERM, ["stopped"])
        assert "the abort callback has not returned within 0.1 s" in ended.stderr

    def test_one_that_fails_is_said_and_holds_nothing_up(self, bench: Bench) -> None:
        ended = signalled(bench, "abort.call_back('first', lambda: 1 / 0, 30)\n" + WAIT, signal.SIGTERM)
        assert "ZeroDivisionError" in ended.stderr
        assert (ended.code, ended.statuses) == (-signal.SIGTERM, ["stopped"])

    def test_runs_once_however_often_it_is_asked(self, bench: Bench) -> None:
        script = "abort.call_back('first', lambda: (say('first', called=1), time.sleep(0.3)), 30)\n" + WAIT
        ended = signalled(bench, script, signal.SIGTERM, times=3)
        assert len([line for line in ended.said if "called" in line]) == 1
        assert ended.code == -signal.SIGTERM

    def test_taken_back_it_is_not_called(self, bench: Bench) -> None:
        script = (
            "abort.call_back('first', lambda: say('first', called=1), 30)\nabort.call_back('first', None)\n"
        )
        assert len(signalled(bench, script + WAIT, signal.SIGTERM).said) == 1

    def test_comes_before_a_handler_of_the_script_which_then_decides(self, bench: Bench) -> None:
        script = (
            "signal.signal(signal.SIGTERM, lambda *_: sys.exit(9))\n"
            "abort.call_back('first', lambda: say('first', called=1), 30)\n"
            "print(abort.listen(), abort.listen(before_others=True), file=sys.stderr)\n" + WAIT
        )
        ended = signalled(bench, script, signal.SIGTERM)
        assert ended.stderr.startswith("False True\n")
        assert ended.said[0] == {"id": "first", "called": 1}
        assert ended.code == 9

    def test_a_request_does_what_the_signal_does_and_names_who_asked(self, bench: Bench) -> None:
        ended = bench.run(
            "abort.call_back('first', lambda: say('first', called=1), 30)\nabort.ask('ada')\n" + WAIT
        )
        assert ended.said[0] == {"id": "first", "called": 1}
        assert ended.code == -signal.SIGTERM
        assert ended.task["message"] == "stopped by ada"


class TestOrder:
    """What comes before what."""

    def test_later_exit_handlers_of_the_script_run_before_and_earlier_ones_after(self, each: Bench) -> None:
        early = "\natexit.register(say, 'early', handler=1)\n"
        process = each.start("atexit.register(say, 'late', handler=1)", stand_in=STAND_IN + early)
        assert [line["id"] for line in each.end(process).said] == ["late", "first", "early"]

    def test_threads_are_waited_for_before_anything_is_ended(self, each: Bench) -> None:
        ended = each.run("threading.Thread(target=lambda: (time.sleep(0.2), say('thread', done=1))).start()")
        assert ended.said[0] == {"id": "thread", "done": 1}
        assert ended.statuses == ["completed"]

    def test_the_newest_task_is_ended_first_and_they_share_the_deadline(self, bench: Bench) -> None:
        ended = bench.run("desks.append(Desk('second'))", ELSEWHERE_EXIT_DEADLINE_SECONDS="2.5")
        ends = [line for line in ended.said if "status" in line]
        assert [line["id"] for line in ends] == ["second", "first"]
        assert 2.5 >= ends[0]["seconds"] >= ends[1]["seconds"] > 0

    def test_a_deadline_that_makes_no_sense_is_said_and_the_usual_one_holds(self, bench: Bench) -> None:
        ended = bench.run("pass", ELSEWHERE_EXIT_DEADLINE_SECONDS="soon")
        assert "ELSEWHERE_EXIT_DEADLINE_SECONDS must be a number of seconds, not 'soon'" in ended.stderr
        assert ended.task["seconds"] <= 5.0

    def test_an_end_that_fails_is_said_and_keeps_no_other_from_its_own(self, bench: Bench) -> None:
        ended = bench.run("desks.append(Desk('second'))\ndesks[1].end = lambda *a: 1 / 0")
        assert ended.code == 0
        assert "the end of task second was not kept: division by zero" in ended.stderr
        assert [line["id"] for line in ended.said if "status" in line] == ["first"]

    def test_from_another_thread_elsewheres_own_exit_says_its_code(self, bench: Bench) -> None:
        script = (
            "from elsewhere.exit import leave\n"
            "threading.Thread(target=leave, args=(8,)).start()\ntime.sleep(600)"
        )
        ended = bench.run(script)
        assert (ended.code, ended.task["status"], ended.task["code"]) == (8, "failed", 8)


class TestProcesses:
    """Only the process that opened a task ends it."""

    def test_a_forked_child_ends_nothing(self, each: Bench) -> None:
        ended = each.run("pid = os.fork()\nif not pid:\n    sys.exit(3)\nprint(os.waitpid(pid, 0)[1] >> 8)")
        assert ended.stdout == "3\n"
        assert ended.statuses == ["completed"]

    def test_a_forked_child_dies_of_sigterm_as_any_other(self, each: Bench) -> None:
        script = (
            "pid = os.fork()\nif not pid:\n    time.sleep(600)\n"
            "os.kill(pid, signal.SIGTERM)\nprint(os.waitpid(pid, 0)[1])"
        )
        ended = each.run(script)
        assert ended.stdout == "15\n"
        assert ended.statuses == ["completed"]

    @pytest.mark.parametrize("method", ["fork", "spawn"])
    def test_a_worker_ends_nothing_and_can_be_terminated(self, bench: Bench, method: str) -> None:
        (bench.folder / "work.py").write_text("import time\ndef work():\n    time.sleep(600)\n")
        script = (
            "import multiprocessing, work\n"
            "if __name__ == '__main__':\n"
            f"    worker = multiprocessing.get_context('{method}').Process(target=work.work)\n"
            "    worker.start()\n    worker.terminate()\n    worker.join()\n    print(worker.exitcode)"
        )
        ended = bench.run(script)
        assert ended.stdout == "-15\n"
        assert ended.statuses[-1:] == ["completed"]

    def test_what_is_killed_says_nothing(self, bench: Bench) -> None:
        assert bench.run("os.kill(os.getpid(), signal.SIGKILL)").said == []
        assert bench.run("os._exit(3)").said == []


class TestPrompts:
    """A prompt has no verdict of its own."""

    def test_one_that_ends_is_completed_whatever_was_typed(self, each: Bench) -> None:
        typed = "exec(open('train.py').read())\n1 / 0\nimport sys\nsys.exit(3)\n"
        ended = each.run("", "-i", stdin=typed)
        assert ended.statuses == ["completed"], ended

    def test_a_script_that_failed_before_its_prompt_has_failed(self, bench: Bench) -> None:
        ended = bench.run("raise ValueError('no')", "-i", "train.py", stdin="1 + 1\n")
        assert ended.statuses == ["failed"]
