"""Several tasks in one process, each with a handle of its own."""

from __future__ import annotations

import textwrap

from elsewhere.contract.status import Status
from elsewhere.store.redis import RedisStore
from tests.parameters.desk import Desk


def test_other_names_open_a_second_task_that_reports_to_its_own(
    repository: Desk, store: RedisStore, url: str
) -> None:
    text = """
        import argparse, json
        from elsewhere import Task
        from elsewhere.contract.edit import Edit
        from elsewhere.contract.write import Edited
        def parse(name):
            parser = argparse.ArgumentParser()
            parser.add_argument("--" + name, type=int, default=1)
            parser.parse_known_args()
        none = Task.current_task()
        one = Task.init("digits", "one", tags=["a"])
        parse("first")
        same = [Task.init("digits", "one") is one, Task.init() is one, Task.init(task_name="one") is one]
        two = Task.init("digits", "two")
        parse("second")
        one._place.write(Edited(Edit(comment="of one")))
        two._place.write(Edited(Edit(comment="of two")))
        same += [Task.current_task() is two, Task.init("digits", "one") is one, Task.init() is two]
        two.close()
        parse("third")
        same += [Task.current_task() is one]
        print(json.dumps([none, same, one.id != two.id, one.status, two.status]))
        """
    ran = repository.run(textwrap.dedent(text), ELSEWHERE_REDIS_URL=url)
    assert ran.said == [None, [True] * 7, True, "in_progress", "completed"], ran.stderr
    tasks = {task.name: task for task in store.newest()}
    assert sorted(tasks) == ["one", "two"]
    assert (tasks["one"].comment, tasks["two"].comment) == ("of one", "of two")
    assert sorted(tasks["one"].parameters) == ["Args/first", "Args/third"]
    assert sorted(tasks["two"].parameters) == ["Args/second"]
    assert {task.status for task in tasks.values()} == {Status.COMPLETED}


def test_what_one_task_does_not_record_the_next_one_does(
    repository: Desk, store: RedisStore, url: str
) -> None:
    text = """
        import argparse
        from elsewhere import Task
        def parse():
            parser = argparse.ArgumentParser()
            parser.add_argument("--lr", type=float, default=1)
            parser.add_argument("--secret", default="x")
            parser.parse_args()
        for name, choice in [("nothing", False), ("some", {"secret": False}), ("everything", True)]:
            with Task.init("digits", name, auto_connect_arg_parser=choice):
                Task.init()
                parse()
        """
    assert repository.run(textwrap.dedent(text), ELSEWHERE_REDIS_URL=url).code == 0
    assert {task.name: sorted(task.parameters) for task in store.newest()} == {
        "nothing": [],
        "some": ["Args/lr"],
        "everything": ["Args/lr", "Args/secret"],
    }


def test_one_after_the_other_of_the_same_names_are_several_tasks(
    repository: Desk, store: RedisStore, url: str
) -> None:
    text = """
        from elsewhere import Task
        for seed in range(3):
            task = Task.init("digits", "svm")
            task.close()
        """
    assert repository.run(textwrap.dedent(text), ELSEWHERE_REDIS_URL=url).code == 0
    assert [task.status for task in store.newest()] == [Status.COMPLETED] * 3


def test_a_second_task_of_an_attempt_is_in_the_store_where_there_is_one(
    repository: Desk, store: RedisStore, url: str
) -> None:
    text = """
        import json
        from elsewhere import Task
        own = Task.init("some", "thing")
        same = [Task.init() is own, Task.init("some", "thing") is own, Task.init("digits", "svm") is own]
        other = Task.init("digits", "other")
        same += [other is own, Task.current_task() is other]
        other.close()
        print(json.dumps([same, Task.current_task().name, other.id]))
        """
    ran = repository.attempt(textwrap.dedent(text), ELSEWHERE_REDIS_URL=url)
    same, current, other = ran.said
    assert (same, current) == ([True, True, False, False, True], "svm")
    assert {task.name: task.status for task in store.newest()} == {
        "svm": Status.COMPLETED,
        "other": Status.COMPLETED,
    }
    assert store.get(other).name == "other"


def test_without_a_server_the_second_task_of_an_attempt_is_kept_in_a_folder(repository: Desk) -> None:
    text = """
        from elsewhere import Task
        Task.init("some", "thing")
        Task.init("digits", "other").close()
        """
    sessions = repository.folder.parent / "sessions"
    ran = repository.attempt(textwrap.dedent(text), ELSEWHERE_OFFLINE_FOLDER=str(sessions))
    assert ran.code == 0, ran.stderr
    assert "ELSEWHERE_REDIS_URL" in ran.stderr
    assert len(list(sessions.glob("*.zip"))) == 1


def test_offline_all_of_them_are_kept_in_folders(repository: Desk) -> None:
    text = """
        from elsewhere import Task
        one, two = Task.init("digits", "one"), Task.init("digits", "two")
        """
    sessions = repository.folder.parent / "sessions"
    ran = repository.run(textwrap.dedent(text), ELSEWHERE_OFFLINE="1", ELSEWHERE_OFFLINE_FOLDER=str(sessions))
    assert (ran.code, ran.stderr) == (0, "")
    assert len(list(sessions.glob("*.zip"))) == 2
