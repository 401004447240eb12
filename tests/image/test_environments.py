"""Environments over images, with a real engine and the agent's own uv in its containers."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.environment import last_used
from agent.image.fetch import fetched
from agent.image.interpreter import NoPython
from agent.janitor.shelf import EnvironmentShelf
from elsewhere.contract.errors import BuildError, ImageUnavailable, PackageNotFound
from elsewhere.contract.spec import LocalPackage, Packages

Started = Callable[[], list[str]]


def test_packages_are_installed_over_the_images_own_python(machine, base_image) -> None:
    environment = machine.prepare(base_image, "toytwo==1.0")
    assert not environment.reused
    assert machine.versions(environment, "toytwo", "toyone") == ["1.0", "2.0"]
    assert machine.says(environment, "import sys; print(sys.version.split()[0])") == [
        environment.built().python
    ]
    assert {"toyone==2.0", "toytwo==1.0"} <= set(environment.built().packages)
    assert environment.built().image == machine.find(base_image).digest


def test_a_second_run_starts_no_container_at_all(machine, base_image, started: Started) -> None:
    first = machine.prepare(base_image, "toytwo==1.0")
    assert first.key in started()
    # Another agent of this machine: nothing is remembered but what is on disk.
    second = machine.prepare(base_image, "toytwo==1.0")
    assert (second.key, second.reused) == (first.key, True)
    assert started() == []


def test_what_the_image_has_is_not_installed_again(machine, torch_image) -> None:
    environment = machine.prepare(torch_image, "toytorch==2.1.0", "toytwo==1.0")
    assert machine.versions(environment, "toytorch", "toyone", "toytwo") == ["2.1.0+cu121", "1.0", "1.0"]
    assert installed(environment.folder) == ["toytwo"]


def test_what_needs_the_images_packages_takes_them_as_they_are(machine, torch_image) -> None:
    """No index has that build, and what the index's own one needs would be gigabytes."""
    environment = machine.prepare(torch_image, "toylightning==1.0", freeze=("toytorch==2.1.0+cu121",))
    assert installed(environment.folder) == ["toylightning", "toytwo"]


def test_an_image_that_has_everything_is_used_as_it_is(machine, torch_image, started: Started) -> None:
    machine.prepare(torch_image)
    started()
    environment = machine.prepare(
        torch_image, "toytorch==2.1.0", "toyone<2", 'gone==1; sys_platform == "win32"'
    )
    assert environment.key == ""
    assert started() == []
    assert machine.versions(environment, "toytorch") == ["2.1.0+cu121"]
    assert "toytorch==2.1.0+cu121" in environment.built().packages


def test_another_version_than_the_images_goes_before_it(machine, torch_image) -> None:
    environment = machine.prepare(torch_image, "toyone==2.0")
    assert machine.versions(environment, "toyone") == ["2.0"]
    assert "toyone==2.0" in environment.built().packages


def test_a_recorded_version_counts_for_what_is_only_needed_by_others(machine, torch_image) -> None:
    environment = machine.prepare(torch_image, "toytwo==1.0", freeze=("toyone==2.0",))
    assert machine.versions(environment, "toyone") == ["2.0"]


def test_the_images_package_gives_way_where_what_is_installed_needs_another(machine, torch_image) -> None:
    environment = machine.prepare(torch_image, "toythree==1.0")
    assert machine.versions(environment, "toythree", "toyone") == ["1.0", "2.0"]
    assert any("toyone" in note and "needs other versions" in note for note in machine.notes)


def test_ten_that_ask_at_once_build_it_once(machine, base_image, started: Started) -> None:
    found = []

    def ask() -> None:
        found.append(machine.prepare(base_image, "toyone==2.0"))

    threads = [threading.Thread(target=ask) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [environment.reused for environment in found].count(False) == 1
    assert len({environment.key for environment in found}) == 1
    # Two questions at most, resolve and sync: what one build takes.
    assert len([key for key in started() if key == found[0].key]) <= 4
    assert any("waiting for environment" in note for note in machine.notes)


def test_image_only_installs_nothing(machine, base_image, started: Started) -> None:
    from dataclasses import replace

    machine.prepare(base_image)
    started()
    machine.config = replace(machine.config, packages="image-only")
    environment = machine.prepare(base_image, "toytwo==1.0")
    assert environment.key == ""
    assert started() == []


def test_origin_none_installs_nothing(machine, base_image) -> None:
    assert machine.prepare(base_image, "toytwo==1.0", origin="none").key == ""


def test_each_image_has_environments_of_its_own(machine, base_image, torch_image) -> None:
    keys = {machine.prepare(image, "toytwo==1.0").key for image in (base_image, torch_image)}
    assert len(keys) == 2


def test_files_belong_to_the_agents_user(machine, base_image) -> None:
    environment = machine.prepare(base_image, "toytwo==1.0")
    owners = {(path.lstat().st_uid, path.lstat().st_gid) for path in environment.folder.rglob("*")}
    assert owners == {(os.getuid(), os.getgid())}


def test_the_janitor_sees_it_as_any_other(machine, base_image) -> None:
    shelf = EnvironmentShelf(machine.folder)
    with machine.held(base_image, "toytwo==1.0") as environment:
        assert environment.folder in shelf.entries()
        assert shelf.last_used(environment.folder) is not None
        from agent.lock import locked_if_free

        with locked_if_free(shelf.lock(environment.folder)) as alone:
            assert not alone
    with locked_if_free(shelf.lock(environment.folder)) as alone:
        assert alone


def test_a_build_that_was_killed_is_built_anew(machine, base_image) -> None:
    folder = machine.prepare(base_image, "toytwo==1.0").folder
    (folder / ".elsewhere-ready").unlink()
    (folder / "half").write_text("written")
    assert last_used(folder) is None
    again = machine.prepare(base_image, "toytwo==1.0")
    assert not again.reused
    assert not (folder / "half").exists()


def test_a_package_that_no_index_has_is_named(machine, base_image) -> None:
    with pytest.raises(PackageNotFound, match="nowhere"):
        machine.prepare(base_image, "nowhere==1.0")
    assert EnvironmentShelf(machine.folder).entries() == []


def test_an_image_without_python_says_so(machine, tiny_image) -> None:
    with pytest.raises(NoPython, match="has no Python") as raised:
        machine.prepare(tiny_image, "toyone==1.0")
    assert "Choose an image that has Python" in raised.value.next_step


def test_image_only_needs_python_as_well(machine, shellless_image) -> None:
    from dataclasses import replace

    machine.config = replace(machine.config, packages="image-only")
    with pytest.raises(NoPython, match="has no Python"):
        machine.prepare(shellless_image)


def test_an_old_python_is_told_by_its_version(machine, tiny_image, engine_client) -> None:
    from image.conftest import commit

    old = b'#!/bin/sh\nfor file in "$@"; do :; done\necho \'{"executable": "/bin/python3", "version": "2.7.18"}\' > "$file"\n'
    image = commit(engine_client, tiny_image, {"bin/python3": old}, "elsewhere-tests/old", {})
    with pytest.raises(NoPython, match=r"has Python 2\.7\.18"):
        machine.prepare(image)


def test_where_uv_does_not_run_and_pip_is_absent_the_error_says_what_to_do(
    machine, base_image, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("agent.environment.uv.find", lambda: foreign_program(tmp_path))
    with pytest.raises(BuildError, match="has no pip") as raised:
        machine.prepare(base_image, "toyone==2.0")
    assert "Add pip to the image" in raised.value.next_step


def test_where_uv_does_not_run_the_images_own_pip_installs(
    machine, pip_image, wheels: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("agent.environment.uv.find", lambda: foreign_program(tmp_path))
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    environment = machine.prepare(pip_image, "toytwo==1.0")
    assert machine.versions(environment, "toytwo", "toyone") == ["1.0", "2.0"]
    assert any("installing with the image's own pip" in note for note in machine.notes)


def test_a_build_can_be_ended_from_another_thread(machine, base_image) -> None:
    (machine.tree / "backend.py").write_text("import time\nprint('sleeping', flush=True)\ntime.sleep(600)\n")
    (machine.tree / "pyproject.toml").write_text(
        '[project]\nname = "slow"\nversion = "1.0"\n'
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    environments, over = machine.environments(), threading.Event()
    packages = Packages(requirements=("toyone==2.0",), local=(LocalPackage("."),))

    def note(line: str) -> None:
        machine.notes.append(line)
        if line.startswith("installing from the tree"):
            threading.Thread(target=end_again_and_again).start()

    def end_again_and_again() -> None:
        while not over.wait(0.2):
            environments.end_build(0)

    held = environments.held(machine.find(base_image), packages, machine.tree, note=note)
    try:
        with pytest.raises(BuildError), held:
            pass
    finally:
        over.set()
    assert machine.engine.remove({"elsewhere.build": machine.tree.name}) == 0


def test_an_owner_who_wants_no_pulls_gets_none(machine, base_image) -> None:
    assert fetched(machine.engine, base_image, "never", machine.notes.append).id
    with pytest.raises(ImageUnavailable, match="this agent pulls none") as raised:
        fetched(machine.engine, "elsewhere-tests/absent:1", "never", machine.notes.append)
    assert "[docker]" in raised.value.next_step
    assert machine.notes == []


def test_an_owner_who_wants_the_newest_is_told_when_it_cannot_be_had(machine) -> None:
    with pytest.raises(ImageUnavailable, match="nowhere"):
        fetched(machine.engine, "127.0.0.1:9/nowhere:1", "always", machine.notes.append)
    assert machine.notes == ["pulling the image 127.0.0.1:9/nowhere:1"]


def test_an_image_that_cannot_be_pulled_is_a_clear_error(machine) -> None:
    with pytest.raises(ImageUnavailable, match="nowhere"):
        machine.find("127.0.0.1:9/nowhere:1")


def foreign_program(folder: Path) -> Path:
    program = folder / "uv"
    program.write_bytes(b"\x7fELF of another machine")
    program.chmod(0o755)
    return program


def installed(folder: Path) -> list[str]:
    return sorted(path.name.partition("-")[0] for path in folder.rglob("*.dist-info"))


def test_requirement_files_of_the_tree_are_followed(machine, base_image) -> None:
    (machine.tree / "requirements.txt").write_text("-r more.txt\n-c limits.txt\n")
    (machine.tree / "more.txt").write_text("toytwo\n")
    (machine.tree / "limits.txt").write_text("toyone<2\n")
    environment = machine.prepare(base_image, origin="requirements")
    assert machine.versions(environment, "toytwo", "toyone") == ["1.0", "1.0"]
    (machine.tree / "limits.txt").write_text("toyone>=2\n")
    other = machine.prepare(base_image, origin="requirements")
    assert other.key != environment.key
    assert machine.versions(other, "toyone") == ["2.0"]


def locked(version: str, wheels: Path) -> str:
    digest = hashlib.sha256((wheels / f"toyone-{version}-py3-none-any.whl").read_bytes()).hexdigest()
    url = f"https://index.example/files/toyone-{version}-py3-none-any.whl"
    return (
        'version = 1\nrevision = 3\nrequires-python = ">=3.8"\n\n'
        '[[package]]\nname = "mine"\nversion = "1.0"\nsource = { virtual = "." }\n'
        'dependencies = [{ name = "toyone" }]\n'
        '[package.metadata]\nrequires-dist = [{ name = "toyone" }]\n\n'
        f'[[package]]\nname = "toyone"\nversion = "{version}"\n'
        'source = { registry = "https://index.example/simple" }\n'
        f'wheels = [{{ url = "{url}", hash = "sha256:{digest}", size = 1 }}]\n'
    )


def test_a_lock_file_of_the_tree_is_followed(machine, base_image, wheels: Path) -> None:
    (machine.tree / "pyproject.toml").write_text(
        '[project]\nname = "mine"\nversion = "1.0"\nrequires-python = ">=3.8"\ndependencies = ["toyone"]\n'
    )
    (machine.tree / "uv.lock").write_text(locked("1.0", wheels))
    environment = machine.prepare(base_image, origin="lock")
    assert machine.versions(environment, "toyone") == ["1.0"]
    (machine.tree / "uv.lock").write_text(locked("2.0", wheels))
    assert machine.versions(machine.prepare(base_image, origin="lock"), "toyone") == ["2.0"]
