"""A user's script in an attempt behaves as it does under plain ``python script.py``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from elsewhere.startup import lay_sdk
from tests.parameters.desk import Desk


def plainly(desk: Desk, script: str, *arguments: str, **more: str) -> tuple[int, str, str]:
    ran = desk.start(desk.write(textwrap.dedent(script)), arguments, desk.environment(**more))
    return ran.code, ran.stdout, ran.stderr


def elsewhere(desk: Desk, script: str, *arguments: str, **more: str) -> tuple[int, str, str]:
    ran = desk.attempt(textwrap.dedent(script), *arguments, **more)
    return ran.code, ran.stdout, ran.stderr


SCRIPTS = {
    "an exception": """
        def inner():
            return 1 / 0
        try:
            inner()
        except ZeroDivisionError as error:
            raise ValueError("no") from error
        """,
    "a syntax error": "print('a'\nx = = 1\n",
    "a missing module": "import nothing_of_that_name\n",
    "sys.exit with text": "import sys; sys.exit('bye')",
    "a warning": "import warnings; warnings.warn('careful')\nprint('on')",
    "an argparse error": """
        import argparse
        parser = argparse.ArgumentParser()
        parser.add_argument('x')
        parser.parse_args()
        """,
    "a failing thread": """
        import threading
        thread = threading.Thread(target=lambda: 1 / 0, name='t')
        thread.start()
        thread.join()
        """,
    "no stdout": "import sys; sys.stdout.close(); raise KeyError('x')",
    "what __main__ is": """
        import sys, __main__
        print(__name__, __file__, __spec__, __package__, __loader__.__class__, sys.argv)
        print(sys.path[0] == __import__('os').getcwd())
        print(sorted(n for n in vars(__main__) if not n.startswith('__')), sys.flags, sys.stdin.encoding)
        """,
    "argparse itself": """
        import importlib.util
        print(importlib.util.find_spec('argparse').origin)
        import argparse, inspect, pickle
        print(argparse.__loader__.__class__, argparse.__spec__.loader is argparse.__loader__)
        print(vars(argparse.__loader__).keys())
        parse = argparse.ArgumentParser.parse_args
        print(inspect.signature(parse), parse.__qualname__)
        print(importlib.reload(argparse) is argparse)
        """,
    "spawned workers": """
        import multiprocessing, pickle
        class Point:
            def __init__(self, x): self.x = x
        def double(point): return Point(point.x * 2), __name__, multiprocessing.current_process().name[:5]
        if __name__ == '__main__':
            with multiprocessing.get_context('spawn').Pool(2) as pool:
                print([(p.x, type(p) is Point, n, w) for p, n, w in pool.map(double, [Point(1), Point(2)])])
            print(pickle.dumps(Point(3)))
        """,
    "a failing worker": """
        import multiprocessing
        def fail(): raise LookupError('in the worker')
        if __name__ == '__main__':
            p = multiprocessing.get_context('spawn').Process(target=fail, name='w')
            p.start()
            p.join()
            print(p.exitcode)
        """,
}


@pytest.mark.parametrize("kind", SCRIPTS)
def test_a_script_says_and_ends_the_same_as_under_plain_python(kind: str, desk: Desk) -> None:
    assert elsewhere(desk, SCRIPTS[kind], "--a", "b") == plainly(desk, SCRIPTS[kind], "--a", "b")


def test_a_class_pickled_in_an_attempt_is_read_at_the_desk(desk: Desk) -> None:
    script = """
        import pickle, sys
        from pathlib import Path
        class Model: weight = 3
        file = Path('model')
        if file.exists(): print(type(pickle.loads(file.read_bytes())) is Model)
        else: file.write_bytes(pickle.dumps(Model()))
        """
    assert elsewhere(desk, script)[0] == 0
    assert plainly(desk, script) == (0, "True\n", "")


class TestStart:
    """What runs before the script."""

    def test_the_environment_s_own_sitecustomize_runs_as_well(self, desk: Desk) -> None:
        own = desk.folder / "own"
        own.mkdir()
        (own / "sitecustomize.py").write_text("import builtins\nbuiltins.SET = __file__\n")
        path = os.pathsep.join([str(lay_sdk(desk.folder / "sdk")), str(own)])
        script = "import sitecustomize, sys; print(SET, sitecustomize.__file__, sitecustomize.__spec__.name)"
        environment = desk.environment(PYTHONPATH=path, ELSEWHERE_RELAY="/none", ELSEWHERE_MAIN="1")
        ran = desk.start(desk.write(script), (), environment)
        file = own / "sitecustomize.py"
        assert (ran.code, ran.stdout, ran.stderr) == (0, f"{file} {file} sitecustomize\n", "")

    def test_one_that_fails_is_reported_as_python_reports_it(self, desk: Desk) -> None:
        own = desk.folder / "own"
        own.mkdir()
        (own / "sitecustomize.py").write_text("raise RuntimeError('theirs')\n")
        plain = plainly(desk, "print(1)", PYTHONPATH=str(own))
        path = os.pathsep.join([str(lay_sdk(desk.folder / "sdk")), str(own)])
        ran = desk.start(desk.write("print(1)"), (), desk.environment(PYTHONPATH=path, ELSEWHERE_RELAY="/n"))
        assert (ran.code, ran.stdout, ran.stderr) == plain
        assert "theirs" in ran.stderr

    @pytest.mark.parametrize("debug", ["0", "1"])
    def test_a_failure_of_ours_is_silent_unless_asked_for(self, debug: str, desk: Desk) -> None:
        sdk = desk.folder / "broken"
        (sdk / "elsewhere").mkdir(parents=True)
        (sdk / "elsewhere" / "__init__.py").write_text("raise RuntimeError('ours')\n")
        whole = lay_sdk(desk.folder / "sdk")
        (sdk / "sitecustomize.py").write_bytes((whole / "sitecustomize.py").read_bytes())
        ran = desk.start(
            desk.write("print(1)"),
            (),
            desk.environment(
                PYTHONPATH=str(sdk), ELSEWHERE_RELAY="/n", ELSEWHERE_MAIN="1", ELSEWHERE_DEBUG=debug
            ),
        )
        assert (ran.code, ran.stdout) == (0, "1\n")
        assert ("ours" in ran.stderr) == (debug == "1")

    def test_only_the_first_interpreter_s_command_line_is_the_task_s(self, desk: Desk) -> None:
        script = """
            import argparse, json, os, subprocess, sys
            parser = argparse.ArgumentParser()
            parser.add_argument('--x', type=int, default=0)
            parser.add_argument('--inner', action='store_true')
            args = parser.parse_args()
            if args.inner:
                import elsewhere
                print(parser.parse_args().x, 'ELSEWHERE_MAIN' in os.environ)
            else:
                command = [sys.executable, sys.argv[0], '--inner']
                inner = subprocess.run(command, capture_output=True, text=True)
                print(json.dumps([args.x, inner.stdout, inner.stderr]))
            """
        assert desk.attempt(textwrap.dedent(script), overrides=("Args/x=3",)).said == [3, "0 False\n", ""]

    @pytest.mark.parametrize("way", ["fork", "spawn", "forkserver"])
    def test_workers_that_parse_the_command_line_again_see_the_same_values(
        self, way: str, desk: Desk
    ) -> None:
        script = """
            import argparse, json, multiprocessing
            parser = argparse.ArgumentParser()
            parser.add_argument('way')
            parser.add_argument('--x', type=int, default=0)
            args = parser.parse_args()
            def look(number): return args.x
            if __name__ == '__main__':
                with multiprocessing.get_context(args.way).Pool(2) as pool:
                    print(json.dumps([args.x, *pool.map(look, range(3))]))
            """
        ran = desk.attempt(textwrap.dedent(script), way, overrides=("Args/x=3",))
        assert ran.said == [3, 3, 3, 3]

    def test_output_is_live_line_by_line_but_not_that_of_pipes_of_the_script_s_own(self, desk: Desk) -> None:
        script = textwrap.dedent("""
            import subprocess, sys
            print('ready'); print('half', end='')
            sys.stdin.readline()
            command = [sys.executable, '-c', 'import sys; print(sys.stdout.line_buffering)']
            print(subprocess.check_output(command, text=True), end='')
            """)
        reading, writing = os.pipe()
        environment = desk.environment(
            PYTHONPATH=str(lay_sdk(desk.folder / "sdk")),
            ELSEWHERE_RELAY="/none",
            ELSEWHERE_MAIN="1",
        )
        process = subprocess.Popen(
            [desk.python, desk.write(script)], env=environment, stdin=subprocess.PIPE, stdout=writing
        )
        os.close(writing)
        with process, os.fdopen(reading, "rb", buffering=0) as output:
            assert output.read(100) == b"ready\n"
            process.communicate(b"go\n", timeout=30)
            assert output.read() == b"halfFalse\n"


class TestLaying:
    """The folder that an attempt finds on its path."""

    def test_it_holds_the_sdk_and_nothing_else(self, tmp_path: Path) -> None:
        laid = lay_sdk(tmp_path)
        assert sorted(entry.name for entry in laid.iterdir()) == ["elsewhere", "sitecustomize.py"]
        assert (laid / "elsewhere" / "task.py").is_file()
        assert lay_sdk(tmp_path) == laid
        assert [entry.name for entry in tmp_path.iterdir()] == [laid.name]

    def test_several_agents_may_lay_it_at_once(self, tmp_path: Path) -> None:
        found: list[Path] = []
        threads = [threading.Thread(target=lambda: found.append(lay_sdk(tmp_path))) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 16
        assert [entry.name for entry in tmp_path.iterdir()] == [found[0].name]

    def test_a_folder_that_cannot_be_written_is_an_error(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(OSError, match="file"):
            lay_sdk(tmp_path / "file")


class TestTask:
    """``Task`` in an attempt."""

    def test_init_binds_to_the_running_task_whatever_it_is_called(self, desk: Desk) -> None:
        script = """
            import json, os
            from elsewhere import Task
            task = Task.init(project_name="other", task_name="another")
            assert Task.init() is task is Task.current_task()
            assert task.execute_remotely(queue_name="any") is task
            task.close(); task = Task.init()
            print(json.dumps([task.id == os.environ["ELSEWHERE_TASK_ID"], task.project, task.name,
                task.status, task.status == "in_progress", task.get_parameters()]))
            """
        ran = desk.attempt(textwrap.dedent(script), stored={"Args/C": 0.5})
        assert ran.said == [True, "digits", "svm", "in_progress", True, {"Args/C": 0.5}]

    @pytest.mark.parametrize("way", ["fork", "spawn"])
    def test_every_process_of_the_attempt_is_bound_to_the_same_task(self, way: str, desk: Desk) -> None:
        script = """
            import json, multiprocessing, sys
            from elsewhere import Task
            task = Task.init("digits", "svm")
            task.execute_remotely()
            def look(number): return [task.id, task.name, Task.current_task() is task]
            if __name__ == '__main__':
                task.name
                with multiprocessing.get_context(sys.argv[1]).Pool(3) as pool:
                    print(json.dumps([look(0), *pool.map(look, range(6))]))
            """
        said = desk.attempt(textwrap.dedent(script), way).said
        assert len(said) == 7
        assert all(each == said[0] for each in said)
        assert said[0][1:] == ["svm", True]

    def test_nothing_but_the_standard_library_is_imported(self, desk: Desk) -> None:
        names = "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
        script = """
            import argparse, json, sys
            from elsewhere import Task
            parser = argparse.ArgumentParser(); parser.add_argument('--x', type=int); parser.parse_args()
            task = Task.init("digits", "svm"); task.name; task.get_parameters(); task.execute_remotely()
            """
        there_anyway = set(json.loads(plainly(desk, f"import json, sys; {names}")[1]))
        imported = set(desk.attempt(textwrap.dedent(script) + names).said)
        more = {name for name in imported - there_anyway if not name.startswith("_")}
        assert more - sys.stdlib_module_names == {"elsewhere", "sitecustomize"}

    def test_importing_it_imports_hardly_anything(self, desk: Desk) -> None:
        script = (
            "import json, sys; before = set(sys.modules); import elsewhere\n"
            "print(json.dumps(sorted(set(sys.modules) - before)))"
        )
        assert desk.attempt(script).said == []  # the start has imported it, and the hook
        imported = desk.run(script).said
        assert {name for name in imported if not name.startswith("elsewhere")} <= {"__future__"}
