"""A script in a real attempt says what it is; a person finds it, copies it, and runs the copy."""

from __future__ import annotations

import json
from textwrap import dedent

import pytest
from flow.world import World

from elsewhere import Task

SCRIPT = dedent(
    """
    import json, sys
    from elsewhere import Task
    task = Task.init(project_name="digits", task_name="svm")
    task.add_tags(["told", "twice"])
    task.remove_tags("twice")
    task.set_comment(f"argument {sys.argv[1]}")
    task.set_name("renamed")
    task.set_task_type(Task.TaskTypes.testing)
    task.set_parent("ab" * 16)
    task.move_to_project(new_project_name="digits/told")
    task.archive()
    print("exported", json.dumps(sorted(task.export_task())))
    print("itself", Task.get_task(task.id).name)
    try:
        Task.get_tasks()
    except Exception as error:
        print("told", error)
    """
)


def test_an_attempt_tells_what_it_is_and_is_copied_and_run_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ELSEWHERE_REDIS_URL", world.url)
    monkeypatch.setenv("ELSEWHERE_HOME", str(world.home))
    root = world.repository(train__py=SCRIPT)
    first = world.submit(root, "train.py", "one")
    world.box()
    world.wait_for(first, "completed")
    task = Task.get_task(first[:12])
    assert task is not None
    assert (task.name, task.comment, task.task_type) == ("renamed", "argument one", "testing")
    assert (task.tags, task.parent, task.project) == (("told",), "ab" * 16, "digits/told")
    assert task.get_archived()
    said = task.get_reported_console_output(100)
    assert "itself renamed" in said
    assert any(line.startswith("told an attempt reaches its own task only") for line in said)
    (exported,) = (line for line in said if line.startswith("exported "))
    assert json.loads(exported.removeprefix("exported ")) == sorted(task.export_task())

    copy = Task.enqueue(Task.clone(task, project="copies"), "default")
    world.wait_for(copy.id, "completed")
    found = Task.get_tasks(
        project_name="digits/told", task_filter={"parent": "ab" * 16, "status": ["completed"]}
    )
    assert {one.id for one in found} == {first, copy.id}
    made = Task.import_task(task.export_task())
    Task.enqueue(made, "default")
    world.wait_for(made.id, "completed")
    assert made.get_reported_console_output(100).count("itself renamed") == 1
