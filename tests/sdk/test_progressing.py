"""Progress: how far a run has come, said as often as the script likes."""

from __future__ import annotations

import math
import os
import signal
import textwrap
import threading
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy
import pytest

from elsewhere.contract.edit import Edit, Property
from elsewhere.contract.errors import LateWrite, UsageError
from elsewhere.contract.status import Status
from elsewhere.contract.write import Edited, Write
from elsewhere.store.memory import MemoryStore
from elsewhere.store.redis import RedisStore
from elsewhere.stored import Stored
from elsewhere.task import Task
from elsewhere.valve import Valve
from tests.parameters.desk import Desk
from tests.sdk.relayed import Relayed, new_task, relayed


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def task(store: MemoryStore) -> Task:
    return Task(Stored(store, store.create(new_task()).id))


GOOD = [0, 100, 0.0, 33.3, numpy.float32(12.5), numpy.int64(7), Decimal("1.5"), Fraction(1, 2)]
BAD = [-1, 100.1, math.nan, math.inf, -math.inf, True, "50", b"50", None, [50], 10**400, 1j, numpy.zeros(2)]


@pytest.mark.parametrize("progress", GOOD, ids=repr)
def test_a_number_of_percent_is_kept(task: Task, progress: Any) -> None:
    assert task.get_progress() is None
    task.set_progress(progress)
    assert task.get_progress() == float(progress)


@pytest.mark.parametrize("progress", BAD, ids=repr)
def test_anything_else_is_refused_at_the_call(
    task: Task, store: MemoryStore, monkeypatch: pytest.MonkeyPatch, progress: Any
) -> None:
    task.set_progress(5)
    with pytest.raises(UsageError, match="not between 0 and 100 percent"):
        task.set_progress(progress)
    assert task.get_progress() == 5.0
    with relayed(monkeypatch, store, task.id) as attempt:
        attempt.task.set_progress(6)
        with pytest.raises(UsageError, match="not between 0 and 100 percent"):
            attempt.task.set_progress(progress)
        assert attempt.arrived().progress == 6.0


def edit(progress: float) -> Write:
    return Edited(Edit(progress=progress))


class TestManyCalls:
    """In an attempt each write is an entry of the journal."""

    def test_few_are_written_and_the_newest_is_what_is_read_and_what_stays(
        self, task: Task, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with relayed(monkeypatch, store, task.id) as attempt:
            held(attempt)
            assert attempt.task.get_progress() == 99.0
            assert attempt.journal.last == 2
            assert attempt.arrived().progress == 99.0

    def test_a_flush_and_the_end_write_what_is_held_back(
        self, task: Task, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with relayed(monkeypatch, store, task.id) as attempt:
            held(attempt)
            attempt.task._place.flush()
            assert attempt.journal.last == 2
            held(attempt)
            attempt.task.close()
            assert attempt.arrived().progress == 99.0

    def test_what_is_held_back_comes_by_itself_in_a_while(
        self, task: Task, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with relayed(monkeypatch, store, task.id) as attempt:
            attempt.task.set_progress(1)
            attempt.task.set_progress(2)
            with attempt.came:
                assert attempt.came.wait_for(lambda: len(attempt.numbers) == 2, 60)
            assert store.get(task.id).progress == 2.0

    def test_other_edits_do_not_wait_and_an_older_progress_never_comes_later(
        self, task: Task, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with relayed(monkeypatch, store, task.id) as attempt:
            held(attempt)
            attempt.task._place.write(Edited(Edit(comment="c", progress=3.0)))
            assert attempt.journal.last == 3
            now = attempt.arrived()
            assert (now.comment, now.progress) == ("c", 3.0)

    @pytest.mark.parametrize("ending", ["", "sys.exit(3)", "1 / 0", "task.close()"])
    def test_a_real_script_s_last_word_comes_however_it_ends(self, desk: Desk, ending: str) -> None:
        script = f"""
            import sys
            from elsewhere import Task
            task = Task.init(project_name="digits", task_name="svm")
            for step in range(1001):
                task.set_progress(step / 10)
            {ending}
            """
        assert progress_after(desk, script) == 100.0

    @pytest.mark.parametrize("method", ["fork", "spawn"])
    def test_a_worker_s_last_word_comes(self, desk: Desk, method: str) -> None:
        script = f"""
            import multiprocessing
            from elsewhere import Task
            def work():
                task = Task.init(project_name="digits", task_name="svm")
                for step in range(1000):
                    task.set_progress(step / 10)
            if __name__ == "__main__":
                task = Task.init(project_name="digits", task_name="svm")
                task.set_progress(0)
                worker = multiprocessing.get_context("{method}").Process(target=work)
                worker.start()
                worker.join()
            """
        assert progress_after(desk, script) == 99.9


def held(attempt: Relayed) -> None:
    """A hundred progresses, of which the last is held back, however slow this machine is."""
    valve = attempt.task._place._progress  # type: ignore[attr-defined]
    valve.flush()
    valve._seconds, valve._open_at = 3600.0, 0.0
    for step in range(100):
        attempt.task.set_progress(step)


def progress_after(desk: Desk, script: str) -> float | None:
    """The progress in the store when the script has ended."""
    ran = desk.attempt(textwrap.dedent(script))
    assert ran.task is not None, ran.stderr
    return ran.task.progress


def test_a_run_at_a_desk_says_it_to_the_store(desk: Desk, valkey_url: str, elsewhere_home: Path) -> None:
    script = """
        import sys
        from elsewhere import Task
        task = Task.init(project_name="digits", task_name="svm")
        for step in range(851):
            task.set_progress(step / 20)
        task.set_user_properties(best=0.5)
        assert task.get_progress() == 42.5
        sys.exit(3)
        """
    home = str(elsewhere_home)
    ran = desk.run(textwrap.dedent(script), ELSEWHERE_REDIS_URL=valkey_url, ELSEWHERE_HOME=home)
    store = RedisStore(valkey_url)
    (task,) = store.newest()
    assert (ran.code, task.status) == (3, Status.FAILED), ran.stderr
    assert task.progress == 42.5
    assert task.properties == {"best": Property(0.5)}
    store.close()


class TestValve:
    """What holds writes back."""

    def test_the_first_goes_at_once_and_of_the_others_the_newest(self) -> None:
        sent: list[Write] = []
        valve = Valve(sent.append, 3600.0)
        for number in range(5):
            valve.put(edit(number))
        assert sent == [edit(0)]
        valve.flush()
        valve.flush()
        assert sent == [edit(0), edit(4)]

    def test_threads_never_let_an_older_one_win(self) -> None:
        sent: list[Write] = []
        valve = Valve(sent.append, 0.001)
        threads = [
            threading.Thread(target=lambda: [valve.put(edit(n)) for n in range(200)]) for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        valve.flush()
        assert sent[-1] == edit(199)

    def test_a_refusal_in_the_background_disturbs_nobody(self, capsys: pytest.CaptureFixture[str]) -> None:
        asked = threading.Event()

        def refuse(write: Write) -> None:
            if write == edit(1):
                asked.set()
                raise LateWrite("over")

        valve = Valve(refuse, 0.01)
        valve.put(edit(0))
        valve.put(edit(1))
        assert asked.wait(60)
        valve.flush()
        assert capsys.readouterr().err == ""

    def test_a_forked_child_has_its_parent_s_writes_to_say_no_more(self, tmp_path: Path) -> None:
        said = tmp_path / "said"

        def say(write: Write) -> None:
            with said.open("a") as file:
                file.write(f"{os.getpid()} ")

        valve = Valve(say, 3600.0)
        valve.put(edit(0))
        valve.put(edit(1))
        with valve._lock:
            child = os.fork()
            if child == 0:
                signal.alarm(20)  # were its lock still held
                valve.flush()
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
        valve.flush()
        assert said.read_text().split() == [str(os.getpid())] * 2
