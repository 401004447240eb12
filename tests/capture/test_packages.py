"""The packages of a run are what its imports use, pinned, found without running any of it."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from elsewhere.capture import active_environment, packages
from elsewhere.capture.installed import Installed
from elsewhere.contract.spec import LocalPackage
from tests.capture.conftest import Desk

Install = Callable[..., None]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "venv/lib/python3.11/site-packages"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def install(site: Path) -> Install:
    """Puts a distribution there as an installer does: metadata, list of files, origin."""

    def put(name: str, version: str, *files: str, origin: object = None, **others: str) -> None:
        info = site / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\nName: not this\n"
        )
        rows = [f"{file},sha256=x,1" for file in (*files, f"{info.name}/METADATA")]
        (info / "RECORD").write_text("\n".join(rows) + "\n")
        if origin is not None:
            (info / "direct_url.json").write_text(json.dumps(origin))
        for other, text in others.items():
            (info / other).write_text(text)

    return put


def found(desk: Desk, site: Path, script: str = "train.py", **options: object) -> tuple[list[str], str]:
    captured = desk.capture(script, search_path=[str(site)], **options)
    return list(captured.spec.packages.requirements), "\n".join(captured.notes)


def test_names_are_followed_through_the_repositorys_own_modules(
    desk: Desk, site: Path, install: Install
) -> None:
    for number, name in enumerate(["one", "two", "three", "four", "five", "six", "seven", "eight", "unused"]):
        install(f"Dist-{name}", f"1.{number}", f"{name}/__init__.py")
    desk.write("train.py", "import os, pkg.deep.leaf\nfrom helper import *\nfrom space.part import thing\n")
    desk.write("helper.py", "def f():\n    try:\n        import one.sub\n    finally:\n        pass\n")
    desk.write("pkg/__init__.py", "from . import sibling\n")
    desk.write("pkg/sibling.py", "if x:\n    pass\nelse:\n    with y:\n        import two as t\n")
    desk.write("pkg/deep/__init__.py", "import three\n")
    desk.write("pkg/deep/leaf.py", "from ..cousin import value\nfrom ... import beyond\n")
    desk.write("pkg/cousin.py", "import importlib\nimportlib.import_module('four.x')\n__import__('five')\n")
    desk.write("space/part.py", "match x:\n    case 1:\n        import six\n")
    desk.write("src/lib/__init__.py", "import seven\n")
    desk.write("jobs/run.py", "import train, lib\nasync def f():\n    import eight\n")
    lines, notes = found(desk, site, "jobs/run.py")
    assert lines == [
        "Dist-eight==1.7", "Dist-five==1.4", "Dist-four==1.3", "Dist-one==1.0", "Dist-seven==1.6",
        "Dist-six==1.5", "Dist-three==1.2", "Dist-two==1.1",
    ]  # fmt: skip
    assert notes == ""


def test_imports_in_a_circle_end(desk: Desk, site: Path, install: Install) -> None:
    install("one", "1", "one.py")
    desk.write("train.py", "import a\n")
    desk.write("a.py", "import b\n")
    desk.write("b.py", "import a, train, one\n")
    assert found(desk, site)[0] == ["one==1"]


def test_an_own_module_hides_an_installed_one_and_a_data_folder_does_not(
    desk: Desk, site: Path, install: Install
) -> None:
    install("datasets", "2.0", "datasets/__init__.py")
    install("helper", "1.0", "helper.py")
    desk.write("helper.py", "")
    desk.write("datasets/train.csv", "x\n")
    desk.write("train.py", "import helper, datasets\n")
    assert found(desk, site)[0] == ["datasets==2.0"]


def test_a_module_that_breaks_is_a_note(desk: Desk, site: Path, install: Install) -> None:
    install("one", "1", "one.py")
    desk.write("train.py", "import broken, nul, one\n")
    desk.write("broken.py", "def (:\n")
    desk.write("nul.py", b"x = 1\0\n")
    lines, notes = found(desk, site)
    assert lines == ["one==1"]
    assert "broken.py" in notes
    assert "line 1" in notes
    assert "nul.py" in notes


def test_absent_packages_are_noted_only_where_the_run_needs_them(desk: Desk, site: Path) -> None:
    desk.write(
        "train.py",
        "import needed\n"
        "try:\n    import fast\nexcept ImportError:\n    import slow\n"
        "try:\n    import also_needed\nexcept ValueError:\n    pass\n"
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import stubs\n",
    )
    _, notes = found(desk, site)
    assert "'needed'" in notes
    assert "'also_needed'" in notes
    assert not any(name in notes for name in ("'fast'", "'slow'", "'stubs'"))


def test_distributions_that_share_a_namespace_are_told_apart(
    desk: Desk, site: Path, install: Install
) -> None:
    install("cloud-storage", "1", "cloud/storage/__init__.py", "cloud/storage/client.py")
    install("cloud-table", "2", "cloud/table/__init__.py")
    install("cloud-proto", "3", "cloud/proto.cpython-311-x86_64-linux-gnu.so")
    desk.write("train.py", "from cloud import storage\nimport cloud.proto\n")
    assert found(desk, site)[0] == ["cloud-proto==3", "cloud-storage==1"]
    desk.write("train.py", "from cloud.table import Client\n")
    assert found(desk, site)[0] == ["cloud-table==2"]


def test_one_name_may_come_from_a_distribution_of_another(desk: Desk, site: Path, install: Install) -> None:
    install("attr", "0.3", "wrong/__init__.py")
    install("attrs", "23.1", "attr/__init__.py", "attrs/__init__.py")
    install("PyYAML", "6.0", "yaml/__init__.py", "_yaml/__init__.py")
    install("old", "1", RECORD="", **{"top_level.txt": "legacy\n"})
    desk.write("train.py", "import attr, yaml, legacy\n")
    assert found(desk, site)[0] == ["attrs==23.1", "old==1", "PyYAML==6.0"]


def test_what_was_installed_from_this_machine_is_noted_and_not_asked_for(
    desk: Desk, site: Path, install: Install, tmp_path: Path
) -> None:
    library = tmp_path / "my library"
    (library / "src/mylib").mkdir(parents=True)
    install("mylib", "0.1", "_mylib.pth", origin={"url": library.as_uri(), "dir_info": {"editable": True}})
    install("wheel-of-mine", "0.2", "mine.py", origin={"url": "file:///tmp/mine.whl", "archive_info": {}})
    install(
        "project", "0", "_project.pth", origin={"url": desk.root.as_uri(), "dir_info": {"editable": True}}
    )
    install("numpy", "2.0", "numpy/__init__.py", origin={"url": "file:///croot/x"}, INSTALLER="conda\n")
    desk.write("src/project/__init__.py", "")
    desk.write("train.py", "import mylib, mine, project, numpy\n")
    captured = desk.capture(search_path=[str(site)])
    assert captured.spec.packages.requirements == ("numpy==2.0",)
    assert captured.spec.packages.freeze == ("numpy==2.0",)
    notes = "\n".join(captured.notes)
    assert str(library) in notes
    assert "wheel-of-mine" in notes
    assert "project" not in notes


def link(desk: Desk, install: Install, name: str, folder: str, *, editable: bool = True, **more: str) -> None:
    """A package of the repository, installed as a link to it or as a copy."""
    desk.write(f"{folder}/pyproject.toml", f'[project]\nname = "{name}"\nversion = "0"\n')
    desk.write(f"{folder}/src/{name}/__init__.py", "")
    info = {"editable": True} if editable else {}
    origin = {"url": (desk.root / folder).resolve().as_uri(), "dir_info": info}
    install(name, "0", f"__editable__.{name}.pth", origin=origin, **more)


def test_a_package_of_the_repository_travels_as_what_it_is(desk: Desk, site: Path, install: Install) -> None:
    link(desk, install, "project", ".")
    install("one", "1", "one.py")
    desk.write("src/project/work.py", "import one\n")
    desk.write("jobs/train.py", "import project.work\n")
    captured = desk.capture("jobs/train.py", search_path=[str(site)])
    assert captured.spec.packages.local == (LocalPackage(".", editable=True),)
    assert captured.spec.packages.requirements == ("one==1",)
    assert captured.notes == ()


def test_packages_of_a_monorepo_are_followed_and_only_those_that_the_run_needs(
    desk: Desk, site: Path, install: Install
) -> None:
    for name in ("a", "b", "c", "unused"):
        needs = {"METADATA": "Metadata-Version: 2.1\nName: b\nVersion: 0\nRequires-Dist: c\n"
                 "Requires-Dist: quiet>=1\nRequires-Dist: extra-one; extra == 'x'\n\n"} if name == "b" else {}  # fmt: skip
        link(desk, install, name, f"libs/{name}", editable=name != "c", **needs)
    for name in ("one", "two", "quiet", "extra-one", "other"):
        install(name, "1", f"{name.replace('-', '_')}.py")
    desk.write("libs/a/src/a/__init__.py", "import b, one\n")
    desk.write("libs/b/src/b/__init__.py", "import two\n")
    desk.write("libs/unused/src/unused/__init__.py", "import other\n")
    desk.write("train.py", "import a\n")
    captured = desk.capture(search_path=[str(site)])
    assert captured.spec.packages.local == (
        LocalPackage("libs/a"), LocalPackage("libs/b"), LocalPackage("libs/c", editable=False),
    )  # fmt: skip
    assert captured.spec.packages.requirements == ("one==1", "quiet==1", "two==1")


def test_a_package_that_an_old_installer_linked_is_found_beside_its_source(
    desk: Desk, site: Path, install: Install
) -> None:
    desk.write("setup.py", "")
    desk.write("src/project/__init__.py", "")
    desk.write("src/project.egg-info/PKG-INFO", "Metadata-Version: 1.0\nName: project\nVersion: 1\n\n")
    desk.write("train.py", "import project\n")
    captured = desk.capture(search_path=[str(site), str(desk.root / "src")])
    assert captured.spec.packages.local == (LocalPackage(".", editable=True),)
    assert captured.spec.packages.freeze == ()


def test_the_requirements_file_nearest_to_the_script_is_the_one_that_is_meant(desk: Desk, site: Path) -> None:
    desk.write("requirements.txt", "numpy\n")
    desk.write("jobs/requirements.txt", "numpy\n")
    desk.write("jobs/run.py", "")
    desk.write("other/run.py", "")
    for script, expected in {
        "jobs/run.py": "jobs/requirements.txt",
        "other/run.py": "requirements.txt",
    }.items():
        packages = desk.capture(script, search_path=[str(site)]).spec.packages
        assert packages.requirements_files == (expected,)


def test_what_was_installed_by_url_is_asked_for_by_url_without_credentials(
    desk: Desk, site: Path, install: Install
) -> None:
    install("lib", "1", "lib.py", origin={
        "url": "https://me:hunter2@example.org/lib.git", "subdirectory": "python",
        "vcs_info": {"vcs": "git", "commit_id": "a" * 40},
    })  # fmt: skip
    install(
        "arc",
        "1",
        "arc.py",
        origin={"url": "https://hunter2@example.org/arc.zip?t=hunter2", "archive_info": {}},
    )
    desk.write("train.py", "import lib, arc\n")
    assert found(desk, site)[0] == [
        "arc @ https://example.org/arc.zip",
        f"lib @ git+https://example.org/lib.git@{'a' * 40}#subdirectory=python",
    ]


def test_elsewhere_itself_is_never_asked_for(desk: Desk, site: Path, install: Install) -> None:
    install("elsewhere", "0.1", "elsewhere/__init__.py")
    install("rich", "1", "rich/__init__.py")
    install("pip", "24", "pip/__init__.py")
    desk.write("train.py", "from elsewhere import Task\n")
    captured = desk.capture(search_path=[str(site)])
    assert captured.spec.packages.requirements == ()
    assert captured.spec.packages.freeze == ("pip==24", "rich==1")
    assert captured.notes == ()


def test_the_freeze_holds_all_that_is_installed_sorted_and_fit_for_an_installer(
    desk: Desk, site: Path, install: Install
) -> None:
    install("torch", "2.3.0+cu121", "torch/__init__.py")
    install("Zeta", "1!2.0rc1.post3.dev4", "zeta.py")
    install("alpha", "1", "alpha.py")
    install("odd", "1-ubuntu~3", "odd.py")
    (site / "broken-1.dist-info").mkdir()
    captured = desk.capture(search_path=[str(site)])
    assert captured.spec.packages.freeze == ("alpha==1", "torch==2.3.0+cu121", "Zeta==1!2.0rc1.post3.dev4")


def test_an_installed_module_that_is_run_is_asked_for(desk: Desk, site: Path, install: Install) -> None:
    install("launcher", "3", "launch/__init__.py", "launch/run.py")
    assert found(desk, site, "launch.run", kind="module")[0] == ["launcher==3"]
    assert "'nowhere'" in found(desk, site, "nowhere.run", kind="module")[1]


def test_what_the_repository_says_of_its_packages_is_recorded(desk: Desk, site: Path) -> None:
    desk.write("requirements-dev.txt", "pytest\n")
    desk.write("uv.lock", "x\n")
    desk.write("jobs/requirements.txt", "numpy\n")
    desk.write("jobs/run.py", "")
    desk.write("data/setup.py", "elsewhere in the tree\n")
    captured = desk.capture("jobs/run.py", search_path=[str(site)])
    assert [(file.path, file.sha256) for file in captured.spec.packages.files] == [
        ("jobs/requirements.txt", hashlib.sha256(b"numpy\n").hexdigest()),
        ("requirements-dev.txt", hashlib.sha256(b"pytest\n").hexdigest()),
        ("uv.lock", hashlib.sha256(b"x\n").hexdigest()),
    ]
    assert captured.spec.packages.requirements == ()


def test_this_interpreters_packages_count_where_no_others_are_given(desk: Desk) -> None:
    desk.write("train.py", "import redis, pytest\n")
    captured = desk.capture(search_path=None)
    version = importlib.metadata.version
    expected = (f"pytest=={version('pytest')}", f"redis=={version('redis')}")
    assert captured.spec.packages.requirements == expected
    assert set(expected) < set(captured.spec.packages.freeze)
    assert not any(line.startswith("elsewhere") for line in captured.spec.packages.freeze)
    assert captured.spec.packages.python == sys.version.split()[0]


def test_owners_agree_with_the_standard_library_over_this_environment() -> None:
    installed = Installed(sys.path)
    names = {item.name for item in installed}
    for name, owners in importlib.metadata.packages_distributions().items():
        # Generated names, folders of scripts and the like are nothing that is imported.
        if not name.isidentifier() or name.startswith("__") or "elsewhere" in owners:
            continue
        assert {item.name for item in installed.providers(name)} == set(owners) & names, name


# --- the user's environment --------------------------------------------------------------


def test_the_active_environment_is_read_without_running_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    venv = tmp_path / "real-venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    monkeypatch.delenv("CONDA_PREFIX", raising=False)
    monkeypatch.setenv("VIRTUAL_ENV", str(venv))
    folders, version = active_environment()
    assert folders is not None
    assert str(next(venv.glob("lib/python3.*/site-packages"))) in folders
    assert version == sys.version.split()[0]
    assert packages.active_environment is active_environment


@pytest.mark.parametrize("line", ["version = 3.10.4", "version_info = 3.10.4.final.0"])
def test_versions_are_read_as_each_tool_writes_them(
    site: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    prefix = site.parents[2]
    (prefix / "pyvenv.cfg").write_text(f"home = /usr/bin\n{line}\n")
    monkeypatch.setenv("VIRTUAL_ENV", str(prefix))
    assert active_environment() == ([str(site)], "3.10.4")


def test_a_conda_environment_is_read(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prefix = site.parents[2]
    (prefix / "conda-meta").mkdir()
    (prefix / "conda-meta/python-3.11.9-h955ad1f_0.json").write_text("{}")
    (prefix / "conda-meta/python-dateutil-2.9.0-pyhd8ed1ab_0.json").write_text("{}")
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    monkeypatch.setenv("CONDA_PREFIX", str(prefix))
    assert active_environment() == ([str(site)], "3.11.9")


def test_the_running_interpreter_and_a_stale_variable_are_no_other_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CONDA_PREFIX", raising=False)
    for value in (sys.prefix, str(tmp_path / "gone"), ""):
        monkeypatch.setenv("VIRTUAL_ENV", value)
        assert active_environment() == (None, None)
