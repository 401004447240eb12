"""What the owner of a machine says, and what is told of words that nobody knows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agent import machine
from elsewhere.contract.errors import ConfigurationError
from elsewhere.settings import Folders, find_folders


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folders:
    monkeypatch.setenv("ELSEWHERE_HOME", str(tmp_path))
    found = find_folders()
    found.config.mkdir(parents=True)
    return found


@pytest.mark.parametrize(
    ("text", "hint"),
    [("[packagez]\n", "packages"), ("redis_urll = 'x'\n", "redis_url"), ("[git]\ndept = 1\n", "depth")],
)
def test_a_word_that_nobody_knows_is_told_with_the_nearest_right_one(
    folders: Folders, text: str, hint: str
) -> None:
    folders.config_file.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        machine.configured(folders)
    assert caught.value.next_step == f"Did you mean {hint}?"


def test_a_command_line_stands_over_the_file(folders: Folders) -> None:
    folders.config_file.write_text('[docker]\nimage = "one"\n[packages]\norigin = "lock"\n')
    config = machine.configured(folders, packages_origin="none", docker_image="two")
    assert (config.packages.origin, config.image.default.image) == ("none", "two")
    assert config.containers
    plain = machine.configured(folders)
    assert (plain.packages.origin, plain.image.default.image) == ("lock", "one")


def test_every_table_and_setting_is_on_the_page_of_settings() -> None:
    """The page is written by hand: what it leaves out, nobody finds."""
    page = (Path(__file__).parents[2] / "docs" / "settings.md").read_text()
    for name in machine.KNOWN:
        if name != "index_patience":  # the old place of what stands under [packages] now
            assert re.search(rf"[`\[]{name}[`\]]", page), name
