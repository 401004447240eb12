"""The SDK's page, what it must list, and what importing the SDK costs."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from elsewhere import Task
from elsewhere._reference import public_names, reference

# Names that scripts rely on, and the arguments that they rely on: of all else there may be more.
INIT = (
    "project_name task_name task_type tags reuse_last_task_id continue_last_task output_uri auto_connect_arg_parser "
    "auto_connect_frameworks auto_resource_monitoring auto_connect_streams"
)
CREATE = (
    "project_name task_name task_type repo branch commit script working_directory packages requirements_file docker "
    "docker_args docker_bash_setup_script argparse_args base_task_id module"
)
PROMISED = {
    # a run's life
    "init": INIT,
    "current_task": "",
    "close": "",
    "__enter__": "",
    "__exit__": "",
    # making, finding, cloning, queueing
    "create": CREATE,
    "get_task": "task_id project_name task_name tags allow_archived",
    "get_tasks": "task_ids project_name task_name tags task_filter",
    "query_tasks": "",
    "clone": "source_task name comment parent project",
    "enqueue": "task queue_name queue_id",
    "dequeue": "",
    "get_num_enqueued_tasks": "",
    "queue_position": "",
    "reset": "",
    "delete": "",
    "archive": "",
    "unarchive": "",
    "publish": "",
    "move_to_project": "",
    "rename": "",
    "set_comment": "",
    "tags": "",
    "set_tags": "",
    "add_tags": "",
    "set_parent": "",
    "mark_started": "force",
    "mark_stopped": "force status_message",
    "mark_failed": "force status_message",
    "mark_completed": "force status_message",
    "get_status": "",
    "wait_for_status": "status raise_on timeout",
    "export_task": "",
    "import_task": "",
    "register_abort_callback": "fn timeout",
    "get_output_log_web_page": "",
    "get_reported_console_output": "",
    "debug_simulate_remote_task": "",
    # sending
    "execute_remotely": "queue_name clone exit_process follow wait",
    "create_function_task": "func func_name task_name",
    # parameters
    "set_parameters": "",
    "set_parameters_as_dict": "",
    "set_parameter": "name value description value_type",
    "get_parameters": "cast",
    "get_parameters_as_dict": "",
    "get_parameter": "name default cast",
    "delete_parameter": "",
    "update_parameters": "",
    "connect": "name",
    # configurations, properties, progress
    "connect_configuration": "configuration name description",
    "get_configuration_object": "",
    "get_configuration_objects": "",
    "set_configuration_object": "",
    "set_user_properties": "",
    "get_user_properties": "",
    "set_progress": "",
    "get_progress": "",
    # offline
    "set_offline": "offline_mode",
    "is_offline": "",
    "import_offline_session": "session_folder_zip previous_task_id iteration_offset",
    # what a task is rebuilt from
    "set_base_docker": "",
    "set_packages": "",
    "set_repo": "",
    "set_script": "",
    "add_requirements": "",
    "ignore_requirements": "",
    "force_requirements_env_freeze": "",
    "set_needs": "gpus tags",
}
CALLED_ON_THE_CLASS = (
    "init current_task create get_task get_tasks query_tasks clone enqueue dequeue get_num_enqueued_tasks import_task "
    "debug_simulate_remote_task set_offline is_offline import_offline_session add_requirements ignore_requirements "
    "force_requirements_env_freeze"
)


@pytest.mark.parametrize("name", PROMISED)
def test_a_task_has_what_scripts_rely_on(name: str) -> None:
    attribute = getattr(Task, name)
    if PROMISED[name]:
        assert set(PROMISED[name].split()) - set(inspect.signature(attribute).parameters) == set()


@pytest.mark.parametrize("name", CALLED_ON_THE_CLASS.split())
def test_what_needs_no_task_is_called_on_the_class(name: str) -> None:
    assert isinstance(inspect.getattr_static(Task, name), (classmethod, staticmethod))


def test_the_page_is_current(root: Path) -> None:
    page = (root / "docs" / "sdk.md").read_text(encoding="utf-8")
    assert page == reference(), "run `python -m elsewhere._reference > docs/sdk.md`"


def test_the_page_lists_all_that_a_task_has(root: Path) -> None:
    page = (root / "docs" / "sdk.md").read_text(encoding="utf-8").splitlines()
    listed = [line.strip("`#").rpartition(".")[2] for line in page if line.startswith("### ")]
    assert sorted(listed) == sorted(name for name in dir(Task) if not name.startswith("_"))
    assert {name for name in PROMISED if not name.startswith("_")} - set(listed) == set()


def test_all_that_a_task_has_is_described() -> None:
    names = public_names()
    assert len(names) == len(set(names))
    assert [name for name in names if not inspect.getdoc(getattr(Task, name))] == []


class TestImporting:
    """What `import elsewhere` brings with it, in an interpreter that has nothing else."""

    def modules(self, code: str, root: Path) -> set[str]:
        program = f"import sys; before = set(sys.modules); {code}; print(*(set(sys.modules) - before))"
        said = subprocess.run(
            # Without `site`, whose hooks import what they like.
            [sys.executable, "-S", "-c", program], cwd=root, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return set(said.stdout.split())

    @pytest.mark.parametrize("code", ["import elsewhere", "from elsewhere import Task"])
    def test_nothing_of_others(self, code: str, root: Path) -> None:
        foreign = {name.partition(".")[0] for name in self.modules(code, root)} - {"elsewhere"}
        assert foreign - set(sys.stdlib_module_names) == set()

    @pytest.mark.parametrize("code", ["import elsewhere", "from elsewhere import Task"])
    def test_nothing_slow(self, code: str, root: Path) -> None:
        slow = {
            "typing",
            "dataclasses",
            "inspect",
            "json",
            "pathlib",
            "re",
            "socket",
            "subprocess",
            "asyncio",
        }
        assert self.modules(code, root) & slow == set()
