"""A session comes to the store whole and once, whatever happens on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from elsewhere.contract.edit import Edit, Property
from elsewhere.contract.errors import IllegalMove, SessionRefused, TaskNotFound
from elsewhere.contract.query import Query
from elsewhere.contract.spec import Entry, TaskSpec
from elsewhere.contract.status import Status
from elsewhere.contract.task import NewTask, TaskRecord
from elsewhere.contract.write import Edited
from elsewhere.desk.ending import Ending
from elsewhere.offline.arrival import import_session
from elsewhere.store.deliver import deliver
from elsewhere.store.memory import MemoryStore
from elsewhere.store.protocol import Store
from elsewhere.store.redis import RedisStore
from tests.offline.sessions import DIFF, UNTRACKED, WRITES, new_task, record

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["memory", "valkey"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryStore()
        return
    opened = RedisStore(request.getfixturevalue("valkey_url"))
    yield opened
    opened.close()


def told(store: Store, task_id: str) -> list[str]:
    """What the run itself reported as events, in order."""
    return [event.detail for event in store.events(task_id) if event.kind == "environment"]


def imports(store: Store, task_id: str) -> int:
    return sum(event.kind == "imported" for event in store.events(task_id))


def require_whole(store: Store, task_id: str) -> TaskRecord:
    """The task is what the run would have made at a desk with a server."""
    peer = MemoryStore()
    made = peer.create(new_task(), task_id=task_id)
    peer.move(made.id, Status.IN_PROGRESS, expected=Status.CREATED)
    for write in WRITES:
        deliver(peer, made.id, write)
    want, task = peer.get(made.id), store.get(task_id)
    if task.status is Status.COMPLETED:
        want = replace(want, progress=100.0)
    for field in ("project", "name", "spec", "parameters", "overrides", "type", "tags", "comment", "progress",
                  "properties", "parameter_info"):  # fmt: skip
        assert getattr(task, field) == getattr(want, field), field
    assert {name: store.get_blob(kept.blob) for name, kept in store.configurations(task_id).items()} == {
        "model": b"layers: 3\n\x00\xff"
    }
    source = task.spec.source
    assert source.diff is not None
    assert source.submodules is not None
    assert store.get_blob(source.diff) == DIFF
    inner = source.submodules[0].source.untracked
    assert inner is not None
    assert store.get_blob(inner) == UNTRACKED
    assert told(store, task_id) == ["first", "second"]
    assert imports(store, task_id) == 1
    return task


class TestOnce:
    """An import that nothing disturbs."""

    def test_the_task_is_as_if_a_server_had_been_there(self, store: Store, tmp_path: Path) -> None:
        archive = record(tmp_path, ending=Ending(Status.FAILED, "exit code 3", 3, "Traceback…"))
        task_id = import_session(store, archive)
        assert task_id == archive.stem
        task = require_whole(store, task_id)
        assert (task.status, task.status_message, task.exit_code) == (
            Status.FAILED,
            "exit code 3\nTraceback…",
            3,
        )
        assert [event.kind for event in store.events(task_id)][-2:] == ["imported", "ended"]

    def test_again_it_changes_nothing(self, store: Store, tmp_path: Path) -> None:
        archive = record(tmp_path)
        task_id = import_session(store, archive)
        before, events = store.get(task_id), store.events(task_id)
        assert import_session(store, archive) == task_id
        assert (store.get(task_id), store.events(task_id)) == (before, events)

    def test_also_where_somebody_has_queued_or_reset_the_task_since(
        self, store: Store, tmp_path: Path
    ) -> None:
        archive = record(tmp_path)
        task_id = import_session(store, archive)
        store.move(task_id, Status.CREATED, expected=Status.COMPLETED)
        assert import_session(store, archive) == task_id
        assert store.get(task_id).status is Status.CREATED
        store.enqueue(task_id, "default")
        assert import_session(store, archive) == task_id
        assert store.get(task_id).status is Status.QUEUED

    def test_a_killed_run_comes_as_far_as_it_got(self, store: Store, tmp_path: Path) -> None:
        task_id = import_session(store, record(tmp_path, ending=None))
        task = require_whole(store, task_id)
        assert (task.status, task.status_message) == (
            Status.STOPPED,
            "the desk's process ended without a word",
        )

    def test_a_task_that_somebody_deleted_is_made_again(self, store: Store, tmp_path: Path) -> None:
        archive = record(tmp_path)
        store.delete(import_session(store, archive))
        require_whole(store, import_session(store, archive))

    def test_a_task_that_something_else_runs_is_left_alone(self, store: Store, tmp_path: Path) -> None:
        archive = record(tmp_path)
        store.create(new_task(), task_id=archive.stem)
        store.move(archive.stem, Status.IN_PROGRESS, expected=Status.CREATED)
        with pytest.raises(IllegalMove, match="is in_progress"):
            import_session(store, archive)
        assert told(store, archive.stem) == []


class TestInto:
    """A run that goes on with a task that is there."""

    @pytest.fixture
    def previous(self, store: Store) -> str:
        spec = TaskSpec(Entry("other.py"))
        new = NewTask("old", "first", spec, {"Args/old": 1, "Args/lr": 9}, tags=("kept",), comment="mine")
        return store.create(new).id

    def test_it_is_merged_into_a_draft(self, store: Store, previous: str, tmp_path: Path) -> None:
        writes = WRITES[3:]  # without the one that replaces all parameters
        assert import_session(store, record(tmp_path, writes), into=previous) == previous
        task = store.get(previous)
        assert (task.project, task.name, task.spec.entry.script) == ("old", "first", "other.py")
        assert task.parameters == {"Args/old": 1, "Args/lr": 0.5}
        assert task.tags == ("kept", "early", "late")
        assert task.properties == {"note": Property([1, None], "list")}
        assert task.status is Status.COMPLETED
        assert store.query(Query()).ids == (previous,)

    def test_several_sessions_may_go_on_with_one_task(
        self, store: Store, previous: str, tmp_path: Path
    ) -> None:
        first, second = record(tmp_path, WRITES[7:8]), record(tmp_path, WRITES[9:])
        for archive in (first, first, second, first, second):
            import_session(store, archive, into=previous)
        assert told(store, previous) == ["first", "second"]
        assert imports(store, previous) == 2

    def test_a_write_that_the_store_does_not_take_holds_nothing_up(
        self, store: Store, previous: str, tmp_path: Path
    ) -> None:
        refused = Edited(Edit(spec=TaskSpec(Entry("third.py"))))
        archive = record(tmp_path, [WRITES[7], refused, WRITES[9]])
        import_session(store, archive, into=previous)
        assert told(store, previous) == ["first", "second"]
        assert "write 4 of an offline session was not taken" in " ".join(
            event.detail for event in store.events(previous)
        )

    def test_what_the_task_had_reported_before_stays(
        self, store: Store, previous: str, tmp_path: Path
    ) -> None:
        attempt = store.move(previous, Status.IN_PROGRESS, expected=Status.CREATED).attempt
        store.append_log(previous, attempt, 1, b"before\n")
        store.move(previous, Status.FAILED, expected=Status.IN_PROGRESS)
        import_session(store, record(tmp_path), into=previous)
        assert store.read_log(previous)[0].data == b"before\n"

    def test_a_published_task_is_left_alone(self, store: Store, previous: str, tmp_path: Path) -> None:
        for old, new in (("created", "closed"), ("closed", "published")):
            store.move(previous, Status(new), expected=Status(old))
        with pytest.raises(IllegalMove, match="published"):
            import_session(store, record(tmp_path), into=previous)

    def test_a_queued_task_is_left_alone(self, store: Store, previous: str, tmp_path: Path) -> None:
        store.enqueue(previous, "default")
        with pytest.raises(IllegalMove, match="is queued"):
            import_session(store, record(tmp_path), into=previous)
        assert store.position(previous) == 0

    def test_there_must_be_one(self, store: Store, tmp_path: Path) -> None:
        with pytest.raises(TaskNotFound):
            import_session(store, record(tmp_path), into="f" * 32)


class Fatal:
    """A real store, whose user is killed before its call number ``last``."""

    def __init__(self, store: Store, last: int) -> None:
        self._store = store
        self._left = last

    def __getattr__(self, name: str) -> Any:
        found: Callable[..., Any] = getattr(self._store, name)

        def call(*arguments: Any, **named: Any) -> Any:
            if not self._left:
                os.kill(os.getpid(), signal.SIGKILL)
            self._left -= 1
            return found(*arguments, **named)

        return call


@pytest.mark.parametrize("into", [False, True])
def test_an_import_that_is_killed_anywhere_is_gone_on_with(
    valkey_url: str, tmp_path: Path, into: bool
) -> None:
    store = RedisStore(valkey_url)
    survived, last = False, 0
    while not survived:
        archive = record(tmp_path)
        target = store.create(new_task()).id if into else None
        child = os.fork()
        if not child:
            import_session(Fatal(RedisStore(valkey_url), last), archive, into=target)  # type: ignore[arg-type]
            os._exit(0)
        _, status = os.waitpid(child, 0)
        survived = os.waitstatus_to_exitcode(status) == 0
        task = require_whole(store, import_session(store, archive, into=target))
        assert task.status is Status.COMPLETED
        assert task.attempt == 1
        last += 1
    assert last > 2 * len(WRITES)


def test_two_imports_at_once_make_one_task(valkey_url: str, tmp_path: Path) -> None:
    store = RedisStore(valkey_url)
    for _ in range(10):
        archive = record(tmp_path)
        with ThreadPoolExecutor() as pool:
            begin = threading.Barrier(2)
            answers = [pool.submit(import_beside, valkey_url, archive, begin) for _ in range(2)]
        assert [answer.result() for answer in answers] == [archive.stem] * 2
        assert require_whole(store, archive.stem).attempt == 1


def import_beside(url: str, archive: Path, begin: threading.Barrier) -> str:
    store = RedisStore(url)
    begin.wait()
    try:
        return import_session(store, archive)
    finally:
        store.close()


class TestCommand:
    """``agent import``."""

    def run(self, url: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        agent = Path(sys.executable).with_name("agent")
        environment = {**os.environ, "ELSEWHERE_REDIS_URL": url}
        return subprocess.run(
            [agent, "import", *arguments], env=environment, capture_output=True, text=True, timeout=60
        )

    def test_several_are_imported_and_told(
        self, valkey_url: str, elsewhere_home: Path, tmp_path: Path
    ) -> None:
        first, second = record(tmp_path), record(tmp_path, ending=None)
        ran = self.run(valkey_url, first, second)
        assert (ran.returncode, ran.stderr) == (0, "")
        assert ran.stdout.splitlines() == [
            f"task {first.stem} is completed: imported from {first}",
            f"task {second.name} is stopped: imported from {second}",
        ]
        require_whole(RedisStore(valkey_url), second.name)

    def test_what_is_no_session_is_refused_with_an_exit_code(
        self, valkey_url: str, elsewhere_home: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "run.zip").write_text("none")
        ran = self.run(valkey_url, tmp_path / "run.zip")
        assert ran.returncode == SessionRefused.exit_code
        assert "is no zip archive" in ran.stderr

    def test_json_names_the_tasks(self, valkey_url: str, elsewhere_home: Path, tmp_path: Path) -> None:
        import json

        archive = record(tmp_path)
        ran = self.run(valkey_url, "--json", archive)
        assert [task["id"] for task in json.loads(ran.stdout)] == [archive.stem]
