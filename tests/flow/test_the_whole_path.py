"""From two lines at a desk to a completed task on a box, with the real parts."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent

import pytest
from flow.world import World

TRAIN = dedent(
    """
    import argparse, subprocess, sys
    from pathlib import Path
    from elsewhere import Task
    import extra
    task = Task.init(project_name="digits", task_name="svm")
    parser = argparse.ArgumentParser()
    parser.add_argument("--C", type=float, default=1.0)
    arguments = parser.parse_args()
    task.execute_remotely(queue_name="default")
    print("C is", arguments.C, type(arguments.C).__name__)
    print("argv", sys.argv)
    print("extra says", extra.WORD, "note says", Path("note.txt").read_text().strip())
    print("commit", subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip())
    """
)


@pytest.mark.parametrize("world", ["valkey", "redis"], indirect=True)
def test_a_run_with_a_diff_an_untracked_file_and_an_unpushed_commit_completes_elsewhere(world: World) -> None:
    root = world.repository(train__py=TRAIN, extra__py="WORD = 'committed'\n")
    origin = world.folder / "origin.git"
    world.git(world.folder, "clone", "-q", "--bare", str(root), str(origin))
    world.git(root, "remote", "add", "origin", str(origin))
    world.git(root, "fetch", "-q", "origin")
    (root / "unpushed.txt").write_text("only here\n")
    commit = world.commit(root)
    (root / "extra.py").write_text("WORD = 'edited'\n")
    (root / "note.txt").write_text("untracked\n")

    desk = world.desk_run(root, "train.py", "--C", "0.5")
    assert desk.returncode == 0, desk.stderr
    assert "C is" not in desk.stdout
    assert "no agent serves" in desk.stdout + desk.stderr
    task = _only_task(world)
    assert task["id"][:8] in desk.stdout
    assert task["status"] == "queued"
    assert task["parameters"] == {"Args/C": 0.5}

    world.box()
    ended = world.wait_for(task["id"], "completed")
    log = world.log(task["id"])
    assert "C is 0.5 float" in log
    assert "argv ['train.py', '--C', '0.5']" in log
    assert "extra says edited note says untracked" in log
    assert f"commit {commit}" in log
    assert ended["attempt"] == 1
    assert ended["exit_code"] == 0
    assert ended["created"] <= ended["started"] <= ended["ended"]


def test_a_repository_without_a_remote_runs_elsewhere(world: World) -> None:
    root = world.repository(main__py="import word; print('word is', word.WORD)\n", word__py="WORD = 'home'\n")
    task = world.submit(root, "main.py")
    world.box()
    world.wait_for(task, "completed")
    assert "word is home" in world.log(task)


def test_a_script_outside_any_repository_is_carried_whole(world: World) -> None:
    (world.folder / "alone.py").write_text("import sys; print('alone with', sys.argv[1:])\n")
    task = world.submit(world.folder, "alone.py", "--any", "thing")
    world.box()
    world.wait_for(task, "completed")
    assert "alone with ['--any', 'thing']" in world.log(task)


def test_a_parameter_set_at_submit_overrides_what_the_script_says(world: World) -> None:
    script = dedent(
        """
        import argparse
        parser = argparse.ArgumentParser()
        parser.add_argument("--lr", type=float, default=1.0)
        parser.add_argument("--name", default="x")
        print("got", vars(parser.parse_args()))
        """
    )
    root = world.repository(main__py=script)
    task = world.submit(root, "main.py", "--lr", "0.5", options=("--param", "Args/lr=0.1"))
    world.box()
    shown = world.wait_for(task, "completed")
    assert "got {'lr': 0.1, 'name': 'x'}" in world.log(task)
    assert shown["parameters"] == {"Args/lr": 0.1, "Args/name": "x"}


def test_a_failing_script_ends_failed_with_code_and_traceback(world: World) -> None:
    root = world.repository(main__py="def dig():\n    raise KeyError('the shovel')\nprint('begin')\ndig()\n")
    task = world.submit(root, "main.py")
    world.box()
    shown = world.wait_for(task, "failed")
    assert shown["exit_code"] == 1
    assert "exited with code 1" in shown["status_message"]
    assert "KeyError: 'the shovel'" in shown["status_message"]
    assert "begin" in world.log(task)


def test_execute_runs_a_task_here_and_now(world: World) -> None:
    root = world.repository(main__py="import sys; print('here and now'); sys.exit(7)\n")
    task = world.submit(root, "main.py", options=("--queue", "nobody"))
    done = world.agent("execute", task, check=False)
    assert done.returncode == 7, done.stderr
    assert "here and now" in done.stdout
    assert world.show(task)["status"] == "failed"


def test_once_takes_one_task_and_leaves(world: World) -> None:
    root = world.repository(main__py="print('once')\n")
    first, second = world.submit(root, "main.py"), world.submit(root, "main.py")
    box = world.box("--once")
    assert box.process.wait(60) == 0
    assert world.show(first)["status"] == "completed"
    assert world.show(second)["status"] == "queued"


def test_exit_when_idle_leaves_when_the_queue_is_empty(world: World) -> None:
    root = world.repository(main__py="print('work')\n")
    tasks = [world.submit(root, "main.py") for _ in range(2)]
    box = world.box("--exit-when-idle", "1")
    assert box.process.wait(60) == 0
    assert [world.show(task)["status"] for task in tasks] == ["completed", "completed"]


def _only_task(world: World) -> dict[str, object]:
    tasks = json.loads(world.agent("list", "--json").stdout)
    assert len(tasks) == 1
    return dict(tasks[0])


def test_nothing_is_left_on_the_box_when_a_task_has_ended(world: World, shared_home: Path) -> None:
    root = world.repository(main__py="print('tidy')\n")
    task = world.submit(root, "main.py")
    box = world.box()
    world.wait_for(task, "completed")
    assert box.drain() == 0
    assert not list((shared_home / "cache" / "workspaces").glob(f"{task}*"))
    assert not list((shared_home / "state" / "agents" / box.name / "attempts").glob("*"))
    assert not list((shared_home / "run").glob(f"{task[:16]}*")) if (shared_home / "run").exists() else True
