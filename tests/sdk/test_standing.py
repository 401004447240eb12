"""Statuses moved by hand, and waited for: of other tasks, of the run at a desk, and in an attempt."""

from __future__ import annotations

import threading
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from elsewhere import Task
from elsewhere.contract.errors import IllegalMove, TaskFailed, UsageError, WaitTimedOut
from elsewhere.contract.series import Points, Scalars
from elsewhere.contract.spec import Entry, TaskSpec
from elsewhere.contract.status import Status
from elsewhere.contract.task import NewTask, TaskRecord
from elsewhere.store.redis import RedisStore
from elsewhere.stored import Stored
from queueing import take_task
from tests.flow.world import World, eventually
from tests.parameters.desk import Desk, Ran

NEW = NewTask("digits", "svm", TaskSpec(Entry("train.py")))
ENDED = (Status.COMPLETED, Status.FAILED, Status.STOPPED, Status.CLOSED)


def at(server: RedisStore, *statuses: Status) -> Task:
    """A task that was moved through these statuses."""
    task_id = server.create(NEW).id
    stands = Status.CREATED
    for status in statuses:
        if status is Status.QUEUED:
            server.enqueue(task_id, "default")
        else:
            server.move(task_id, status, expected=stands)
        stands = status
    return Task(Stored(server, task_id))


def leased(server: RedisStore) -> Task:
    task = at(server)
    take_task(server.connection, "box", task.id, 60.0)
    return task


class TestByHand:
    """Of a task of the store."""

    @pytest.mark.parametrize("status", ["completed", "failed", "stopped"])
    def test_what_is_in_progress_is_ended_with_a_message(self, server: RedisStore, status: str) -> None:
        task = at(server, Status.IN_PROGRESS)
        getattr(task, f"mark_{status}")(status_message="seen by eye")
        assert (task.get_status(), task.status_message) == (status, "seen by eye")

    def test_a_failure_has_its_reason_before_its_message(self, server: RedisStore) -> None:
        task = at(server, Status.IN_PROGRESS)
        assert task.mark_failed(status_reason="diverged", status_message="loss is NaN at 17")
        assert task.status_message == "diverged\nloss is NaN at 17"

    def test_a_draft_is_started_and_again_changes_nothing(self, server: RedisStore) -> None:
        task = at(server)
        task.mark_started()
        task.mark_started()
        assert (task.get_status(), server.get(task.id).attempt) == ("in_progress", 1)

    def test_what_is_no_draft_is_started_by_force_alone(self, server: RedisStore) -> None:
        queued, ended = at(server, Status.QUEUED), at(server, Status.IN_PROGRESS, Status.FAILED)
        for task in (queued, ended):
            with pytest.raises(IllegalMove):
                at(server, Status.IN_PROGRESS, Status.FAILED).mark_started()
            task.mark_started(force=True)
            assert task.get_status() == "in_progress"
        assert server.queued("default") == 0

    def test_one_that_goes_on_keeps_its_results(self, server: RedisStore) -> None:
        task = at(server, Status.IN_PROGRESS)
        points = Points(array("q", [1]), array("d", [0.5]), array("q", [1000]))
        server.add_scalars(task.id, [Scalars("loss", "train", points)], attempt=1)
        task.mark_completed()
        task.mark_started(force=True)
        assert [series.title for series in server.series(task.id)] == ["loss"]

    @pytest.mark.parametrize("stands", ENDED)
    def test_by_force_an_end_is_replaced_by_another(self, server: RedisStore, stands: Status) -> None:
        for target in ("completed", "failed", "stopped"):
            task = at(server, Status.IN_PROGRESS, stands)
            getattr(task, f"mark_{target}")(force=True)
            assert task.get_status() == target

    def test_without_force_the_first_end_stays_and_the_refusal_is_said(
        self, server: RedisStore, capsys: pytest.CaptureFixture[str]
    ) -> None:
        task = at(server, Status.IN_PROGRESS, Status.COMPLETED)
        assert not task.mark_failed()
        assert capsys.readouterr().err.startswith(f"elsewhere: task {task.id} is completed and cannot")
        with pytest.raises(IllegalMove):
            task.mark_failed(ignore_errors=False)
        with pytest.raises(IllegalMove, match="Pass force=True"):
            task.mark_stopped()
        assert task.get_status() == "completed"

    def test_what_an_agent_runs_is_refused_and_the_way_to_stop_it_named(self, server: RedisStore) -> None:
        task = leased(server)
        for end in (
            lambda: task.mark_completed(ignore_errors=False),
            lambda: task.mark_failed(ignore_errors=False, force=True),
            lambda: task.mark_stopped(force=True),
            lambda: task.reset(force=True),
        ):
            with pytest.raises(IllegalMove, match=f"agent stop {task.id[:12]}"):
                end()
        assert task.get_status() == "in_progress"

    def test_published_it_stays_for_ever(self, server: RedisStore) -> None:
        task = at(server, Status.IN_PROGRESS, Status.COMPLETED)
        assert task.publish()
        assert task.publish()
        for change in (task.reset, task.mark_started, task.mark_stopped):
            with pytest.raises(IllegalMove, match=r"Task\.clone"):
                change(force=True)
        assert task.get_status() == "published"

    def test_what_has_not_ended_cannot_be_published(self, server: RedisStore) -> None:
        for task in (at(server), at(server, Status.IN_PROGRESS)):
            with pytest.raises(UsageError, match="has ended"):
                task.publish()


class TestReset:
    """Back to a draft."""

    @pytest.mark.parametrize("stands", ENDED)
    def test_an_ended_task_is_a_draft_again(self, server: RedisStore, stands: Status) -> None:
        task = at(server, Status.IN_PROGRESS, stands)
        task.reset()
        task.reset()
        assert task.get_status() == "created"

    def test_what_waits_or_runs_takes_force(self, server: RedisStore) -> None:
        for task in (at(server, Status.QUEUED), at(server, Status.IN_PROGRESS)):
            with pytest.raises(IllegalMove):
                task.reset()
            task.reset(force=True)
            assert task.get_status() == "created"
        assert server.queued("default") == 0


class TestWaiting:
    """``wait_for_status``."""

    def test_returns_when_it_comes(self, server: RedisStore) -> None:
        task = at(server, Status.IN_PROGRESS)
        came: list[str] = []
        waiter = threading.Thread(target=lambda: came.append(task.wait_for_status(timeout=60)))
        waiter.start()
        server.move(task.id, Status.COMPLETED, expected=Status.IN_PROGRESS)
        waiter.join()
        assert came == ["completed"]

    def test_one_that_stands_there_is_not_waited_for(self, server: RedisStore) -> None:
        assert at(server, Status.IN_PROGRESS).wait_for_status("in_progress") == "in_progress"
        assert at(server, Status.IN_PROGRESS, Status.STOPPED).wait_for_status() == "stopped"

    def test_a_failure_is_raised_with_its_message(self, server: RedisStore) -> None:
        task = at(server, Status.IN_PROGRESS)
        task.mark_failed(status_message="loss is NaN")
        with pytest.raises(TaskFailed, match="is failed: loss is NaN") as caught:
            task.wait_for_status()
        assert isinstance(caught.value, RuntimeError)
        assert task.wait_for_status("failed", raise_on=None) == "failed"
        with pytest.raises(TaskFailed):
            task.wait_for_status("completed", raise_on="failed")

    def test_time_that_is_out_is_raised(self, server: RedisStore) -> None:
        with pytest.raises(WaitTimedOut, match=r"is created still after 0\.01 s") as caught:
            at(server).wait_for_status(timeout=0.01)
        assert isinstance(caught.value, TimeoutError)

    def test_a_status_that_is_none_is_refused(self, server: RedisStore) -> None:
        with pytest.raises(UsageError, match="'done'"):
            at(server).wait_for_status(["done"])


RUN = "from elsewhere import Task\ntask = Task.init(project_name='digits', task_name='svm')\n"


class TestAtADesk:
    """Of the very run."""

    @pytest.fixture
    def run(self, desk: Desk, server: RedisStore, valkey_url: str) -> Callable[[str], tuple[Ran, TaskRecord]]:
        def run(script: str) -> tuple[Ran, TaskRecord]:
            ran = desk.run(
                RUN + script, ELSEWHERE_REDIS_URL=valkey_url, ELSEWHERE_HOME=str(desk.folder / "home")
            )
            (task,) = server.newest()
            return ran, task

        return run

    @pytest.mark.parametrize("status", ["completed", "failed", "stopped"])
    def test_the_task_is_ended_the_process_goes_on_and_its_end_says_nothing_more(
        self, run: Callable[[str], tuple[Ran, TaskRecord]], status: str
    ) -> None:
        ran, task = run(
            f"task.mark_{status}(status_message='by hand')\nprint('went on')\nraise SystemExit(5)"
        )
        assert (ran.code, ran.stdout) == (5, "went on\n")
        assert (task.status, task.status_message) == (status, "by hand")

    def test_what_is_said_of_it_afterwards_is_read_again(
        self, run: Callable[[str], tuple[Ran, TaskRecord]]
    ) -> None:
        script = (
            "task.close()\ntask.mark_failed(force=True, status_message='by eye')\nprint(task.status_message)"
        )
        ran, task = run(script)
        assert ran.stdout == "by eye\n", ran.stderr
        assert (task.status, task.status_message) == ("failed", "by eye")

    def test_the_handle_goes_on_in_the_store(self, run: Callable[[str], tuple[Ran, TaskRecord]]) -> None:
        script = (
            "task.mark_completed()\nassert task.publish()\nprint(task.get_status(), task.wait_for_status())"
        )
        ran, task = run(script)
        assert ran.stdout == "published published\n", ran.stderr
        assert task.status == "published"

    def test_it_has_started_and_cannot_wait_for_itself_nor_be_a_draft(
        self, run: Callable[[str], tuple[Ran, TaskRecord]]
    ) -> None:
        script = (
            "from elsewhere.contract.errors import UsageError\ntask.mark_started()\n"
            "for call in (task.wait_for_status, task.reset, task.publish):\n"
            "    try:\n        call()\n    except UsageError as error:\n        print(error.next_step)\n"
            "assert task.wait_for_status('in_progress') == 'in_progress'"
        )
        ran, task = run(script)
        assert (ran.code, len(ran.stdout.splitlines())) == (0, 3), ran.stderr
        assert task.status == "completed"


ATTEMPT = """
import sys
from elsewhere import Task
task = Task.init()
SCRIPT
"""


class TestInAnAttempt:
    """What the script says of its own end counts, and its supervisor says it."""

    @pytest.fixture
    def world(self, valkey_url: str, tmp_path: Path) -> Iterator[World]:
        world = World(valkey_url, tmp_path / "home", tmp_path)
        yield world
        world.close()

    @pytest.mark.parametrize(
        ("script", "status", "code", "message"),
        [
            ("task.mark_failed(status_message='loss is NaN')", "failed", 0, "loss is NaN"),
            ("task.mark_stopped(status_message='early')\nsys.exit(0)", "stopped", 0, "early"),
            (
                "task.mark_completed(status_message='good')\nsys.exit(3)",
                "completed",
                3,
                "good\nthe script exited with code 3",
            ),
            (
                "task.mark_failed()\ntask.mark_completed()\ntask.reset()\ntask.mark_started()",
                "completed",
                0,
                "",
            ),
        ],
    )
    def test_it_counts_whatever_the_exit_code_is(
        self, world: World, script: str, status: str, code: int, message: str
    ) -> None:
        root = world.repository(train__py=ATTEMPT.replace("SCRIPT", script))
        task = world.submit(root, "train.py", options=("--packages", "none"))
        world.agent("execute", task, check=False)
        store = RedisStore(world.url)
        record = store.get(task)
        store.close()
        assert (record.status, record.exit_code) == (status, code), world.log(task)
        assert record.status_message == message
        assert record.progress == (100.0 if status == "completed" else None)

    def test_it_counts_also_when_the_supervisor_dies_before_it_could_say_so(
        self, world: World, tmp_path: Path
    ) -> None:
        gate = tmp_path / "gate"
        script = (
            "import os, time\ntask.mark_failed(status_message='loss is NaN')\n"
            "print('pid', os.getpid(), flush=True)\n"
            f"while not os.path.exists({str(gate)!r}):\n    time.sleep(0.05)"
        )
        root = world.repository(train__py=ATTEMPT.replace("SCRIPT", script))
        box = world.box()
        task = world.submit(root, "train.py", options=("--packages", "none"))
        eventually(lambda: "pid" in world.log(task), 60)
        process = psutil.Process(int(world.log(task).partition("pid ")[2].split()[0]))
        (supervisor,) = box.supervisors()
        supervisor.suspend()
        gate.touch()
        eventually(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE, 30)
        supervisor.kill()
        shown = world.wait_for(task, "failed")
        assert (shown["exit_code"], shown["status_message"]) == (0, "loss is NaN")
