"""A run is followed from its desk, waited for, and sent from a notebook: with a real agent at the other end."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from flow.world import World, eventually
from kernel import Kernel

TRAIN = """
import sys
from elsewhere import Task
task = Task.init("digits", "svm", reuse_last_task_id=False)
here = task.id
sent = task.execute_remotely({arguments})
print("after", sent.id == here, sent.status, flush=True)
{work}
"""


def script(arguments: str = "", work: str = "") -> str:
    return TRAIN.format(arguments=arguments, work=work)


def tasks(world: World) -> list[dict[str, Any]]:
    return list(json.loads(world.agent("list", "--json").stdout))


def test_a_followed_run_shows_its_log_and_ends_with_its_exit_code(world: World) -> None:
    root = world.repository(train__py=script("follow=True", "print('far away'); sys.exit(7)"))
    world.box()
    desk = world.desk_run(root, "train.py")
    (task,) = tasks(world)
    assert desk.returncode == 7, desk.stderr
    assert "far away" in desk.stdout.splitlines()
    assert f"elsewhere: task {task['id']} failed: " in desk.stdout
    assert task["status"] == "failed"
    # It was said there, and shown here: the script here ended at the call.
    assert desk.stdout.count("after True in_progress") == 1


def test_a_run_that_is_waited_for_is_returned_whatever_came_of_it(world: World) -> None:
    root = world.repository(train__py=script("wait=True", "sys.exit(task.status == 'in_progress')"))
    world.box()
    desk = world.desk_run(root, "train.py")
    (task,) = tasks(world)
    assert task["status"] == "failed"
    assert "after True failed" in desk.stdout.splitlines()
    assert desk.returncode == 0, desk.stderr


def test_a_copy_is_followed_while_the_run_at_the_desk_goes_on(world: World) -> None:
    work = "print('own', task.status == 'in_progress')"
    root = world.repository(
        train__py=script("'default', clone=True, exit_process=False, follow=True, wait=True", work)
    )
    world.box()
    desk = world.desk_run(root, "train.py")
    assert desk.returncode == 0, desk.stderr
    assert "after False completed" in desk.stdout.splitlines()
    assert desk.stdout.count("own True") == 2
    assert [task["status"] for task in tasks(world)] == ["completed", "completed"]


def test_ctrl_c_while_following_leaves_the_run_alone(world: World) -> None:
    root = world.repository(train__py=script("follow=True", "print('done')"))
    with subprocess.Popen(
        [sys.executable, "train.py"],
        cwd=root, env=world.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as desk:  # fmt: skip
        assert desk.stdout is not None
        for line in desk.stdout:
            if "no agent serves" in line:
                break

        def interrupted() -> bool:
            desk.send_signal(signal.SIGINT)
            try:
                return desk.wait(5) is not None
            except subprocess.TimeoutExpired:
                return False

        eventually(interrupted)
        said, problems = desk.communicate(timeout=30)
    (task,) = tasks(world)
    assert desk.returncode == 130, problems
    assert f"agent stop {task['id'][:8]}" in said
    assert "Traceback" not in problems
    assert task["status"] == "queued"
    world.box()
    world.wait_for(task["id"], "completed")


def test_a_draft_waits_until_somebody_queues_it(world: World) -> None:
    root = world.repository(train__py=script("None", "print('done')"))
    desk = world.desk_run(root, "train.py")
    (task,) = tasks(world)
    assert desk.returncode == 0, desk.stderr
    assert task["status"] == "created"
    assert f"task {task['id']} is a draft" in desk.stdout
    world.agent("execute", task["id"])
    assert world.show(task["id"])["status"] == "completed"


def test_a_notebook_s_cells_run_elsewhere(world: World, tmp_path: Path) -> None:
    root = world.repository(word__py="WORD = 'committed'\n")
    (root / "word.py").write_text("WORD = 'edited'\n")
    environment = {**world.environment, "JPY_SESSION_NAME": str(root / "train.ipynb")}
    with Kernel(root, environment) as kernel:
        kernel.run("%load_ext autoreload\nimport word, asyncio")
        kernel.run("1 / 0")
        kernel.run("rate = await asyncio.sleep(0, 0.5)")
        said = kernel.run("from elsewhere import Task\ntask = Task.init('digits', 'svm')")
        assert not said.error, said
        kernel.run("task.set_parameter('General/rate', rate)")
        said = kernel.run("display(word.WORD)\ntask.execute_remotely()\nprint('trained with', rate)")
    assert said.error == "Halted", said
    (task,) = tasks(world)
    world.box()
    world.wait_for(task["id"], "completed")
    log = world.log(task["id"])
    assert "trained with 0.5" in log
    assert "edited" in log.splitlines()


def test_a_notebook_s_file_runs_elsewhere(world: World) -> None:
    cells = [
        "!ls\nimport sys",
        "from elsewhere import Task\nTask.init().execute_remotely()",
        "print('argv', sys.argv)",
    ]
    book = {"cells": [{"cell_type": "code", "source": text} for text in cells], "metadata": {}, "nbformat": 4}
    root = world.repository(train__ipynb=json.dumps(book))
    task = world.submit(root, "train.ipynb", "--lr", "1")
    world.box()
    shown = world.wait_for(task, "completed")
    assert shown["name"] == "train"
    assert "argv ['train.ipynb.py', '--lr', '1']" in world.log(task)
