"""Runs of several processes: one task, which the first process begins and ends."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

from elsewhere.contract.status import Status
from elsewhere.store.redis import RedisStore
from tests.parameters.desk import CHECKOUT, Desk, Ran

WRITE = """
from elsewhere.contract.write import ParametersSet
def write(name):
    from elsewhere import Task
    Task.current_task()._place.write(ParametersSet({"General/" + name: 1}))
    return Task.current_task().id
"""


PATIENT = {"ELSEWHERE_EXIT_DEADLINE_SECONDS": "60"}
"""A machine that does much else must not make a process leave before it was heard."""


def run(desk: Desk, text: str, url: str, **more: str) -> Ran:
    return desk.run(WRITE + textwrap.dedent(text), ELSEWHERE_REDIS_URL=url, **PATIENT, **more)


@pytest.mark.parametrize("flushed", ["task._place.flush(60)", "pass"], ids=["kept", "not kept yet"])
@pytest.mark.parametrize("way", ["sys.exit(3)", "raise ValueError", "pass; sys.exit()"])
def test_a_forked_child_writes_to_the_task_and_says_nothing_of_its_end(
    repository: Desk, store: RedisStore, url: str, flushed: str, way: str
) -> None:
    text = f"""
        import os, sys
        from elsewhere import Task
        task = Task.init("digits", "svm")
        {flushed}
        write("before")
        child = os.fork()
        if not child:
            write("child")
            {way}
        os.waitpid(child, 0)
        write("after")
        print(task.status)
        """
    ran = run(repository, text, url)
    assert (ran.code, ran.stdout.splitlines()[-1]) == (0, "in_progress"), ran.stderr
    (task,) = store.newest()
    assert sorted(task.parameters) == ["General/after", "General/before", "General/child"]
    assert (task.status, task.attempt) == (Status.COMPLETED, 1)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers_of_multiprocessing_write_to_the_one_task(
    repository: Desk, store: RedisStore, url: str, method: str
) -> None:
    text = f"""
        import multiprocessing
        from elsewhere import Task
        task = Task.init("digits", "svm")
        if __name__ == "__main__":
            context = multiprocessing.get_context("{method}")
            workers = [context.Process(target=write, args=(f"worker{{n}}",)) for n in range(2)]
            for worker in workers: worker.start()
            for worker in workers: worker.join()
            with context.Pool(2) as pool:
                assert set(pool.map(write, ["pool1", "pool2", "pool3"])) == {{task.id}}
                pool.close()
                pool.join()
            print(task.status)
        """
    ran = run(repository, text, url)
    assert (ran.code, ran.stdout.splitlines()[-1]) == (0, "in_progress"), ran.stderr
    assert ran.stderr == ""
    (task,) = store.newest()
    assert sorted(task.parameters) == [
        f"General/{name}" for name in ("pool1", "pool2", "pool3", "worker0", "worker1")
    ]
    assert (task.status, task.attempt) == (Status.COMPLETED, 1)


def test_workers_find_their_task_under_a_name_that_is_another_each_time(
    repository: Desk, store: RedisStore, url: str
) -> None:
    text = """
        import multiprocessing, time
        from elsewhere import Task
        task = Task.init("digits", f"svm at {time.time_ns()}")
        if __name__ == "__main__":
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                assert pool.map(write, ["worker"]) == [task.id]
                pool.close()
                pool.join()
        """
    assert run(repository, text, url).code == 0
    (task,) = store.newest()
    assert list(task.parameters) == ["General/worker"]


def test_a_program_that_the_script_starts_is_a_run_of_its_own(
    repository: Desk, store: RedisStore, url: str
) -> None:
    (repository.folder / "other.py").write_text("from elsewhere import Task\nTask.init('digits', 'other')")
    text = """
        import subprocess, sys
        from elsewhere import Task
        Task.init("digits", "svm")
        subprocess.run([sys.executable, "other.py"], check=True)
        """
    assert run(repository, text, url).code == 0
    assert sorted(task.name for task in store.newest()) == ["other", "svm"]
    assert {task.status for task in store.newest()} == {Status.COMPLETED}


def test_a_task_that_only_a_worker_opens_is_its_own(repository: Desk, store: RedisStore, url: str) -> None:
    text = """
        import multiprocessing
        def work(name):
            from elsewhere import Task
            Task.init("digits", name)
            write("own")
            if name == "bad":
                raise ValueError(name)
        if __name__ == "__main__":
            for name in ("good", "bad"):
                worker = multiprocessing.get_context("fork").Process(target=work, args=(name,))
                worker.start()
                worker.join()
        """
    assert run(repository, text, url).code == 0
    tasks = {task.name: task for task in store.newest()}
    assert {name: task.status for name, task in tasks.items()} == {
        "good": Status.COMPLETED,
        "bad": Status.FAILED,
    }
    assert "ValueError: bad" in tasks["bad"].status_message


def test_a_child_may_open_a_task_of_its_own(repository: Desk, store: RedisStore, url: str) -> None:
    text = """
        import os, sys
        from elsewhere import Task
        task = Task.init("digits", "svm")
        child = os.fork()
        if not child:
            assert Task.init("digits", "svm") is task
            own = Task.init("digits", "child")
            write("own")
            own.close()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        """
    assert run(repository, text, url).code == 0
    tasks = {task.name: task for task in store.newest()}
    assert list(tasks["child"].parameters) == ["General/own"]
    assert {task.status for task in tasks.values()} == {Status.COMPLETED}


LAUNCHER = """
import os, subprocess, sys
processes = []
for rank in (2, 1, 0):
    ranks = {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "3", "TORCHELASTIC_RUN_ID": "none"}
    processes.append(subprocess.Popen([sys.executable, "ranked.py"], env={**os.environ, **ranks}))
sys.exit(max(process.wait() for process in processes))
"""


def test_the_ranks_of_a_launcher_are_one_task_that_the_first_begins_and_ends(
    repository: Desk, store: RedisStore, url: str
) -> None:
    (repository.folder / "ranked.py").write_text(
        WRITE
        + textwrap.dedent("""
            import os, sys
            from elsewhere import Task
            task = Task.init("digits", "svm")
            print(write("rank" + os.environ["RANK"]), flush=True)
            sys.exit(0 if os.environ["RANK"] == "0" else 1)
            """)
    )
    for _ in range(2):
        ran = repository.run(LAUNCHER, ELSEWHERE_REDIS_URL=url, **PATIENT)
        assert len(set(ran.stdout.split())) == 1, ran.stderr
        (task,) = store.newest()
        assert task.id in ran.stdout
        assert sorted(task.parameters) == ["General/rank0", "General/rank1", "General/rank2"]
        assert task.status is Status.COMPLETED


def test_many_threads_write_at_once(repository: Desk, store: RedisStore, url: str) -> None:
    text = """
        import threading
        from elsewhere import Task
        task = Task.init("digits", "svm")
        threads = [threading.Thread(target=lambda n=n: [write(f"{n}-{m}") for m in range(50)]) for n in range(8)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        """
    ran = run(repository, text, url)
    assert (ran.code, ran.stderr) == (0, "")
    assert len(store.newest()[0].parameters) == 400


def test_forking_while_the_run_is_being_kept_stops_nobody(
    repository: Desk, store: RedisStore, url: str
) -> None:
    path = repository.write(
        WRITE
        + textwrap.dedent("""
            import os, sys, time
            from elsewhere import Task
            task = Task.init("digits", "svm")
            children = []
            for number in range(12):
                child = os.fork()
                if not child:
                    write(f"child{number}")
                    sys.exit()
                children.append(child)
                time.sleep(0.02)  # spread over all that the background does
            for child in children:
                assert os.waitpid(child, 0)[1] == 0
            """)
    )
    done = subprocess.run(
        [sys.executable, path.name],
        cwd=repository.folder,
        env=repository.environment(PYTHONPATH=str(CHECKOUT), ELSEWHERE_REDIS_URL=url, **PATIENT),
        timeout=120,
    )
    assert done.returncode == 0
    assert len(store.newest()[0].parameters) == 12


NOTES_IMPORTS = """
import sys, threading
from elsewhere import unforked
unguarded = []
class Notes:
    def find_spec(name, path, target=None):
        if threading.current_thread() is not threading.main_thread() and not unforked.held()._is_owned():
            unguarded.append(name)
sys.meta_path.insert(0, Notes)
"""


@pytest.mark.parametrize("by", ["socket", "network"])
def test_no_thread_of_ours_imports_what_a_fork_may_come_between(
    repository: Desk, store: RedisStore, url: str, by: str
) -> None:
    # A forked child could never import it, and would wait for ever. Of a server that is not there, too, the
    # address is asked for.
    text = """
        from elsewhere import Task
        for again in range(2):
            with Task.init("digits", "svm") as task:
                write("once")
                task._place.flush()
        print(unguarded)
        """
    server = url if by == "socket" else "redis://localhost:1/0"
    ran = run(repository, NOTES_IMPORTS + textwrap.dedent(text), server)
    assert ran.stdout.splitlines()[-1:] == ["[]"], ran
