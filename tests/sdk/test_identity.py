"""What a task is can be read and changed: at a desk, in an attempt, and in any other task."""

from __future__ import annotations

from pathlib import Path

import pytest

from elsewhere import Task
from elsewhere.contract.errors import IllegalMove, TaskNotFound, UsageError
from elsewhere.contract.spec import Entry, TaskSpec
from elsewhere.contract.status import Status
from elsewhere.contract.task import NewTask
from elsewhere.store.redis import RedisStore
from tests.parameters.desk import Desk

SPEC = TaskSpec(Entry("train.py"))

SCRIPT = """
import json
from elsewhere import Task
task = Task.init(project_name="digits", task_name="svm", tags=["first"])
task.set_name("tree")
task.set_comment("a tree")
task.set_task_type(Task.TaskTypes.testing)
task.add_tags("second")
task.add_tags(["third", "first"])
task.remove_tags("first")
task.set_parent("ab" * 16) if PARENT else None
task.move_to_project(new_project_name="trees/small")
task.archive()
said = [task.name, task.comment, task.task_type, task.get_tags(), task.parent, task.project, task.get_archived()]
task.unarchive()
task.set_tags(["only"])
task.name = "oak"
task.comment = ""
print(json.dumps([*said, task.get_archived(), task.tags, task.name, task.comment, task.id == task.task_id]))
"""
SAID = ["tree", "a tree", "testing", ["second", "third"], None, "trees/small", True]
SAID_THEN = [False, ["only"], "oak", "", True]


def found(store: RedisStore, **more: object) -> Task:
    made = store.create(NewTask("digits", "svm", SPEC, **more))  # type: ignore[arg-type]
    task = Task.get_task(made.id)
    assert task is not None
    return task


def test_a_run_at_a_desk_is_told_what_it_is(repository: Desk, valkey_url: str, elsewhere_home: Path) -> None:
    ran = repository.run(
        SCRIPT.replace("PARENT", "False"),
        ELSEWHERE_REDIS_URL=valkey_url,
        ELSEWHERE_HOME=str(elsewhere_home),
    )
    assert ran.said == [*SAID, *SAID_THEN]


def test_an_attempt_is_told_through_its_relay(desk: Desk) -> None:
    said = [*SAID]
    said[3], said[4] = ["second", "third"], "ab" * 16
    assert desk.attempt(SCRIPT.replace("PARENT", "True")).said == [*said, *SAID_THEN]


def test_in_an_attempt_the_project_that_the_task_was_put_into_counts(desk: Desk) -> None:
    ran = desk.attempt(
        "import json\nfrom elsewhere import Task\ntask = Task.init()\n"
        "task.set_project(project_name='mine')\nprint(json.dumps(task.get_project_name()))\n"
    )
    assert ran.said == "digits"


def test_any_task_is_told_what_it_is(server: RedisStore) -> None:
    task, parent = found(server, tags=("first",)), found(server)
    assert task.rename("tree") is True
    task.set_comment("a tree")
    task.set_task_type(Task.TaskTypes("testing"))
    task.add_tags(["second", "first"])
    task.set_parent(parent)
    task.set_project(project_name="trees")
    record = server.get(task.id)
    assert (record.name, record.comment, record.type) == ("tree", "a tree", "testing")
    assert (record.tags, record.parent, record.project) == (("first", "second"), parent.id, "trees")
    assert (task.get_task_type(), task.get_tags()) == ("testing", ["first", "second"])
    assert task.get_project_name() == "trees"
    task.set_parent(parent.id[:20])
    assert task.parent == parent.id
    task.set_parent(None)
    task.set_comment(None)
    assert (task.parent, task.comment) == (None, "")
    assert task.move_to_project(new_project_id="other") is True
    assert task.project == "other"


def test_what_makes_no_sense_is_refused(server: RedisStore) -> None:
    task = found(server)
    with pytest.raises(UsageError, match="cannot be empty"):
        task.set_name(" ")
    with pytest.raises(UsageError, match="no project"):
        task.move_to_project()
    with pytest.raises(UsageError, match="must be a text"):
        task.add_tags([1])  # type: ignore[list-item]
    with pytest.raises(UsageError, match="must be texts, not None"):
        task.set_tags(None)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="its own parent"):
        task.set_parent(task)
    with pytest.raises(TaskNotFound):
        task.set_parent("f" * 32)
    with pytest.raises(UsageError, match="is no task"):
        task.set_parent(5)  # type: ignore[arg-type]


class TestPuttingAside:
    """``archive`` and ``delete``."""

    def test_archived_tasks_are_left_out_where_that_is_asked_for(self, server: RedisStore) -> None:
        task = found(server)
        task.archive()
        assert task.get_archived()
        assert Task.get_tasks(allow_archived=False) == []
        task.set_archived(False)
        assert not task.get_archived()
        assert [one.id for one in Task.get_tasks(allow_archived=False)] == [task.id]

    def test_a_deleted_task_is_gone(self, server: RedisStore, capsys: pytest.CaptureFixture[str]) -> None:
        task = found(server)
        child = found(server, parent=task.id)
        assert task.delete(delete_artifacts_and_models=True, skip_models_used_by_other_tasks=False) is True
        with pytest.raises(TaskNotFound):
            task.name  # noqa: B018 - reading it is what fails
        assert child.parent is None
        assert task.delete() is False
        assert f"task {task.id} is not deleted" in capsys.readouterr().err

    def test_what_runs_or_is_published_is_not_deleted_without_force(
        self, server: RedisStore, capsys: pytest.CaptureFixture[str]
    ) -> None:
        task = found(server)
        server.move(task.id, Status.IN_PROGRESS, expected=Status.CREATED)
        assert task.delete() is False
        assert "is not deleted: " in capsys.readouterr().err
        with pytest.raises(IllegalMove):
            task.delete(raise_on_error=True)
        server.move(task.id, Status.COMPLETED, expected=Status.IN_PROGRESS)
        server.move(task.id, Status.PUBLISHED, expected=Status.COMPLETED)
        assert task.delete() is False
        assert task.delete(force=True) is True


class TestWhatItSaid:
    """The log's end, and the page of the task."""

    def logged(self, store: RedisStore, *chunks: tuple[str, bytes]) -> Task:
        task = found(store)
        attempt = store.move(task.id, Status.IN_PROGRESS, expected=Status.CREATED).attempt
        for number, (kind, data) in enumerate(chunks, 1):
            store.append_log(task.id, attempt, number, data, kind)  # type: ignore[arg-type]
        return task

    def test_last_lines_are_given_however_they_came(self, server: RedisStore) -> None:
        snow = "sn☃w".encode()
        task = self.logged(
            server,
            ("output", b"one\ntw"),
            ("output", b"o\n" + snow[:3]),
            ("output", snow[3:] + b"\n"),
            ("output", b"  1%\r 50%\r100%\r\n"),
            ("note", b"an agent's word\n"),
            ("output", b"begun"),
        )
        assert task.get_reported_console_output() == ["begun"]
        assert task.get_reported_console_output(4) == ["sn☃w", "100%", "an agent's word", "begun"]
        everything = ["one", "two", "sn☃w", "100%", "an agent's word", "begun"]
        assert task.get_reported_console_output(number_of_reports=100) == everything
        with pytest.raises(UsageError, match="0 lines"):
            task.get_reported_console_output(0)

    def test_a_line_that_overwrites_itself_stands_as_it_is_now(self, server: RedisStore) -> None:
        task = self.logged(server, ("output", b"one\n\xe2\x98"), ("live", b"50%"))
        assert task.get_reported_console_output(5) == ["one", "50%"]

    def test_a_line_that_never_ends_and_is_no_text_is_given_too(self, server: RedisStore) -> None:
        task = self.logged(server, ("output", b"a\xffb\xe2\x98"))
        assert task.get_reported_console_output() == ["a\ufffdb\ufffd"]
        assert found(server).get_reported_console_output() == []

    def test_a_task_has_a_page_where_the_pages_are_known(
        self, server: RedisStore, elsewhere_home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        task = found(server)
        assert task.get_output_log_web_page() is None
        (elsewhere_home / "config").mkdir(parents=True)
        (elsewhere_home / "config" / "elsewhere.toml").write_text('web_url = "https://example.org/e/"\n')
        assert task.get_output_log_web_page() == f"https://example.org/e/tasks/{task.id}"
        monkeypatch.setenv("ELSEWHERE_WEB_URL", "http://other.example.org")
        assert task.get_output_log_web_page() == f"http://other.example.org/tasks/{task.id}"

    def test_an_attempt_is_given_the_pages_by_its_environment(self, desk: Desk) -> None:
        script = "import json\nfrom elsewhere import Task\nprint(json.dumps(Task.init().get_output_log_web_page()))\n"
        assert desk.attempt(script).said is None
        assert desk.attempt(script, ELSEWHERE_WEB_URL="http://x").said.startswith("http://x/tasks/")


def test_a_project_is_the_same_however_its_name_is_parted(server: RedisStore) -> None:
    made = Task.create(project_name="/vision// digits/", task_name="svm")
    assert made.project == "vision/digits"
    found = Task.get_task(project_name="vision/digits/", task_name="svm")
    assert found is not None
    assert found.id == made.id
    made.move_to_project(new_project_name="vision/letters/")
    assert made.project == "vision/letters"
    for wrong in ("ab", "//a//", 123):
        with pytest.raises(UsageError, match="project name"):
            made.move_to_project(new_project_name=wrong)  # type: ignore[arg-type]
