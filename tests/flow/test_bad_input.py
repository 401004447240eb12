"""Bad input gets a clear error, and nothing that the user gave is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import replace

from flow.world import AGENT, World, eventually

from elsewhere.contract.task import NewTask
from elsewhere.store.redis import RedisStore


def _altered(world: World, task: str, **source: object) -> str:
    """A copy of a submitted task whose source says something else, in the queue."""
    store = RedisStore(world.url)
    record = store.get(task)
    spec = replace(record.spec, source=replace(record.spec.source, **source))
    copy = store.create(NewTask(record.project, record.name, spec))
    store.enqueue(copy.id, "default")
    return copy.id


def test_a_server_that_is_not_there_is_told_without_its_password_within_three_seconds(world: World) -> None:
    world.url = "redis://:hush-hush@127.0.0.1:1/0"
    begun = time.monotonic()
    done = world.agent("list", check=False)
    assert done.returncode == 3
    assert time.monotonic() - begun < 3
    assert "127.0.0.1:1" in done.stderr
    assert "hush-hush" not in done.stdout + done.stderr


def test_a_commit_that_nobody_has_fails_the_task_and_says_so(world: World) -> None:
    root = world.repository(main__py="print(1)\n")
    task = world.submit(root, "main.py", options=("--queue", "nobody"))
    bad = _altered(world, task, commit="0123456789abcdef0123456789abcdef01234567")
    world.box()
    shown = world.wait_for(bad, "failed")
    assert "never ran (workspace)" in shown["status_message"]
    assert "0123456789ab" in shown["status_message"]
    assert shown["exit_code"] is None


def test_a_diff_that_does_not_apply_names_file_and_line(world: World) -> None:
    root = world.repository(main__py="print(1)\nprint(2)\n")
    task = world.submit(root, "main.py", options=("--queue", "nobody"))
    diff = b"--- a/main.py\n+++ b/main.py\n@@ -1,2 +1,2 @@\n-print(7)\n+print(8)\n print(2)\n"
    blob = RedisStore(world.url).put_blob(b"diff --git a/main.py b/main.py\n" + diff)
    bad = _altered(world, task, diff=blob)
    world.box()
    shown = world.wait_for(bad, "failed")
    assert "never ran (workspace)" in shown["status_message"]
    assert "main.py" in shown["status_message"]


def test_a_package_that_does_not_exist_is_named_and_the_installers_words_are_in_the_log(world: World) -> None:
    root = world.repository(main__py="print(1)\n")
    task = world.submit(root, "main.py", options=("--queue", "nobody"))
    store = RedisStore(world.url)
    record = store.get(task)
    packages = replace(record.spec.packages, requirements=("elsewhere-has-no-such-package==9.9",), freeze=())
    new = store.create(NewTask(record.project, record.name, replace(record.spec, packages=packages)))
    store.enqueue(new.id, "default")
    world.box()
    shown = world.wait_for(new.id, "failed")
    assert "never ran (environment)" in shown["status_message"]
    assert "elsewhere-has-no-such-package" in shown["status_message"]
    assert "elsewhere-has-no-such-package" in world.log(new.id)


def test_a_python_that_is_not_there_names_those_that_are(world: World) -> None:
    root = world.repository(main__py="print(1)\n")
    task = world.submit(root, "main.py", options=("--queue", "nobody"))
    store = RedisStore(world.url)
    record = store.get(task)
    packages = replace(record.spec.packages, python="3.3.1")
    new = store.create(NewTask(record.project, record.name, replace(record.spec, packages=packages)))
    store.enqueue(new.id, "default")
    world.box()
    shown = world.wait_for(new.id, "failed")
    assert "never ran (environment)" in shown["status_message"]
    assert "3.3" in shown["status_message"]
    assert f"{os.sys.version_info[0]}.{os.sys.version_info[1]}" in shown["status_message"]


def test_a_script_that_is_missing_is_told_at_the_desk(world: World) -> None:
    root = world.repository(main__py="print(1)\n")
    done = subprocess.run(
        [str(AGENT), "submit", "mian.py"], cwd=root, env=world.environment, capture_output=True, text=True
    )
    assert done.returncode == 8
    assert "mian.py" in done.stderr


def test_an_unknown_parameter_fails_the_task_as_an_unknown_option_would(world: World) -> None:
    script = (
        "import argparse\np = argparse.ArgumentParser()\np.add_argument('--lr', type=float)\np.parse_args()\n"
    )
    root = world.repository(main__py=script)
    task = world.submit(root, "main.py", options=("--param", "Args/lrr=1"))
    world.box()
    shown = world.wait_for(task, "failed")
    assert shown["exit_code"] == 2
    assert "Args/lrr" in shown["status_message"]
    assert "Args/lr?" in shown["status_message"]


def test_a_parameter_that_makes_no_sense_is_a_usage_error(world: World) -> None:
    root = world.repository(main__py="print(1)\n")
    for bad in ("lr=1", "Args/lr"):
        done = subprocess.run(
            [str(AGENT), "submit", "--param", bad, "main.py"],
            cwd=root, env=world.environment, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 2, done.stderr


def test_ctrl_c_in_logs_follow_stops_following_only(world: World) -> None:
    root = world.repository(main__py="import time\nprint('on and on', flush=True)\ntime.sleep(4)\n")
    task = world.submit(root, "main.py")
    world.box()
    follower = subprocess.Popen(
        [str(AGENT), "logs", "-f", task],
        env=world.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert follower.stdout is not None
    eventually(lambda: b"on and on" in follower.stdout.readline(), 30)
    follower.send_signal(signal.SIGINT)
    _, errors = follower.communicate(timeout=10)
    assert follower.returncode == 130
    assert b"Traceback" not in errors
    world.wait_for(task, "completed")
