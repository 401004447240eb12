"""What the machine's owner says of containers, and which image that gives to a task."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.image.choice import chosen
from agent.image.config import DefaultImage, ImageConfig, configured
from elsewhere.contract.errors import ConfigurationError
from elsewhere.contract.spec import Image
from elsewhere.settings import find_folders

FILE = """
[docker]
engine = "unix:///run/engine.sock"
image = "python:3.11"
arguments = ["--shm-size=8g"]
allowed_images = ["python:*"]
allowed_mounts = ["/data"]
allow_host_network = true
packages = "image-only"
pull = "never"

[docker.queues.vision]
image = "pytorch/pytorch"
arguments = ["--shm-size=32g", "--ipc=host"]

[docker.queues.plain]
arguments = ["--network=none"]
"""


@pytest.fixture
def write(elsewhere_home: Path):
    def write(text: str) -> ImageConfig:
        folders = find_folders()
        folders.config.mkdir(parents=True, exist_ok=True)
        folders.config_file.write_text(text)
        return configured(folders)

    return write


def test_nothing_is_allowed_unless_it_is_said(write) -> None:
    assert write("") == ImageConfig()


def test_all_settings_are_read(write) -> None:
    config = write(FILE)
    assert config.default == DefaultImage("python:3.11", ("--shm-size=8g",))
    assert config.queues["vision"].image == "pytorch/pytorch"
    assert (config.packages, config.pull, config.allow_host_network) == ("image-only", "never", True)
    assert config.allowed_mounts == (Path("/data"),)


def test_the_environment_wins(write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELSEWHERE_DOCKER_IMAGE", "debian:12")
    assert write(FILE).default.image == "debian:12"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('[docker]\nimages = "a"', "image"),
        ('[docker]\npull = "sometimes"', "pull"),
        ('[docker]\nallowed_mounts = ["data"]', "allowed_mounts"),
        ('[docker]\narguments = ["--nonsense"]', "--nonsense"),
        ('[docker]\nca_certificates = "/nowhere/ca.pem"', "ca_certificates"),
        ('[docker.queues]\nvision = "image"', "docker.queues.vision"),
        ('[docker.queues.vision]\nimag = "a"', "imag"),
        ('[docker.queues.vision]\narguments = "--init"', "arguments"),
    ],
)
def test_a_wrong_setting_is_told_by_its_name(write, text: str, word: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        write(text)
    assert word in raised.value.what


class TestChoice:
    @pytest.fixture
    def config(self, write) -> ImageConfig:
        return write(FILE)

    def test_the_task_comes_first_then_its_queue_then_the_agent(self, config: ImageConfig) -> None:
        names = [
            chosen(image, queue, config)
            for image, queue in [
                (Image("mine"), "vision"), (None, "vision"), (None, "plain"), (None, "other"), (None, None),
            ]
        ]  # fmt: skip
        assert [choice.name for choice in names if choice] == [
            "mine", "pytorch/pytorch", "python:3.11", "python:3.11", "python:3.11",
        ]  # fmt: skip
        assert [choice.own_name for choice in names if choice] == [True, False, False, False, False]

    def test_without_any_there_is_no_container(self) -> None:
        assert chosen(None, "default", ImageConfig()) is None
        assert chosen(Image("", ("--init",)), "default", ImageConfig()) is None

    def test_the_owners_options_go_with_every_image(self, config: ImageConfig) -> None:
        choice = chosen(Image("mine", ("--init",), "echo hello"), "plain", config)
        assert choice is not None
        assert (choice.asked, choice.granted) == (("--init",), ("--network=none",))
        assert choice.setup_script == "echo hello"

    def test_a_task_may_bring_options_for_the_default_image(self, config: ImageConfig) -> None:
        choice = chosen(Image("", ("--init",)), "vision", config)
        assert choice is not None
        assert (choice.name, choice.own_name, choice.asked) == ("pytorch/pytorch", False, ("--init",))
