"""An attempt in a container, all of it real: engine, environment, SDK, Relay."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from direct_task import DirectTask

from agent import launch, workspace
from agent.image import setup_script
from agent.image.bytecode import compile_soon
from agent.image.container import container_for, labels_of
from agent.image.environment import ImageEnvironment
from agent.relay import RelayServer, attempt_calls
from elsewhere.contract.lease import Lease
from elsewhere.contract.spec import Entry, LocalPackage, Source, TaskSpec
from elsewhere.contract.status import Status
from elsewhere.contract.task import NewTask
from elsewhere.contract.terms import Limits
from elsewhere.startup import lay_sdk
from elsewhere.store.memory import MemoryStore
from executors.docker import DockerExecutor


@dataclass
class Attempt:
    """One attempt's surroundings, as its supervisor would make them."""

    machine: object
    store: MemoryStore
    lease: Lease
    socket: Path

    def run(
        self, environment: ImageEnvironment, source: str, *arguments: str, setup: str = ""
    ) -> tuple[int, str]:
        tree, root = self.machine.tree, self.machine.root
        (tree / "train.py").write_text(textwrap.dedent(source))
        container = container_for(
            environment,
            ("--network=none", *arguments),
            self.lease,
            tree=tree,
            sdk=lay_sdk(root / "sdk"),
            relay=self.socket,
            home=root / "home",
            gpus=None,
        )
        ready = launch.build(
            Entry("train.py"), tree, environment, self.lease, sdk=lay_sdk(root / "sdk"),
            relay=self.socket, gpus=None, limits=Limits(), container=container,
        )  # fmt: skip
        ready = replace(ready, argv=setup_script.preceded(ready.argv, setup, tree))
        running = DockerExecutor(self.machine.engine).start(ready)
        try:
            with os.fdopen(os.dup(running.output), "rb") as output:
                text = output.read().decode()
            ended = running.wait(60)
            assert ended is not None
            return ended.code, text
        finally:
            running.terminate(0)


@pytest.fixture
def attempt(machine) -> Iterator[Attempt]:
    store = MemoryStore()
    draft = store.create(NewTask("digits", "svm", TaskSpec(Entry("train.py")), {"Args/C": 0.5}, ("Args/C",)))
    record = store.move(draft.id, Status.IN_PROGRESS, expected=Status.CREATED)
    lease = Lease(record.id, record.attempt, "box", 20.0)
    folder = Path(tempfile.mkdtemp(prefix="ew-"))
    (folder / "server.sock").touch()
    with RelayServer(folder / "relay.sock", calls=attempt_calls(DirectTask(store, lease), lease, set())):
        yield Attempt(machine, store, lease, folder / "relay.sock")
    shutil.rmtree(folder)


def test_a_task_reports_without_a_network(attempt: Attempt, machine, base_image) -> None:
    code, text = attempt.run(
        machine.prepare(base_image, "toyone==2.0"),
        """\
        import argparse, toyone
        from elsewhere import Task
        task = Task.init("digits", "svm")
        parser = argparse.ArgumentParser()
        parser.add_argument("--C", type=float, default=1.0)
        print(task.id, parser.parse_args().C, toyone.VERSION)
        """,
    )
    assert (code, text.split()) == (0, [attempt.lease.task_id, "0.5", "2.0"]), text


def test_it_sees_its_own_folders_and_writes_to_its_workspace_alone(
    attempt: Attempt, machine, base_image
) -> None:
    environment = machine.prepare(base_image, "toyone==2.0")
    code, text = attempt.run(
        environment,
        f"""\
        import os, pathlib
        pathlib.Path("result.txt").write_text("made")
        (pathlib.Path.home() / "cached").write_text("kept")
        try:
            pathlib.Path({str(environment.folder / "x")!r}).write_text("x")
        except OSError as error:
            print(error.strerror)
        print(sorted(os.listdir(os.path.dirname(os.environ["ELSEWHERE_RELAY"]))), os.getuid())
        print(os.environ.get("NVIDIA_VISIBLE_DEVICES"))
        """,
    )
    assert (code, text) == (
        0, f"Read-only file system\n['relay.sock'] {os.getuid()}\nvoid\n",
    )  # fmt: skip
    made = machine.tree / "result.txt"
    assert (made.stat().st_uid, made.stat().st_gid) == (os.getuid(), os.getgid())
    assert (machine.root / "home" / "cached").read_text() == "kept"


def test_what_it_writes_belongs_to_whoever_runs_the_agent(
    attempt: Attempt, machine, base_image, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can stand in for another user; for this one the test before says it")
    environment = machine.prepare(base_image)
    for folder in (machine.tree, machine.root / "home"):
        folder.mkdir(exist_ok=True)
        os.chown(folder, 1234, 1235)
    for path in (machine.root, *machine.root.parents[:2]):
        path.chmod(0o755)
    monkeypatch.setattr("os.getuid", lambda: 1234)
    monkeypatch.setattr("os.getgid", lambda: 1235)
    code, text = attempt.run(environment, "open('result.txt', 'w').close()")
    assert code == 0, text
    made = (machine.tree / "result.txt").stat()
    assert (made.st_uid, made.st_gid) == (1234, 1235)


def test_git_works_in_a_workspace_that_borrows_its_objects(attempt: Attempt, machine, base_image) -> None:
    desk = machine.root / "desk"
    desk.mkdir(parents=True)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(desk)]
    (desk / "kept.txt").write_text("1")
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "one"]):
        subprocess.run([*git, *command], check=True)
    commit = subprocess.check_output([*git, "rev-parse", "HEAD"], text=True).strip()
    workspace.rebuild(
        Source(repository=str(desk), commit=commit),
        machine.tree,
        repositories=machine.root / "repositories",
        fetch=lambda _: b"",
        note=lambda _: None,
    )
    code, text = attempt.run(
        machine.prepare(base_image),
        "import subprocess; print(subprocess.check_output(['git', 'log', '--format=%s'], text=True))",
    )
    assert (code, text.strip()) == (0, "one"), text


def test_the_trees_own_package_is_in_a_layer_that_the_next_attempt_only_copies(
    attempt: Attempt, machine, base_image, started
) -> None:
    (machine.tree / "mine").mkdir()
    (machine.tree / "mine" / "__init__.py").write_text("WORD = 'from the tree'\n")
    (machine.tree / "backend.py").write_text(BACKEND)
    (machine.tree / "pyproject.toml").write_text(
        '[project]\nname = "mine"\nversion = "1.0"\n'
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    more = {"local": (LocalPackage("."),)}
    machine.prepare(base_image, "toyone==2.0", **more)
    started()
    environment = machine.prepare(base_image, "toyone==2.0", **more)
    assert started() == []
    assert environment.layer is not None
    code, text = attempt.run(environment, "import mine, toyone; print(mine.WORD, toyone.VERSION)")
    assert (code, text) == (0, "from the tree 2.0\n")
    assert {"mine==1.0", "toyone==2.0"} <= set(environment.built().packages)


def test_it_is_found_by_its_labels(attempt: Attempt, machine, base_image) -> None:
    assert labels_of(attempt.lease) == {
        "elsewhere.task": attempt.lease.task_id, "elsewhere.attempt": "1", "elsewhere.agent": "box",
    }  # fmt: skip


class TestSetupScript:
    def test_what_it_exports_reaches_the_command(self, attempt: Attempt, machine, base_image) -> None:
        code, text = attempt.run(
            machine.prepare(base_image),
            "import os, sys; print(os.environ['WORD'], sys.argv, os.path.exists('.elsewhere-setup'))",
            setup="echo from setup\nexport WORD='two words'\ncd /\nset -- lost\n",
        )
        assert (code, text) == (0, "from setup\ntwo words ['train.py'] False\n")
        assert setup_script.failure(machine.tree, code) is None

    @pytest.mark.parametrize(
        "script",
        ["exit 3", "false", "trap 'exit 3' EXIT\nfalse", "(exit 3)", "nonsense-of-that-name", "kill $$"],
    )
    def test_its_failure_is_not_the_tasks(self, script: str, attempt: Attempt, machine, base_image) -> None:
        code, text = attempt.run(machine.prepare(base_image), "print('ran')", setup=f"echo began\n{script}\n")
        assert code != 0
        assert "began" in text
        assert "ran" not in text.replace("began", "")
        said = setup_script.failure(machine.tree, code)
        assert said is not None
        assert f"exit code {code}" in said

    def test_a_failing_task_is_told_apart(self, attempt: Attempt, machine, base_image) -> None:
        code, _ = attempt.run(machine.prepare(base_image), "raise SystemExit(3)", setup="true")
        assert code == 3
        assert setup_script.failure(machine.tree, code) is None


def test_bytecode_is_compiled_once_in_the_image(machine, base_image, started) -> None:
    with machine.held(base_image, "toyone==2.0") as environment:
        assert list(environment.folder.rglob("*.pyc")) == []
        thread = compile_soon(environment, machine.engine)
        assert thread is not None
        thread.join(60)
        assert [path.name for path in environment.folder.rglob("*.pyc")] == ["toyone.cpython-311.pyc"]
        started()
        assert compile_soon(environment, machine.engine) is None
        assert started() == []


BACKEND = """
import zipfile

def get_requires_for_build_editable(settings=None):
    return []

def build_editable(folder, settings=None, metadata=None):
    import os
    name = "mine-1.0-py3-none-any.whl"
    info = "mine-1.0.dist-info"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        wheel.writestr("mine.pth", os.getcwd() + "\\n")
        wheel.writestr(info + "/METADATA", "Metadata-Version: 2.1\\nName: mine\\nVersion: 1.0\\n")
        wheel.writestr(info + "/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(info + "/RECORD", "")
    return name
"""
