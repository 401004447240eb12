"""Fault 14: the answer to a submit is lost on its way, and the submit is repeated."""

from __future__ import annotations

import json
import re
import subprocess
import time
from pathlib import Path

import pytest
from faults.conftest import Recorder
from faults.proxy import FaultProxy
from faults.server import OwnServer
from flow.world import AGENT, World, eventually

from elsewhere.contract import keys


def _submitting(world: World, root: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(AGENT), "submit", "--json", *options, "main.py"],
        cwd=root, env=world.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def _tasks(server: OwnServer) -> int:
    return server.client.zcard(keys.TASKS)


def _lose_the_answer(proxy: FaultProxy, server: OwnServer, submitting: subprocess.Popen[str]) -> None:
    """Let the server make the task, and swallow its answer and all that it says from then on."""
    eventually(lambda: _tasks(server) or submitting.poll() is not None, 30, "a task to be made")
    proxy.swallow_answers()
    assert submitting.poll() is None, "it had ended before its answer could be lost"


def _pushed(world: World) -> Path:
    """A repository whose remote has it all, so that the task itself is the first thing to be sent."""
    root = world.repository(main__py="print('once')\n")
    bare = world.folder / "remote.git"
    world.git(root, "clone", "-q", "--bare", str(root), str(bare))
    world.git(root, "remote", "add", "origin", str(bare))
    world.git(root, "fetch", "-q", "origin")
    return root


@pytest.mark.fault(14)
def test_a_submit_whose_answers_are_lost_for_a_while_makes_one_task(
    own_server: OwnServer, world: World, far: World, proxy: FaultProxy, figure: Recorder
) -> None:
    """The command asks again by itself; the server knows the submission already.

    Seen failing with the submission key left out of ``create``: two tasks stood there.
    """
    root = _pushed(world)
    # So long is each answer on its way: time to make it vanish.
    proxy.delay(down=0.5)
    submitting = _submitting(far, root)
    _lose_the_answer(proxy, own_server, submitting)
    time.sleep(3)  # beyond the patience of one call: it must ask again
    proxy.restore()
    restored = time.monotonic()
    told, errors = submitting.communicate(timeout=60)
    seconds = time.monotonic() - restored
    assert submitting.returncode == 0, errors
    assert _tasks(own_server) == 1
    box = world.box("--exit-when-idle", "0.5")
    assert box.process.wait(60) == 0
    shown = world.show(json.loads(told)["id"])
    assert (shown["status"], shown["attempt"]) == ("completed", 1)
    figure(
        fault=14,
        promise="a submit whose answer was lost and is retried makes one task",
        seconds=seconds,
        measured="line restored to the command's success",
    )


@pytest.mark.fault(14)
def test_a_submit_that_never_got_an_answer_is_repeated_by_its_key_and_makes_one_task(
    own_server: OwnServer, world: World, far: World, proxy: FaultProxy
) -> None:
    """The command gives up plainly, and says how to repeat it; repeated so, it makes no second task.

    Seen failing with the submission key left out of ``create``: each repetition made another task.
    """
    root = _pushed(world)
    # So long is each answer on its way: time to make it vanish.
    proxy.delay(down=0.5)
    submitting = _submitting(far, root)
    _lose_the_answer(proxy, own_server, submitting)
    _, errors = submitting.communicate(timeout=90)
    assert submitting.returncode == 3, errors
    assert _tasks(own_server) == 1, "the server was to hear of it, and only the answer to be lost"
    key = re.search(r"--submission (\S+?)`?[\s:]", errors)
    assert key is not None, errors
    proxy.restore()
    ids = {world.submit(root, "main.py", options=("--submission", key[1])) for _ in range(3)}
    assert len(ids) == 1
    assert _tasks(own_server) == 1
    assert own_server.client.llen(keys.rq_queue("default")) == 1
