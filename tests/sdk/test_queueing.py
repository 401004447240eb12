"""Tasks are put on queues and taken off them: by handle, by id, and from nothing but a draft."""

from __future__ import annotations

import pytest

from elsewhere import Task
from elsewhere.contract.errors import IllegalMove, TaskNotFound, UsageError
from elsewhere.contract.spec import Entry, TaskSpec
from elsewhere.contract.status import Status
from elsewhere.contract.task import NewTask
from elsewhere.store.redis import RedisStore
from tests.parameters.desk import Desk

SVM = NewTask("digits", "svm", TaskSpec(Entry("train.py")))


def drafts(store: RedisStore, count: int) -> list[Task]:
    return Task.get_tasks([store.create(SVM).id for _ in range(count)])


def test_tasks_stand_in_the_order_in_which_they_came(server: RedisStore) -> None:
    first, second, third = drafts(server, 3)
    assert first.queue_position is None
    assert Task.get_num_enqueued_tasks("night") == 0
    assert Task.enqueue(first, queue_name="night") is first
    assert Task.enqueue(second.id, queue_id="night").id == second.id
    assert Task.enqueue(third.id[:16], "night").status == "queued"
    assert [task.queue_position for task in (first, second, third)] == [0, 1, 2]
    assert (
        Task.get_num_enqueued_tasks(queue_name="night") == Task.get_num_enqueued_tasks(queue_id="night") == 3
    )
    assert Task.dequeue(first) is first
    assert Task.dequeue(second.id).status == "created"
    assert (third.get_queue_position(), Task.get_num_enqueued_tasks("night")) == (0, 1)


def test_enqueuing_twice_and_dequeuing_twice_change_nothing(server: RedisStore) -> None:
    (task,) = drafts(server, 1)
    Task.enqueue(task, "night")
    Task.enqueue(task, "night", force=True)
    assert [event.kind for event in server.events(task.id)] == ["created", "queued"]
    Task.dequeue(task)
    assert Task.dequeue(task).status == "created"


def test_what_is_no_draft_is_queued_by_force_alone(server: RedisStore) -> None:
    (task,) = drafts(server, 1)
    Task.enqueue(task, "night")
    with pytest.raises(IllegalMove, match=r"queued in night .*\n.*Task\.dequeue"):
        Task.enqueue(task, "day")
    with pytest.raises(IllegalMove, match=r"is queued .*\n.*Task\.dequeue"):
        task.set_needs(gpus=1)
    Task.enqueue(task, "day", force=True)
    assert (server.get(task.id).queue, Task.get_num_enqueued_tasks("night")) == ("day", 0)
    Task.dequeue(task)
    server.move(task.id, Status.IN_PROGRESS, expected=Status.CREATED)
    with pytest.raises(IllegalMove):
        Task.enqueue(task, "day", force=True)
    with pytest.raises(IllegalMove):
        Task.dequeue(task)
    server.move(task.id, Status.FAILED, expected=Status.IN_PROGRESS)
    with pytest.raises(IllegalMove, match="reset the task first"):
        Task.enqueue(task, "day")
    assert Task.enqueue(task, "day", force=True).status == "queued"


def test_a_queue_must_be_named_once(server: RedisStore) -> None:
    (task,) = drafts(server, 1)
    with pytest.raises(UsageError, match="no queue is named"):
        Task.enqueue(task)
    with pytest.raises(UsageError, match="both name a queue"):
        Task.enqueue(task, queue_name="a", queue_id="b")
    with pytest.raises(UsageError):
        Task.get_num_enqueued_tasks("no queue\n")
    with pytest.raises(UsageError, match="5 is no name for a queue"):
        Task.get_num_enqueued_tasks(5)  # type: ignore[arg-type]
    with pytest.raises(TaskNotFound):
        Task.enqueue("f" * 32, "night")
    with pytest.raises(UsageError, match="is no task"):
        Task.enqueue(None, "night")  # type: ignore[arg-type]


def test_a_draft_with_nothing_to_run_is_not_queued(server: RedisStore) -> None:
    task = Task.create(project_name="digits", task_name="empty")
    with pytest.raises(UsageError, match="nothing to run"):
        Task.enqueue(task, "night")
    task.set_script(entry_point="train.py")
    assert Task.enqueue(task, "night").status == "queued"


def test_in_its_attempt_a_task_stands_in_no_queue(desk: Desk) -> None:
    ran = desk.attempt("from elsewhere import Task\nprint(Task.init().queue_position)", task=SVM)
    assert (ran.code, ran.stdout) == (0, "None\n"), ran.stderr
