"""A run at a desk is in the store while it goes on, and hinders its script in nothing."""

from __future__ import annotations

import textwrap

import pytest

from elsewhere.contract.status import Status
from elsewhere.store.redis import RedisStore
from tests.parameters.desk import Desk, Ran

NOWHERE = "redis://127.0.0.1:1/0"


def run(desk: Desk, text: str, *arguments: str, url: str, **more: str) -> Ran:
    return desk.run(textwrap.dedent(text), *arguments, ELSEWHERE_REDIS_URL=url, **more)


def test_a_run_is_captured_and_kept_with_all_that_it_wrote(
    repository: Desk, store: RedisStore, url: str
) -> None:
    text = """
        import argparse
        from elsewhere import Task
        from elsewhere.contract.edit import Edit, Property
        from elsewhere.contract.write import ConfigurationSet, Edited, ParametersSet
        task = Task.init("digits/deep", "svm", "testing", ["a", "b"])
        parser = argparse.ArgumentParser()
        parser.add_argument("--C", type=float, default=1.0)
        parser.parse_args()
        place = task._place
        place.write(ParametersSet({"General/layers": [1, 2]}))
        place.write(ConfigurationSet("model", b"depth: 3", ".yaml"))
        place.write(Edited(Edit(comment="fine", properties={"who": Property("ada")})))
        print(task.id)
        """
    ran = run(repository, text, "--C", "0.5", url=url)
    assert (ran.code, ran.stderr) == (0, "")
    (task,) = store.newest()
    assert task.id == ran.stdout.strip()
    assert (task.project, task.name, task.type, task.tags) == ("digits/deep", "svm", "testing", ("a", "b"))
    assert task.parameters == {"Args/C": 0.5, "General/layers": [1, 2]}
    assert (task.comment, task.properties["who"].value) == ("fine", "ada")
    assert store.get_blob(store.configurations(task.id)["model"].blob) == b"depth: 3"
    assert (task.status, task.progress) == (Status.COMPLETED, 100)
    assert (task.spec.entry.script, task.spec.entry.arguments) == ("train.py", ("--C", "0.5"))
    assert task.spec.source.commit is not None
    assert [event.kind for event in store.events(task.id)] == ["created", "moved", "ended"]


def test_it_can_be_seen_while_it_runs(repository: Desk, store: RedisStore, url: str) -> None:
    text = """
        import json
        from elsewhere import Task
        task = Task.init("digits", "svm")
        assert task._place.flush(60)
        seen = task._place.store().get(task.id)
        print(json.dumps([seen.status, seen.name, task.status]))
        """
    assert run(repository, text, url=url).said == ["in_progress", "svm", "in_progress"]


def test_parsed_before_it_was_opened_counts_too(repository: Desk, store: RedisStore, url: str) -> None:
    text = """
        import elsewhere, argparse
        parser = argparse.ArgumentParser()
        parser.add_argument("--C", type=float, default=1.0)
        parser.parse_args()
        elsewhere.Task.init("digits", "svm")
        """
    assert run(repository, text, url=url).code == 0
    assert store.newest()[0].parameters == {"Args/C": 1.0}


@pytest.mark.parametrize("asked", ["False", "{'C': False, '*': True}"])
def test_what_is_left_out_is_not_kept(repository: Desk, store: RedisStore, url: str, asked: str) -> None:
    text = f"""
        import elsewhere, argparse
        parser = argparse.ArgumentParser()
        parser.add_argument("--C", type=float, default=1.0)
        parser.parse_args()
        elsewhere.Task.init("digits", "svm", auto_connect_arg_parser={asked})
        parser.parse_args()
        """
    assert run(repository, text, url=url).code == 0
    assert store.newest()[0].parameters == {}


def test_what_cannot_be_captured_is_kept_as_far_as_it_is_known(
    repository: Desk, store: RedisStore, url: str
) -> None:
    (repository.folder / "data.bin").write_bytes(bytes(5000))
    text = "from elsewhere import Task\nTask.init('digits', 'svm')\nprint('trained')"
    ran = run(repository, text, "--x", url=url, ELSEWHERE_UNTRACKED_LIMIT="1000")
    assert (ran.code, ran.stdout) == (0, "trained\n")
    (task,) = store.newest()
    assert (task.status, task.spec.entry.script, task.spec.entry.arguments) == (
        Status.COMPLETED,
        "train.py",
        ("--x",),
    )
    assert task.comment.startswith("Not captured: ")
    assert "data.bin" in task.comment
    assert ran.stderr.count("cannot be run again elsewhere") == 1


def test_without_a_server_the_script_runs_and_one_line_says_so(repository: Desk) -> None:
    text = """
        from elsewhere import Task
        task = Task.init("digits", "svm")
        print(len(task.id), task.name, task.status, task._place.flush())
        """
    ran = run(repository, text, url=NOWHERE)
    assert (ran.code, ran.stdout) == (0, "32 svm in_progress False\n")
    (line,) = ran.stderr.splitlines()
    assert "127.0.0.1:1" in line
    assert "ELSEWHERE_OFFLINE=1" in line


def test_a_setting_that_makes_no_sense_hinders_nothing(repository: Desk, url: str) -> None:
    text = "from elsewhere import Task\ntask = Task.init('digits', 'svm')\nprint(len(task.id))"
    ran = run(repository, text, url="nonsense://")
    assert (ran.code, ran.stdout) == (0, "32\n")
    assert "is no URL of a Redis server" in ran.stderr
    ran = run(repository, text, url=url, ELSEWHERE_REUSE_HOURS="many")
    assert (ran.code, ran.stdout) == (0, "32\n")


def test_writes_after_the_end_come_to_the_store_too(repository: Desk, store: RedisStore, url: str) -> None:
    text = """
        from elsewhere import Task
        from elsewhere.contract.edit import Edit
        from elsewhere.contract.write import Edited
        task = Task.init("digits", "svm")
        task.close()
        task._place.write(Edited(Edit(comment="late")))
        print(task.status)
        """
    ran = run(repository, text, url=url)
    assert (ran.code, ran.stdout, ran.stderr) == (0, "completed\n", "")
    (task,) = store.newest()
    assert (task.status, task.comment, task.progress) == (Status.COMPLETED, "late", 100)


def test_a_block_ends_its_task_as_it_was_left(repository: Desk, store: RedisStore, url: str) -> None:
    text = """
        from elsewhere import Task
        with Task.init("digits", "good") as good:
            pass
        try:
            with Task.init("digits", "bad"):
                raise ValueError("no such digit")
        except ValueError:
            print(Task.current_task())
        """
    ran = run(repository, text, url=url)
    assert (ran.code, ran.stdout) == (0, "None\n"), ran.stderr
    tasks = {task.name: task for task in store.newest()}
    assert tasks["good"].status is Status.COMPLETED
    assert tasks["bad"].status is Status.FAILED
    assert "ValueError: no such digit" in tasks["bad"].status_message


def test_a_task_that_somebody_resets_gets_nothing_more(repository: Desk, store: RedisStore, url: str) -> None:
    text = """
        import sys
        from elsewhere import Task
        from elsewhere.contract.edit import Edit
        from elsewhere.contract.status import Status
        from elsewhere.contract.write import Edited
        task = Task.init("digits", "svm")
        store = task._place.store()
        store.move(task.id, Status.STOPPED, expected=Status.IN_PROGRESS)
        store.move(task.id, Status.CREATED, expected=Status.STOPPED)
        task._place.write(Edited(Edit(comment="of before")))
        task._place.flush(60)
        """
    ran = run(repository, text, url=url)
    assert ran.code == 0
    (task,) = store.newest()
    assert (task.status, task.comment) == (Status.CREATED, "")
    assert "not stored any further" in ran.stderr
