"""What scripts ask for over what was captured: image, packages, source, needs; at a desk and of drafts."""

from __future__ import annotations

import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest

from elsewhere import Task
from elsewhere.contract.errors import CaptureError, IllegalMove, UsageError
from elsewhere.contract.spec import Entry, Image, Needs, Packages, Source, TaskSpec
from elsewhere.contract.task import NewTask, TaskRecord
from elsewhere.store.memory import MemoryStore
from elsewhere.store.redis import RedisStore
from elsewhere.stored import Stored
from tests.parameters.desk import Desk

SPEC = TaskSpec(
    Entry("src/train.py", working_directory="src", arguments=("--lr", "1")),
    Source("https://git.invalid/nets.git", "a" * 40, "main"),
    Packages("3.11.7", ("numpy==2.1", "redis==5.2"), ("numpy==2.1", "redis==5.2", "tqdm==4.1")),
)
DIFF = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-1\n+2\n"


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def draft(store: MemoryStore) -> Task:
    return Task(Stored(store, store.create(NewTask("digits", "svm", SPEC)).id))


def spec_of(task: Task) -> TaskSpec:
    return task._record().spec


class TestAnImage:
    """``set_base_docker`` and ``get_base_docker``."""

    def test_it_is_named_as_in_clearml_or_here(self, draft: Task) -> None:
        image = Image("python:3.12", ("--shm-size", "8g"), "echo hello\necho again")
        script = ["echo hello", "echo again"]
        draft.set_base_docker("python:3.12", "--shm-size 8g", script)
        assert spec_of(draft).image == image
        draft.set_base_docker(docker_cmd="python:3.12 --shm-size 8g", docker_setup_bash_script=script)
        assert spec_of(draft).image == image
        draft.set_base_docker(
            image="python:3.12", arguments=["--shm-size", "8g"], setup_script="\n".join(script)
        )
        assert spec_of(draft).image == image
        assert draft.get_base_docker() == "python:3.12 --shm-size 8g"

    def test_without_one_there_is_none(self, draft: Task) -> None:
        draft.set_base_docker("python:3.12")
        draft.set_base_docker("")
        assert spec_of(draft).image is None
        assert draft.get_base_docker() is None

    def test_what_makes_no_sense_is_refused_and_changes_nothing(self, draft: Task) -> None:
        draft.set_base_docker("python:3.12")
        with pytest.raises(UsageError, match="without an image"):
            draft.set_base_docker(docker_arguments="--rm")
        with pytest.raises(UsageError, match="two names"):
            draft.set_base_docker("a", image="b")
        with pytest.raises(UsageError, match="cannot be read"):
            draft.set_base_docker("a", "--label 'x")
        with pytest.raises(UsageError, match="the image 5 is no text"):
            draft.set_base_docker(5)  # type: ignore[arg-type]
        assert spec_of(draft).image == Image("python:3.12")


class TestPackages:
    """``set_packages``."""

    def test_lines_take_the_place_of_the_recorded_ones(self, draft: Task) -> None:
        draft.set_packages(["tqdm>=4", "  redis  # ours"])
        packages = spec_of(draft).packages
        assert (packages.requirements, packages.origin) == (("tqdm>=4", "redis"), "recorded")
        # What the lines say counts; what else was installed holds what they need.
        assert packages.freeze == ("numpy==2.1",)

    def test_none_leave_them_to_the_repository(self, draft: Task) -> None:
        draft.set_packages("")
        packages = spec_of(draft).packages
        assert (packages.requirements, packages.freeze, packages.local, packages.origin) == ((), (), (), "")

    def test_a_file_here_gives_its_lines(self, draft: Task, tmp_path: Path) -> None:
        file = tmp_path / "needs.txt"
        file.write_bytes("\ufefftqdm \\\n  >=4\n# none\n--extra-index-url https://index.invalid/x\n".encode())
        draft.set_packages(file)
        assert spec_of(draft).packages.requirements == (
            "tqdm   >=4",
            "--extra-index-url https://index.invalid/x",
        )

    def test_an_origin_is_asked_for_as_before(self, draft: Task) -> None:
        draft.set_packages("lock")
        assert spec_of(draft).packages.origin == "lock"
        draft.set_packages(origin="requirements", requirements_files=["needs.txt"], no_build_isolation=["x"])
        packages = spec_of(draft).packages
        assert (packages.origin, packages.requirements_files) == ("requirements", ("needs.txt",))
        assert packages.no_build_isolation == ("x",)
        assert packages.requirements == ("numpy==2.1", "redis==5.2")

    def test_what_cannot_travel_is_refused(self, draft: Task, tmp_path: Path) -> None:
        file = tmp_path / "needs.txt"
        file.write_text("-r base.txt\n")
        for packages, words in (
            (file, "needs.txt: .*'-r base.txt'"),
            ("gone.txt", "cannot be read"),
            (["six==1", "numpy 1.2"], "'numpy 1.2' is no requirement"),
            (["six", 3], "is no text"),
            (True, "True are no requirements"),
            ("six==1", r"six==1 cannot be read: No such file .*\n.*are a list"),
            ("git+https://ada:s3cret@git.invalid/x", "'git.https://git.invalid/x' is no file here"),
        ):
            with pytest.raises(UsageError, match=words):
                draft.set_packages(packages)  # type: ignore[arg-type]
        with pytest.raises(UsageError, match="say nothing"):
            draft.set_packages(["six"], origin="lock")
        assert spec_of(draft) == SPEC


class TestASource:
    """``set_repo`` and ``set_script``."""

    def test_another_commit_leaves_nothing_of_the_captured_one(self, draft: Task) -> None:
        draft.set_script(diff=DIFF)
        draft.set_repo(commit="B" * 40)
        assert spec_of(draft).source == Source("https://git.invalid/nets.git", "b" * 40)
        assert spec_of(draft).entry == SPEC.entry

    def test_a_diff_is_kept_with_the_commit(self, draft: Task, store: MemoryStore) -> None:
        draft.set_script(diff=DIFF.rstrip("\n"))
        diff = spec_of(draft).source.diff
        assert diff is not None
        assert store.get_blob(diff) == DIFF.encode()
        draft.set_script(diff="")
        assert spec_of(draft).source == SPEC.source
        with pytest.raises(UsageError, match="none of git's"):
            draft.set_script(diff="a lot of changes")

    def test_the_same_commit_keeps_what_was_captured_beside_it(self, draft: Task) -> None:
        draft.set_script(diff=DIFF)
        before = spec_of(draft).source
        draft.set_repo(repo="https://git.invalid/nets.git", branch="other", commit="a" * 40)
        assert spec_of(draft).source == Source(before.repository, before.commit, "other", diff=before.diff)

    def test_an_entry_is_named_from_the_working_directory_or_from_the_root(self, draft: Task) -> None:
        for entry_point in ("deep.py", "nets/deep.py", "../nets/deep.py"):
            draft.set_script(working_dir="nets", entry_point=entry_point)
            entry = spec_of(draft).entry
            assert (entry.script, entry.working_directory, entry.kind) == ("nets/deep.py", "nets", "script")
        draft.set_script(entry_point="-m nets.deep --lr 2")
        entry = spec_of(draft).entry
        assert (entry.script, entry.kind, entry.arguments) == ("nets.deep", "module", ("--lr", "2"))

    def test_paths_out_of_the_repository_are_refused(self, draft: Task) -> None:
        for asked in ({"entry_point": "../../x.py"}, {"entry_point": "/x.py"}, {"working_dir": ".."}):
            with pytest.raises(UsageError, match="not in the repository"):
                draft.set_script(**asked)
        assert spec_of(draft) == SPEC

    def test_an_entry_is_a_script_and_nothing_else(self, draft: Task) -> None:
        for entry_point in ("", " ", "-m"):
            with pytest.raises(UsageError, match="names no script"):
                draft.set_script(entry_point=entry_point)
        with pytest.raises(UsageError, match=r"a script with arguments\nName 'deep\.py' alone"):
            draft.set_script(entry_point="deep.py --lr 2")
        assert spec_of(draft) == SPEC
        draft.set_script(entry_point="my nets.py")
        assert spec_of(draft).entry.script == "src/my nets.py"

    def test_a_url_s_credentials_never_reach_the_task(self, draft: Task) -> None:
        draft.set_repo("https://ada:s3cret@git.invalid/x.git", commit="c" * 40)
        assert spec_of(draft).source.repository == "https://git.invalid/x.git"

    def test_a_repository_that_is_not_there_changes_nothing(self, draft: Task, tmp_path: Path) -> None:
        with pytest.raises(CaptureError):
            draft.set_repo(tmp_path / "gone")
        with pytest.raises(CaptureError):
            draft.set_repo(f"file://{tmp_path}/gone.git", branch="main")
        assert spec_of(draft) == SPEC

    def test_a_branch_of_no_repository_is_an_error(self, store: MemoryStore) -> None:
        lone = Task(Stored(store, store.create(NewTask("digits", "svm", TaskSpec(Entry("x.py")))).id))
        with pytest.raises(UsageError, match="of no repository"):
            lone.set_repo(branch="main")


class TestNeeds:
    """``set_needs``."""

    def test_what_is_left_out_stays(self, draft: Task) -> None:
        draft.set_needs(gpus=2, tags=["fast", "fast"], memory="16G")
        draft.set_needs(gpu_memory=10**9)
        assert spec_of(draft).needs == Needs(2, ("fast",), 16 << 30, 10**9)
        draft.set_needs(gpus=0, memory=0, tags=[])
        assert spec_of(draft).needs == Needs(gpu_memory_bytes=10**9)

    def test_nonsense_is_refused(self, draft: Task) -> None:
        for asked in (
            {"gpus": -1},
            {"gpus": 1.5},
            {"gpus": True},
            {"tags": "fast"},
            {"memory": "much"},
            {"memory": -1},
        ):
            with pytest.raises(UsageError):
                draft.set_needs(**asked)  # type: ignore[arg-type]
        assert spec_of(draft) == SPEC


def test_what_is_no_draft_is_not_changed(draft: Task, store: MemoryStore) -> None:
    store.enqueue(draft.id, "default")
    for change in (lambda: draft.set_needs(gpus=1), lambda: draft.set_packages(["six"])):
        with pytest.raises(IllegalMove):
            change()
    assert spec_of(draft) == SPEC


DESK = """
import json, redis
from elsewhere import Task
BEFORE
task = Task.init(project_name="digits", task_name="svm")
AFTER
task.execute_remotely(queue_name="night")
print("elsewhere")
"""


class TestAtADesk:
    """Wishes of a run that sends itself."""

    @pytest.fixture(autouse=True)
    def _server(self, valkey_url: str, elsewhere_home: Path, repository: Desk) -> None:
        self.url = valkey_url
        self.desk = repository

    def sent(self, before: str = "", after: str = "") -> TaskRecord:
        script = DESK.replace("BEFORE", before).replace("AFTER", after)
        ran = self.desk.run(script, ELSEWHERE_REDIS_URL=self.url)
        assert (ran.code, "elsewhere\n" in ran.stdout) == (0, False), ran.stdout + ran.stderr
        store = RedisStore(self.url)
        (task,) = [task for task in store.newest() if task.queue == "night"]
        store.close()
        return task

    def test_all_of_them_reach_the_task(self) -> None:
        after = (
            "task.set_base_docker('python:3.12'); assert task.get_base_docker() == 'python:3.12'\n"
            "task.set_packages(['tqdm>=4']); task.set_needs(gpus=1, memory='2G')\n"
            f"task.set_script(diff={DIFF!r}, entry_point='other.py')"
        )
        task = self.sent(after=after)
        spec = task.spec
        assert spec.image == Image("python:3.12")
        assert spec.packages.requirements == ("tqdm>=4",)
        assert spec.needs == Needs(gpus=1, memory_bytes=2 << 30)
        assert spec.entry.script == "other.py"
        store = RedisStore(self.url)
        assert spec.source.diff is not None
        assert store.get_blob(spec.source.diff) == DIFF.encode()
        store.close()

    def test_the_last_wish_counts(self) -> None:
        after = "task.set_packages(['tqdm']); task.set_packages(origin='lock')\ntask.set_base_docker('a'); task.set_base_docker('')"
        spec = self.sent(after=after).spec
        assert (spec.packages.origin, spec.image) == ("lock", None)
        assert f"redis=={version('redis')}" in spec.packages.requirements

    def test_requirements_are_added_beside_what_the_script_imports(self) -> None:
        (self.desk.folder / "more.txt").write_text("tqdm>=4\n# no more\n")
        before = (
            "Task.add_requirements('torch', '2.4'); Task.add_requirements('redis', '>=5')\n"
            "Task.add_requirements('click', ''); Task.add_requirements('hypothesis')\n"
            "Task.add_requirements('nobody-has-this'); Task.add_requirements('more.txt')\n"
            "Task.ignore_requirements('GitPython')\nif False: import git"
        )
        packages = self.sent(before).spec.packages
        assert set(packages.requirements) == {
            "torch==2.4", "redis>=5", "click", f"hypothesis=={version('hypothesis')}", "nobody-has-this", "tqdm>=4",
        }  # fmt: skip
        assert not any(line.startswith(("redis==", "click==")) for line in packages.freeze)

    def test_all_that_is_installed_is_required_when_that_is_asked_for(self) -> None:
        packages = self.sent("Task.force_requirements_env_freeze()").spec.packages
        assert packages.requirements == packages.freeze
        assert packages.origin == "recorded"
        assert any(line.startswith("pytest==") for line in packages.requirements)

    def test_a_file_may_stand_for_what_is_installed(self) -> None:
        (self.desk.folder / "more.txt").write_text("tqdm>=4\n")
        before = "Task.force_requirements_env_freeze(requirements_file='more.txt')"
        assert self.sent(before).spec.packages.requirements == ("tqdm>=4",)

    def test_what_was_asked_for_can_be_taken_back(self) -> None:
        before = "Task.force_requirements_env_freeze()\nTask.force_requirements_env_freeze(False)"
        assert self.sent(before).spec.packages.requirements == (f"redis=={version('redis')}",)

    def test_another_working_copy_stands_for_its_remote(self, tmp_path: Path) -> None:
        git = ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
        copy, bare = tmp_path / "copy", tmp_path / "bare.git"
        subprocess.run([*git, "clone", "-q", "--bare", str(self.desk.folder), str(bare)], check=True)
        subprocess.run([*git, "clone", "-q", str(bare), str(copy)], check=True)
        source = self.sent(after=f"task.set_repo({str(copy)!r})").spec.source
        head = subprocess.run(
            [*git, "rev-parse", "HEAD"], cwd=bare, capture_output=True, text=True, check=True
        )
        assert (source.repository, source.commit) == (str(bare), head.stdout.strip())
        assert source.untracked is None

    def test_a_repository_that_does_not_answer_sends_nothing(self, tmp_path: Path) -> None:
        after = f"task.set_repo('file://{tmp_path}/gone.git', branch='main')"
        ran = self.desk.run(DESK.replace("BEFORE", "").replace("AFTER", after), ELSEWHERE_REDIS_URL=self.url)
        assert ran.code == 8
        assert "cannot be asked" in ran.stderr

    def test_a_script_that_is_not_there_sends_nothing(self) -> None:
        after = "task.set_script(entry_point='gone.py')"
        ran = self.desk.run(DESK.replace("BEFORE", "").replace("AFTER", after), ELSEWHERE_REDIS_URL=self.url)
        assert ran.code == 2
        assert "the entry point gone.py is not in" in ran.stderr


ATTEMPT = """
import json
from elsewhere import Task
Task.add_requirements("torch", "no version at all")
Task.ignore_requirements("not a name")
Task.force_requirements_env_freeze(requirements_file="gone.txt")
task = Task.init()
task.set_base_docker("--privileged", image="x")
task.set_packages("gone.txt")
task.set_repo("https://git.invalid/x.git", branch="main")
task.set_script(diff="none of git's", entry_point="/x")
task.set_needs(gpus=-1)
import sys
print(json.dumps([task.get_base_docker(), "elsewhere.wish" in sys.modules]))
"""


def test_in_an_attempt_nothing_is_asked_for(desk: Desk) -> None:
    assert desk.attempt(ATTEMPT).said == [None, False]


def test_a_process_that_asks_for_nonsense_is_told_where_it_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ELSEWHERE_RELAY", raising=False)
    for ask in (
        lambda: Task.add_requirements("torch", "no version at all"),
        lambda: Task.add_requirements("gone.txt"),
        lambda: Task.ignore_requirements("torch>=2"),
        lambda: Task.force_requirements_env_freeze(requirements_file="gone.txt"),
    ):
        with pytest.raises(UsageError):
            ask()
