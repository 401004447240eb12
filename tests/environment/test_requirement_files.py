"""Requirement files mean to an agent what they mean to pip, with all that they include."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from elsewhere.contract.errors import BuildError
from elsewhere.contract.spec import LocalPackage, Packages, RecordedFile

if TYPE_CHECKING:
    from .conftest import Box

Versions = Callable[..., list[str]]
FILES = Packages(origin="requirements")


def test_files_with_includes_constraints_and_continued_lines_are_followed(
    box: Box, versions_in: Versions
) -> None:
    box.write("requirements.txt", "\ufeff# what we need\n-r deps/more.txt  # and more\n-c deps/limits.txt\n")
    box.write("deps/more.txt", "toytwo \\\n  ==1.0\n--requirement=again.txt\n")
    box.write("deps/again.txt", "-r more.txt\n")
    box.write("deps/limits.txt", "toyone<2\n")
    environment = box.rebuild()
    assert versions_in(environment, "toytwo", "toyone") == ["1.0", "1.0"]
    assert environment.built().packages == ("toyone==1.0", "toytwo==1.0")
    assert environment.layer is None


def test_each_included_file_is_part_of_the_key_by_its_content_alone(box: Box) -> None:
    def key(**files: str) -> str:
        names = {"requirements": "-r more.txt\n-c limits.txt\n", "more": "toyone\n", "limits": "toyone<2\n"}
        for name, text in {**names, **files}.items():
            box.write(f"{name}.txt", text)
        return box.rebuild().key

    same = {key(), key(more="toyone   # the same\n\n"), key(requirements="-c limits.txt\n-rmore.txt\n")}
    others = [key(more="toyone==1.0\n"), key(limits="toyone<=2\n"), key(requirements="toyone\n")]
    assert len(same) == 1
    assert len({*same, *others}) == 4


def test_the_file_beside_the_script_and_files_that_are_named_go_before_the_usual_one(
    box: Box, versions_in: Versions
) -> None:
    box.write("requirements.txt", "toyone==1.0\n")
    box.write("jobs/requirements.txt", "toyone==2.0\n")
    box.write("jobs/other.txt", "toytwo\n")
    recorded = Packages(
        files=(RecordedFile("jobs/requirements.txt", ""), RecordedFile("requirements.txt", ""))
    )
    assert versions_in(box.rebuild(packages=recorded), "toyone") == ["2.0"]
    named = Packages(requirements_files=("requirements.txt", "jobs/other.txt"), origin="requirements")
    assert versions_in(box.rebuild(packages=named), "toyone", "toytwo") == ["1.0", "1.0"]


def test_what_was_recorded_goes_before_the_file_and_the_agents_word_before_both(
    box: Box, versions_in: Versions
) -> None:
    box.write("requirements.txt", "toyone==1.0\n")
    recorded = Packages(requirements=("toyone==2.0",), freeze=("toyone==2.0",))
    assert versions_in(box.rebuild(packages=recorded), "toyone") == ["2.0"]
    assert versions_in(box.rebuild(packages=recorded, origin="requirements"), "toyone") == ["1.0"]
    nothing = box.rebuild(packages=Packages(requirements=("toyone==2.0",), origin="none"))
    assert nothing.built().packages == ()


def test_a_desk_that_recorded_nothing_leaves_the_tree_to_say(box: Box, versions_in: Versions) -> None:
    box.write("requirements.txt", "toyone==1.0\n")
    assert box.rebuild(packages=Packages(freeze=("toyone==2.0",))).built().packages == ()
    assert versions_in(box.rebuild(), "toyone") == ["1.0"]


def test_a_wheel_of_the_tree_is_part_of_the_environment_by_its_content(
    box: Box, wheel: Callable[..., Path], versions_in: Versions
) -> None:
    (box.tree / "vendor").mkdir()
    wheel(box.tree / "vendor", "toythree", "1.0")
    box.write("requirements.txt", "./vendor/toythree-1.0-py3-none-any.whl\ntoyone==1.0\n")
    first = box.rebuild()
    assert versions_in(first, "toythree") == ["1.0"]
    wheel(box.tree / "vendor", "toythree", "1.0", payload=b"# other\n")
    assert box.rebuild().key != first.key


def test_a_repository_is_installed_at_its_revision(box: Box, tmp_path: Path, versions_in: Versions) -> None:
    library = tmp_path / "library"
    library.mkdir()
    box.write("pyproject.toml", box.project("toylib"), library)
    box.write("src/toylib/__init__.py", "VERSION = 'first'\n", library)
    git = ["git", "-C", str(library), "-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "one"], ["tag", "v1"]):
        subprocess.run([*git, *words], check=True)
    box.write("src/toylib/__init__.py", "VERSION = 'second'\n", library)
    subprocess.run([*git, "commit", "-qam", "two"], check=True)
    box.write("requirements.txt", f"toylib @ git+{library.as_uri()}@v1\n")
    environment = box.rebuild()
    assert versions_in(environment, "toylib") == ["first"]


def hashed(box: Box, name: str, version: str) -> str:
    data = (box.wheels / f"{name}-{version}-py3-none-any.whl").read_bytes()
    return f"{name}=={version} --hash=sha256:{hashlib.sha256(data).hexdigest()}"


def test_hashes_are_kept_and_a_mismatch_is_named(box: Box, versions_in: Versions) -> None:
    lines = [hashed(box, "toyone", "1.0"), hashed(box, "toytwo", "1.0")]
    box.write("requirements.txt", "\n".join(lines).replace(" --hash", " \\\n    --hash"))
    assert versions_in(box.rebuild(), "toyone") == ["1.0"]
    box.write("requirements.txt", lines[0][:-8] + "00000000\n")
    with pytest.raises(BuildError, match=r"the hash of toyone.* is not the recorded one"):
        box.rebuild()
    box.write("requirements.txt", f"{lines[0]}\ntoytwo==1.0\n")
    with pytest.raises(BuildError):
        box.rebuild()


def test_prereleases_and_indexes_of_a_file_are_asked_for(
    box: Box, wheel: Callable[..., Path], versions_in: Versions
) -> None:
    wheel(box.wheels, "toyone", "3.0rc1")
    (box.tree / "more wheels").mkdir()
    wheel(box.tree / "more wheels", "toythree", "1.0")
    box.write("requirements.txt", '--pre\n--find-links "./more wheels"\ntoyone\ntoythree\n')
    environment = box.rebuild()
    assert versions_in(environment, "toyone", "toythree") == ["3.0rc1", "1.0"]
    wheel(box.tree / "more wheels", "toythree", "2.0")
    assert versions_in(box.rebuild(), "toythree") == ["2.0"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("-r ../outside.txt", "not in the repository"),
        ("-r /etc/hosts", "not in the repository"),
        ("./nowhere", "no folder of the repository"),
        ("-e ../../other", "not in the repository"),
        ("name @ file:///home/me/wheel.whl", "not in the repository"),
        ("-r https://example.org/r.txt", "not part of the repository"),
        ("-r missing.txt", "missing.txt cannot be read"),
        ("--index-url https://${TOKEN}@example.org/simple", "TOKEN"),
        ("-e .", "neither pyproject.toml nor setup.py"),
    ],
)
def test_what_did_not_travel_or_may_not_is_named(line: str, words: str, box: Box) -> None:
    box.write("requirements.txt", f"toyone\n{line}\n")
    with pytest.raises(BuildError, match=words.replace("$", ".")):
        box.rebuild()


def test_a_missing_file_is_told_where_one_was_asked_for(box: Box) -> None:
    for origin in ("requirements", "lock"):
        with pytest.raises(BuildError, match=f"come from a {origin} file"):
            box.rebuild(packages=Packages(origin=origin))
    with pytest.raises(BuildError, match=r"gone\.txt is not in the tree"):
        box.rebuild(packages=Packages(origin="requirements", requirements_files=("gone.txt",)))
    with pytest.raises(BuildError, match="cannot come from 'magic'"):
        box.rebuild(packages=Packages(origin="magic"))


def test_a_credential_of_a_task_is_never_used_nor_told(box: Box) -> None:
    lines = [
        "--extra-index-url https://me:hunter2@127.0.0.1:9/simple",
        "--index-url=https://hunter2@127.0.0.1:9/simple",
        "--trusted-host 127.0.0.1",
        "toyone==1.0",
    ]
    box.write("requirements.txt", "\n".join(lines))
    environment = box.rebuild()
    box.rebuild(packages=Packages(requirements=tuple(lines)))
    said = "\n".join(box.notes)
    assert said.count("a task may not carry credentials") == 4
    assert "--trusted-host is left to the agent" in said
    assert "hunter2" not in said
    for file in box.folder.rglob("*"):
        if file.is_file() and file.suffix in ("", ".txt", ".in", ".lock", ".json"):
            assert b"hunter2" not in file.read_bytes(), file
    assert environment.built().packages == ("toyone==1.0",)


def test_pyproject_says_what_is_needed_where_no_other_file_does(box: Box, versions_in: Versions) -> None:
    box.write(
        "pyproject.toml",
        '[project]\nname = "Mine"\nversion = "1"\ndependencies = ["toyone<2"]\n'
        '[project.optional-dependencies]\nall = ["mine[more]"]\nmore = ["toytwo"]\n',
    )
    environment = box.rebuild()
    assert versions_in(environment, "toyone") == ["1.0"]
    assert environment.layer is None  # nothing says how to build it: scripts with dependencies
    assert environment.built().packages == ("toyone==1.0",)
    box.write("requirements.txt", "-e .[all]\n")
    box.add_setuptools()
    assert set(box.rebuild().built().packages) == {"toyone==1.0", "toytwo==1.0", "Mine==1"}


def test_dependencies_in_poetrys_words_are_understood_without_a_lock(box: Box, versions_in: Versions) -> None:
    box.write(
        "pyproject.toml",
        '[tool.poetry]\nname = "mine"\nversion = "1"\npackage-mode = false\n[tool.poetry.dependencies]\n'
        'python = "^3.8"\ntoyone = "^1.0"\ntoytwo = {version = "*", python = "<3.0"}\n',
    )
    assert box.rebuild().built().packages == ("toyone==1.0",)


def test_a_file_for_the_tree_of_another_desk_names_a_local_package(box: Box) -> None:
    box.write("requirements.txt", "toyone\n")
    with pytest.raises(BuildError, match="libs/gone"):
        box.rebuild(packages=Packages(origin="requirements", local=(LocalPackage("libs/gone"),)))


def test_installers_of_another_folder_do_not_see_the_working_directory(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(box.tree)
    box.write("uv.toml", "no-index = 'nonsense'\n")
    assert os.fspath(box.prepare("toyone==1.0").folder).startswith(str(box.folder))
