"""``create_function_task``: one function of the script as a task of its own, run up to there and no further."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

from elsewhere import Task
from elsewhere.contract.errors import UsageError
from elsewhere.contract.spec import Entry, TaskSpec
from elsewhere.contract.status import Status
from elsewhere.contract.task import JSONValue, NewTask, TaskRecord
from elsewhere.function import checked_call, child_of
from elsewhere.store.memory import MemoryStore
from elsewhere.store.redis import RedisStore
from elsewhere.stored import Stored
from tests.kernel import Kernel
from tests.parameters.desk import CHECKOUT, Desk, Ran

SCRIPT = """
import enum, json, sys
from dataclasses import dataclass
from pathlib import Path
from elsewhere import Task

class Colour(enum.Enum):
    RED = 1
    BLUE = 2

@dataclass
class Net:
    depth: int
    width: float = 0.5

task = Task.init(project_name="digits", task_name="svm")
scale = 3  # a global, made on the way

def first(**arguments):
    print("first", arguments)

def second(lr, betas, colour, net, where, note=None):
    print("second", repr((lr * scale, betas, colour, net, where, note)))

one = task.create_function_task(first, x=1)
print("between")
two = task.create_function_task(
    second, task_name="the second", lr=0.5, betas=(0.9, 0.999), colour=Colour.BLUE, net=Net(3), where=Path("data")
)
AFTER
task.execute_remotely("nobody", clone=True, exit_process=False)
print("end", one is None, two is None)
"""


@pytest.fixture(autouse=True)
def _server(valkey_url: str, elsewhere_home: Path, repository: Desk) -> None:
    pass


@pytest.fixture
def store(valkey_url: str) -> Iterator[RedisStore]:
    store = RedisStore(valkey_url)
    yield store
    store.close()


def at_a_desk(desk: Desk, url: str, script: str = SCRIPT, after: str = "") -> Ran:
    return desk.run(script.replace("AFTER", after), ELSEWHERE_REDIS_URL=url)


def named(store: RedisStore, function: str) -> TaskRecord:
    (task,) = [task for task in store.newest() if task.spec.entry.function == function]
    return task


def new_of(task: TaskRecord, **changed: JSONValue) -> NewTask:
    """The task with parameters that somebody has changed by hand."""
    by_hand = {f"Function/{name}": value for name, value in changed.items()}
    return NewTask(
        task.project,
        task.name,
        task.spec,
        {**task.parameters, **by_hand},
        tuple(by_hand),
        parameter_info=task.parameter_info,
    )


REFUSED = {
    "task.create_function_task(first, x=1)": "has a function 'first' already",
    "task.create_function_task(print, func_name='first')": "has a function 'first' already",
    "task.create_function_task(first, 'other', lock=task)": "the argument 'lock' of function 'other'",
    "task.create_function_task(first, 'other', deep=[{'a': object()}])": "the argument 'deep'",
    "task.create_function_task(second, 'other', lr=1)": "cannot be called so: missing",
    "task.create_function_task(3)": "is no function",
    "task.create_function_task(first, 5, x=1)": "func_name=5 is no text",
    "task.create_function_task(functools.partial(first))": "has no name",
    "two.create_function_task(first, 'other')": "by the run itself",
}


class TestAtADesk:
    """Drafts are made, and nothing is called."""

    def test_each_function_is_a_draft_of_this_run_with_its_arguments(
        self, repository: Desk, valkey_url: str, store: RedisStore
    ) -> None:
        ran = at_a_desk(
            repository, valkey_url, after="print(two.id, two.status, two.name, two.parent == task.id)"
        )
        assert ran.code == 0, ran.stderr
        assert "second (" not in ran.stdout
        assert ran.stdout.splitlines()[-1] == "end False False"
        task = named(store, "second")
        assert f"{task.id} created the second True" in ran.stdout
        assert named(store, "first").name == "svm <first>"
        assert (task.status, task.project) == (Status.CREATED, "digits")
        assert task.spec.source.commit is not None
        assert task.parameters == {
            "Function/lr": 0.5,
            "Function/betas": [0.9, 0.999],
            "Function/colour": "BLUE",
            "Function/net": {"depth": 3, "width": 0.5},
            "Function/where": "data",
        }

    def test_what_cannot_be_made_a_task_is_told(
        self, repository: Desk, valkey_url: str, store: RedisStore
    ) -> None:
        after = f"""
import functools
for call in {list(REFUSED)!r}:
    try:
        eval(call)
    except Exception as error:
        print("told", json.dumps([call, type(error).__name__, str(error)]))
"""
        ran = at_a_desk(repository, valkey_url, after=after)
        told = [json.loads(line[5:]) for line in ran.stdout.splitlines() if line.startswith("told ")]
        assert {call: kind for call, kind, _ in told} == dict.fromkeys(REFUSED, "UsageError"), ran.stderr
        assert [call for call, _, text in told if REFUSED[call] not in text] == []
        assert {task.spec.entry.function for task in store.newest()} == {"", "first", "second"}

    def test_a_name_is_free_again_where_no_task_was_made(
        self, repository: Desk, valkey_url: str, store: RedisStore
    ) -> None:
        after = (
            "try:\n    task.create_function_task(first, 'third', x=object())\nexcept Exception as error:\n"
            "    print('told', type(error).__name__)\ntask.create_function_task(first, 'third', x=2)"
        )
        ran = at_a_desk(repository, valkey_url, after=after)
        assert (ran.code, "told UsageError" in ran.stdout) == (0, True), ran.stderr
        assert named(store, "third").parameters == {"Function/x": 2}


def test_a_notebook_s_function_is_a_task_of_its_cells_and_a_cell_may_be_run_again(
    repository: Desk, valkey_url: str, elsewhere_home: Path, store: RedisStore
) -> None:
    environment = repository.environment(
        PYTHONPATH=str(CHECKOUT), ELSEWHERE_REDIS_URL=valkey_url, ELSEWHERE_HOME=str(elsewhere_home)
    )
    make = "made = task.create_function_task(work, x=SIZE)\nprint(made.id)"
    with Kernel(repository.folder, environment) as kernel:
        kernel.run("from elsewhere import Task\ntask = Task.init('digits', 'svm')\nfactor = 3")
        kernel.run("def work(x):\n    print('worked', x * factor)")
        for size in ("5", "7"):
            made = kernel.run(make.replace("SIZE", size), cell="make")
    task = store.get(made.stdout.strip())
    assert task.spec.source.untracked is not None
    with tarfile.open(fileobj=BytesIO(store.get_blob(task.spec.source.untracked))) as archive:
        script = archive.extractfile(task.spec.entry.script)
        assert script is not None
        ran = repository.attempt(script.read().decode(), task=new_of(task))
    assert (ran.code, ran.stdout) == (0, "worked 21\n"), ran.stderr


class TestInItsAttempt:
    """The script is run up to the call, and the function alone."""

    def sent(self, desk: Desk, url: str, store: RedisStore, function: str, **changed: JSONValue) -> Ran:
        ran = at_a_desk(desk, url)
        assert ran.code == 0, ran.stderr
        return desk.attempt(SCRIPT.replace("AFTER", ""), task=new_of(named(store, function), **changed))

    def test_the_function_is_called_with_what_it_had_and_then_the_process_ends(
        self, repository: Desk, valkey_url: str, store: RedisStore
    ) -> None:
        ran = self.sent(repository, valkey_url, store, "second")
        assert (ran.code, ran.stderr) == (0, "")
        expected = "(1.5, (0.9, 0.999), <Colour.BLUE: 2>, Net(depth=3, width=0.5), PosixPath('data'), None)"
        assert ran.stdout.splitlines() == ["between", f"second {expected}"]

    def test_changed_arguments_are_fitted_to_the_type_that_they_had(
        self, repository: Desk, valkey_url: str, store: RedisStore
    ) -> None:
        changed: dict[str, JSONValue] = {
            "lr": "2",
            "betas": "[0.5, 1]",
            "colour": "RED",
            "where": "/more",
            "note": "x",
        }
        ran = self.sent(repository, valkey_url, store, "second", **changed)
        expected = "(6.0, (0.5, 1.0), <Colour.RED: 1>, Net(depth=3, width=0.5), PosixPath('/more'), 'x')"
        assert ran.stdout.splitlines()[-1] == f"second {expected}", ran.stderr
        assert {f"Function/{name}" for name in changed} <= ran.used

    def test_the_first_function_s_attempt_never_comes_to_the_second(
        self, repository: Desk, valkey_url: str, store: RedisStore
    ) -> None:
        ran = self.sent(repository, valkey_url, store, "first", y=[1, 2])
        assert (ran.code, ran.stdout) == (0, "first {'x': 1, 'y': [1, 2]}\n")

    def test_a_value_that_does_not_fit_fails_the_task_in_words(
        self, repository: Desk, valkey_url: str, store: RedisStore
    ) -> None:
        ran = self.sent(repository, valkey_url, store, "second", lr="a little")
        assert ran.code == 13
        assert "error: Function/lr: 'a little' is no float" in ran.stderr
        assert "Function/lr" in ran.used

    def test_an_argument_that_the_function_does_not_take_fails_the_task_in_words(
        self, repository: Desk, valkey_url: str, store: RedisStore
    ) -> None:
        ran = self.sent(repository, valkey_url, store, "second", momentum=1)
        assert ran.code == 2
        assert "unexpected keyword argument 'momentum'" in ran.stderr


BARE = NewTask("digits", "svm", TaskSpec(Entry("train.py", function="work")), {"Function/x": 1})


def attempt(desk: Desk, body: str, task: NewTask = BARE, **more: str) -> Ran:
    head = "import os, sys\nfrom elsewhere import Task\ntask = Task.init()\n"
    return desk.attempt(head + body, task=task, **more)


def test_what_the_function_raises_fails_the_task_whatever_the_script_catches(desk: Desk) -> None:
    body = """
def work(x):
    raise KeyError("the shovel")
try:
    task.create_function_task(work, x=1)
except Exception:
    print("swallowed")
print("went on")
"""
    ran = attempt(desk, body)
    assert (ran.code, ran.stdout) == (1, "")
    assert ran.stderr.rstrip().endswith("KeyError: 'the shovel'")


def test_an_exit_of_the_function_is_the_task_s(desk: Desk) -> None:
    ran = attempt(desk, "task.create_function_task(lambda x: sys.exit(7), 'work', x=1)\nprint('went on')")
    assert (ran.code, ran.stdout) == (7, "")


def test_exit_handlers_run_after_the_function(desk: Desk) -> None:
    body = "import atexit; atexit.register(print, 'handler')\ntask.create_function_task(print, 'work', end='worked ')"
    task = replace(BARE, parameters={"Function/end": "worked "})
    ran = attempt(desk, body, task)
    assert (ran.code, ran.stdout) == (0, "worked handler\n")


def test_other_functions_and_sending_do_nothing(desk: Desk) -> None:
    body = """
print(task.create_function_task(print, "other", end=""))
task.execute_remotely()
task.create_function_task(lambda x: print("worked", x), "work", x=0)
"""
    ran = attempt(desk, body)
    assert (ran.code, ran.stdout) == (0, "None\nworked 1\n")


def test_a_script_that_never_comes_to_the_function_says_so(desk: Desk) -> None:
    ran = attempt(desk, "task.create_function_task(print, 'other')\nprint('the end')")
    assert (ran.code, ran.stdout) == (0, "the end\n")
    assert ran.stderr == "elsewhere: error: the script ended before it came to function 'work'\n"


def test_only_the_first_rank_makes_tasks(repository: Desk, valkey_url: str, store: RedisStore) -> None:
    script = """
from elsewhere import Task
task = Task.init(project_name="digits", task_name="svm")
print(task.create_function_task(print, "work"))
"""
    ran = repository.run(script, ELSEWHERE_REDIS_URL=valkey_url, RANK="1", LOCAL_RANK="1", WORLD_SIZE="2")
    assert ran.stdout.splitlines()[:1] == ["None"], ran.stderr
    assert [task for task in store.newest() if task.spec.entry.function] == []


def test_a_worker_process_of_the_attempt_calls_nothing(desk: Desk) -> None:
    body = """
import multiprocessing
def square(x):
    return x * x
def work(x):
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print("worked", pool.map(square, [x, 3]))
if True:  # no guard: workers run the top level again
    task.create_function_task(work, x=1)
"""
    ran = attempt(desk, body)
    assert (ran.code, ran.stdout) == (0, "worked [1, 9]\n"), ran.stderr


WHOLE = "made = task.create_function_task(print, 'work', end='x')\nprint(made and made.id)"


def test_in_an_attempt_of_the_whole_script_without_a_server_none_is_made(desk: Desk) -> None:
    ran = attempt(desk, WHOLE, NewTask("digits", "svm", TaskSpec(Entry("train.py"))))
    assert (ran.code, ran.stdout) == (0, "None\n")
    assert "no task is made of function 'work': an attempt reaches its own task only" in ran.stderr


def test_the_task_that_was_made_at_the_desk_is_found_again(store: RedisStore) -> None:
    parent = store.create(
        NewTask("digits", "svm", TaskSpec(Entry("train.py")), {"Args/lr": 1, "Function/old": 1})
    )
    place = Stored(store, parent.id)
    call = checked_call(print, "work", {"end": "x"})
    made = child_of(place, parent, call, "svm <work>")
    again = child_of(place, parent, call, "svm <work>")
    assert made is not None
    assert again is not None
    assert made[1].id == again[1].id
    assert made[1].parameters == {"Args/lr": 1, "Function/end": "x"}
    assert (made[1].parent, made[1].spec.entry.function, made[1].name) == (parent.id, "work", "svm <work>")


def test_a_task_that_does_not_run_here_has_no_functions() -> None:
    store = MemoryStore()
    task = Task(Stored(store, store.create(NewTask("digits", "svm", TaskSpec(Entry("x.py")))).id))
    with pytest.raises(UsageError, match="by the run itself"):
        task.create_function_task(print)
