"""An attempt's process gets what it needs of the agent's variables, and no secret or stray setting."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.surroundings import SurroundingsConfig, configured, of_task, passed_on, refusal
from elsewhere.contract.errors import ConfigurationError, LaunchError
from elsewhere.settings import Folders, find_folders

SECRETS = {
    "ELSEWHERE_REDIS_URL": "redis://:hunter2@127.0.0.1/0",
    "AWS_SECRET_ACCESS_KEY": "hunter2",
    "NVIDIA_API_KEY": "hunter2",
    "HF_TOKEN": "hunter2",
}
STRAYS = {
    "PYTHONPATH": "/somewhere", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHOME": "/nowhere",
    "VIRTUAL_ENV": "/agents/own", "CONDA_PREFIX": "/conda", "BASH_ENV": "/etc/sh", "GIT_SSH_COMMAND": "ssh -v",
}  # fmt: skip


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine's variables, good and bad."""
    good = {
        "HOME": "/home/user",
        "LC_ALL": "C.UTF-8",
        "NCCL_DEBUG": "INFO",
        "CUDA_HOME": "/cuda",
        "TZ": "UTC",
    }
    proxy = {"https_proxy": "http://proxy:1"}
    for name, value in {**good, **proxy, **SECRETS, **STRAYS, "AWS_REGION": "mars"}.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def folders(elsewhere_home: Path) -> Folders:
    return find_folders()


def write(folders: Folders, text: str) -> None:
    folders.config.mkdir(parents=True, exist_ok=True)
    folders.config_file.write_text(text)


@pytest.mark.usefixtures("machine")
def test_the_usual_variables_pass_and_neither_secrets_nor_the_shells_own() -> None:
    passed = passed_on(SurroundingsConfig())
    assert {"HOME", "LC_ALL", "NCCL_DEBUG", "CUDA_HOME", "PATH", "https_proxy"} <= set(passed)
    assert not set(passed) & {*SECRETS, *STRAYS, "AWS_REGION"}


@pytest.mark.usefixtures("machine")
def test_no_pattern_reaches_secrets_and_only_a_whole_name_hands_one_on() -> None:
    everything = passed_on(SurroundingsConfig(variables=("*",)))
    assert everything["AWS_REGION"] == "mars"
    assert not set(everything) & {*SECRETS, *STRAYS}
    named = passed_on(SurroundingsConfig(variables=("HF_TOKEN", "PYTHONDONTWRITEBYTECODE")))
    assert (named["HF_TOKEN"], named["PYTHONDONTWRITEBYTECODE"]) == ("hunter2", "1")


@pytest.mark.usefixtures("machine")
def test_what_is_hidden_stays_hidden() -> None:
    config = SurroundingsConfig(variables=("AWS_REGION",), hidden=("AWS_*", "LC_*"))
    assert not {"AWS_REGION", "LC_ALL"} & set(passed_on(config))


@pytest.mark.usefixtures("machine")
def test_what_is_the_machines_own_stays_out_of_a_container() -> None:
    passed = passed_on(SurroundingsConfig(variables=("AWS_REGION",)), in_container=True)
    assert {"NCCL_DEBUG", "TZ", "https_proxy", "AWS_REGION"} <= set(passed)
    assert not set(passed) & {
        "HOME",
        "PATH",
        "LC_ALL",
        "CUDA_HOME",
        "LD_LIBRARY_PATH",
        "TMPDIR",
        "USER",
        *SECRETS,
    }


def test_the_settings_are_read_from_the_file_and_the_environment(
    folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert configured(folders) == SurroundingsConfig()
    write(folders, '[attempt]\nvariables = ["AWS_REGION", "NCCL_*"]\nhidden = ["TERM"]\n')
    assert configured(folders) == SurroundingsConfig(("AWS_REGION", "NCCL_*"), ("TERM",))
    monkeypatch.setenv("ELSEWHERE_ATTEMPT_HIDDEN", "LC_*, TZ")
    assert configured(folders).hidden == ("LC_*", "TZ")


@pytest.mark.parametrize(
    "setting", ['variables = ["A B"]', 'hidden = ["A=B"]', 'variables = ["ELSEWHERE_*"]', "seen = []"]
)
def test_a_wrong_setting_is_told_when_it_is_read(folders: Folders, setting: str) -> None:
    write(folders, f"[attempt]\n{setting}\n")
    with pytest.raises(ConfigurationError, match=r"\[attempt\]"):
        configured(folders)


def test_a_task_has_variables_of_its_own() -> None:
    assert of_task(["HF_HOME=/data=1", "EMPTY=", "PYTHONHASHSEED=0"]) == {
        "HF_HOME": "/data=1", "EMPTY": "", "PYTHONHASHSEED": "0",
    }  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        "LD_PRELOAD=x", "BASH_ENV=x", "PYTHONSTARTUP=x", "GIT_SSH_COMMAND=x", "GIT_CONFIG_COUNT=1", "PATH=/x",
        "ELSEWHERE_RELAY=x", "CUDA_VISIBLE_DEVICES=7", "BASH_FUNC_x=() { :; }", "A B=x", "=x", "NOTHING", "A=\0",
    ],
)  # fmt: skip
def test_a_task_cannot_set_what_runs_code_or_leaves_its_slot(line: str) -> None:
    with pytest.raises(LaunchError, match="the task's variable"):
        of_task([line])


def test_usual_names_are_not_refused() -> None:
    assert [refusal(name) for name in ("WANDB_MODE", "HOME", "PYTHONPATH", "LD_LIBRARY_PATH")] == [None] * 4
