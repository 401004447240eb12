"""Lock files mean what their own tools make of them, and one that is out of step is named."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agent.environment import uv as uv_module
from agent.environment.origins.poetry_lock import content_hash, is_installed
from agent.environment.poetry_words import python_marker, specifiers
from agent.environment.toml import read_toml
from elsewhere.contract.errors import BuildError
from elsewhere.contract.spec import LocalPackage, Packages

from .conftest import make_wheel

if TYPE_CHECKING:
    from .conftest import Box

Versions = Callable[..., list[str]]
LOCK = Packages(origin="lock")


def sha256(box: Box, name: str, version: str) -> str:
    data = (box.wheels / f"{name}-{version}-py3-none-any.whl").read_bytes()
    return hashlib.sha256(data).hexdigest()


# --- uv -----------------------------------------------------------------------------------------------

UV_PROJECT = """\
[project]
name = "mine"
version = "1.0"
requires-python = ">=3.8"
dependencies = ["toyone>=1", "inner", "toyvendor", "toythree; sys_platform == 'amiga'"]
[dependency-groups]
dev = ["toytwo"]
[build-system]
requires = ["uv_build>=0.5"]
build-backend = "uv_build"
[tool.uv.sources]
inner = { workspace = true }
toyvendor = { path = "vendor/toyvendor-1.0-py3-none-any.whl" }
[tool.uv.workspace]
members = ["libs/*"]
[[tool.uv.index]]
url = "https://index.example/simple"
default = true
"""


def uv_package(box: Box, name: str, version: str, more: str = "", hash_of: str = "") -> str:
    digest = hash_of or sha256(box, name, version)
    url = f"https://index.example/files/{name}-{version}-py3-none-any.whl"
    return (
        f'[[package]]\nname = "{name}"\nversion = "{version}"\nsource = {{ registry = "https://index.example/simple" }}\n'
        f'{more}wheels = [{{ url = "{url}", hash = "sha256:{digest}", size = 1 }}]\n\n'
    )


def uv_tree(box: Box, *, toyone: str = "1.0", wrong: str = "") -> None:
    box.write("pyproject.toml", UV_PROJECT)
    box.write("src/mine/__init__.py", "import inner, toyone\nVERSION = 'mine'\n")
    box.write("libs/inner/pyproject.toml", box.project("inner", '"toyone"'))
    box.write("libs/inner/src/inner/__init__.py", "VERSION = 'inner'\n")
    box.write("libs/unused/pyproject.toml", box.project("unused"))
    three = "a" * 64
    (box.tree / "vendor").mkdir(exist_ok=True)
    wheel = make_wheel(box.tree / "vendor", "toyvendor", "1.0")
    vendored = hashlib.sha256(wheel.read_bytes()).hexdigest()
    box.write(
        "uv.lock",
        'version = 1\nrevision = 3\nrequires-python = ">=3.8"\n\n'
        '[manifest]\nmembers = ["inner", "mine", "unused"]\n\n'
        '[[package]]\nname = "inner"\nversion = "1.0"\nsource = { editable = "libs/inner" }\n'
        'dependencies = [{ name = "toyone" }]\n[package.metadata]\nrequires-dist = [{ name = "toyone" }]\n\n'
        '[[package]]\nname = "mine"\nversion = "1.0"\nsource = { editable = "." }\n'
        'dependencies = [{ name = "inner" }, { name = "toyone" }, '
        '{ name = "toyvendor" }, { name = "toythree", marker = "sys_platform == \'amiga\'" }]\n'
        '[package.dev-dependencies]\ndev = [{ name = "toytwo" }]\n'
        '[package.metadata]\nrequires-dist = [{ name = "inner", editable = "libs/inner" }, '
        '{ name = "toyone", specifier = ">=1" }, '
        '{ name = "toyvendor", path = "vendor/toyvendor-1.0-py3-none-any.whl" }, { name = "toythree", marker = "sys_platform == \'amiga\'" }]\n'
        '[package.metadata.requires-dev]\ndev = [{ name = "toytwo" }]\n\n'
        + uv_package(box, "toyone", toyone, hash_of=wrong)
        + uv_package(box, "toythree", "1.0", hash_of=three)
        + uv_package(box, "toytwo", "1.0", 'dependencies = [{ name = "toyone" }]\n')
        + '[[package]]\nname = "toyvendor"\nversion = "1.0"\n'
        'source = { path = "vendor/toyvendor-1.0-py3-none-any.whl" }\nwheels = [{ filename = '
        f'"toyvendor-1.0-py3-none-any.whl", hash = "sha256:{vendored}" }}]\n\n'
        '[[package]]\nname = "unused"\nversion = "1.0"\nsource = { editable = "libs/unused" }\n',
    )


def test_a_uv_lock_is_installed_as_uv_sync_would_and_the_workspaces_packages_lie_over_it(
    box: Box, versions_in: Versions
) -> None:
    uv_tree(box)
    environment = box.rebuild(packages=LOCK)
    expected = ("inner==1.0", "mine==1.0", "toyone==1.0", "toytwo==1.0", "toyvendor==1.0")
    assert environment.built().packages == expected
    base = [path.name for path in environment.sites[0].iterdir()]
    assert not any(name.startswith(("mine", "inner", "__editable__")) for name in base)
    assert "unused" not in " ".join(environment.built().packages)


def test_only_what_a_uv_lock_is_made_of_decides_the_environment(box: Box) -> None:
    uv_tree(box)
    first = box.rebuild()
    box.write("pyproject.toml", UV_PROJECT + "[tool.ruff]\nline-length = 100\n")
    assert box.rebuild().key == first.key
    lock = (box.tree / "uv.lock").read_text()
    box.write("uv.lock", lock.replace('name = "mine"\nversion = "1.0"', 'name = "mine"\nversion = "1.1"'))
    box.write("pyproject.toml", UV_PROJECT.replace('version = "1.0"', 'version = "1.1"'))
    again = box.rebuild()
    assert again.reused
    assert "mine==1.1" in again.built().packages
    uv_tree(box, toyone="2.0")
    assert box.rebuild().key != first.key


def test_a_uv_lock_out_of_step_with_its_project_is_named(box: Box) -> None:
    uv_tree(box)
    for changed in (
        UV_PROJECT.replace("toyone>=1", "toyone>=1.0.1"),
        UV_PROJECT.replace('"inner",', '"inner", "six",'),
    ):
        box.write("pyproject.toml", changed)
        with pytest.raises(BuildError, match=r"uv\.lock is out of step with its pyproject\.toml"):
            box.rebuild()
    assert not list(box.folder.glob("*/bin"))


def test_another_file_under_a_locked_name_is_refused(box: Box) -> None:
    uv_tree(box, wrong="0" * 64)
    with pytest.raises(BuildError, match="the hash of toyone"):
        box.rebuild()


def test_a_uv_lock_without_uv_is_told(box: Box, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    uv_tree(box)
    monkeypatch.setattr(uv_module, "find", lambda: tmp_path / "no uv")
    with pytest.raises(BuildError, match=r"uv\.lock can only be read by uv"):
        box.rebuild()


# --- Poetry -------------------------------------------------------------------------------------------

POETRY_2 = """\
[project]
name = "toyproj"
version = "0.1.0"
requires-python = ">=3.10"
dependencies = ["iniconfig (>=2.0,<3.0)", "colorama ; sys_platform == 'win32'", "tomli ; python_version < '3.11'"]

[project.optional-dependencies]
extra = ["six"]

[tool.poetry]
packages = [{include = "toyproj", from = "src"}]

[tool.poetry.group.dev.dependencies]
pluggy = "^1.0"

[tool.poetry.group.docs]
optional = true
[tool.poetry.group.docs.dependencies]
packaging = "*"

[build-system]
requires = ["poetry-core>=2"]
build-backend = "poetry.core.masonry.api"
"""

POETRY_1 = """\
[tool.poetry]
name = "oldproj"
version = "0.1.0"
description = ""
authors = ["a <a@b.c>"]
[tool.poetry.dependencies]
python = "^3.10"
click = "^8.1"
tomli = {version = "^2.0", python = "<3.11"}
six = {version = "1.16.0", optional = true}
[tool.poetry.extras]
compat = ["six"]
[tool.poetry.group.dev.dependencies]
pluggy = "~1.5"
[tool.poetry.group.docs]
optional = true
[tool.poetry.group.docs.dependencies]
packaging = "*"
[build-system]
requires = ["poetry-core"]
build-backend = "poetry.core.masonry.api"
"""


@pytest.mark.parametrize(
    ("project", "said"),
    [
        (POETRY_2, "6ac6c194b0afa2add88b258b14443e62f0cee083d8d7f05059b2b49c3f043aab"),
        (POETRY_1, "98b627c17520f354cb3e11eafec8b3d19314b44ba6807c14b24576afe707e4a1"),
    ],
)
def test_the_hash_is_the_one_that_poetry_itself_has_written(project: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(project)
    assert content_hash(read_toml(tmp_path / "pyproject.toml")) == said


PROJECT = """\
[tool.poetry]
name = "mine"
version = "1.0"
[tool.poetry.dependencies]
python = "^3.8"
toytwo = "^1.0"
toyfour = {version = "*", optional = true}
toyfive = [{version = "^1", python = "<3.0"}, {version = "^2", python = ">=3.0"}]
[tool.poetry.group.dev.dependencies]
toythree = "~1.0"
[tool.poetry.group.docs]
optional = true
[tool.poetry.group.docs.dependencies]
toysix = "*"
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
"""


def poetry_package(
    box: Box, name: str, version: str, more: str = "", below: str = "", digest: str = ""
) -> str:
    digest = digest or sha256(box, name, version)
    return (
        f'[[package]]\nname = "{name}"\nversion = "{version}"\ndescription = ""\npython-versions = "*"\n'
        f'{more}files = [{{file = "{name}-{version}-py3-none-any.whl", hash = "sha256:{digest}"}}]\n{below}\n'
    )


@pytest.fixture
def poetry_tree(box: Box, wheel: Callable[..., Path]) -> Callable[..., None]:
    for name, version in (("toythree", "1.0"), ("toyfour", "1.0"), ("toyfive", "1.0"), ("toyfive", "2.0"),
                          ("toysix", "1.0")):  # fmt: skip
        wheel(box.wheels, name, version)

    def write(*, groups: bool, digest: str = "", project: str = PROJECT) -> None:
        def more(group: str, markers: str = "", optional: bool = False) -> str:
            head = f"optional = {json.dumps(optional)}\n"
            return head + (f'groups = ["{group}"]\n{markers}' if groups else "")

        below = '[package.dependencies]\ntoyone = {version = ">=1", markers = "sys_platform != \'amiga\'"}\n'
        parts = [
            poetry_package(box, "toyfive", "1.0", more("main", "markers = \"python_version < '3.0'\"\n")),
            poetry_package(box, "toyfive", "2.0", more("main", "markers = \"python_version >= '3.0'\"\n")),
            poetry_package(box, "toyfour", "1.0", more("main", optional=True)),
            poetry_package(box, "toyone", "1.0", more("main"), digest=digest),
            poetry_package(box, "toysix", "1.0", more("docs")),
            poetry_package(box, "toythree", "1.0", more("dev")),
            poetry_package(box, "toytwo", "1.0", more("main"), below),
        ]
        box.write("pyproject.toml", project)
        made_of = content_hash(read_toml(box.tree / "pyproject.toml"))
        version = "2.1" if groups else "2.0"
        tail = (
            f'[metadata]\nlock-version = "{version}"\npython-versions = "^3.8"\ncontent-hash = "{made_of}"\n'
        )
        box.write("poetry.lock", "\n".join([*parts, tail]))

    return write


@pytest.mark.parametrize("groups", [True, False], ids=["2.1", "2.0"])
def test_a_poetry_lock_is_installed_without_poetry(
    groups: bool, box: Box, poetry_tree: Callable[..., None]
) -> None:
    poetry_tree(groups=groups)
    environment = box.rebuild(packages=LOCK)
    expected = ("toyfive==2.0", "toyone==1.0", "toythree==1.0", "toytwo==1.0")
    assert environment.built().packages == expected
    assert environment.layer is None  # the project has no module that could be installed
    box.write("mine/__init__.py", "")
    assert is_installed(read_toml(box.tree / "pyproject.toml"), box.tree)


def test_a_poetry_lock_out_of_step_with_its_project_is_named(
    box: Box, poetry_tree: Callable[..., None]
) -> None:
    poetry_tree(groups=True)
    box.write("pyproject.toml", PROJECT + "[tool.black]\n")
    assert box.rebuild().built().packages
    box.write("pyproject.toml", PROJECT.replace("^1.0", "^1.1"))
    with pytest.raises(BuildError, match=r"poetry\.lock is out of step with its pyproject\.toml"):
        box.rebuild()


def test_a_poetry_locks_hashes_count(box: Box, poetry_tree: Callable[..., None]) -> None:
    poetry_tree(groups=True, digest="0" * 64)
    with pytest.raises(BuildError, match="the hash of toyone"):
        box.rebuild()


@pytest.mark.parametrize(
    ("constraint", "expected"),
    [
        ("^1.2.3", [">=1.2.3,<2"]), ("^0.2.3", [">=0.2.3,<0.3"]), ("^0.0.3", [">=0.0.3,<0.0.4"]), ("^0", [">=0,<1"]),
        ("~1.2.3", [">=1.2.3,<1.3"]), ("~1.2", [">=1.2,<1.3"]), ("~1", [">=1,<2"]), ("*", [""]), ("1.0", ["==1.0"]),
        (">=1.0,<2.0", [">=1.0,<2.0"]), ("1.2.*", ["==1.2.*"]), ("^1 || ^2", [">=1,<2", ">=2,<3"]),
        (">= 1.0, < 2", [">=1.0,<2"]), ("~=1.4", ["~=1.4"]), ("!=1.5", ["!=1.5"]), ("^1.2rc1", [">=1.2rc1,<2"]),
    ],
)  # fmt: skip
def test_poetrys_constraints_are_those_of_the_standard(constraint: str, expected: list[str]) -> None:
    assert specifiers(constraint) == expected


def test_a_constraint_on_python_is_a_marker() -> None:
    assert python_marker("^3.8") == 'python_version >= "3.8" and python_version < "4"'
    assert python_marker("<3.9 || >=3.11.2") == 'python_version < "3.9" or python_full_version >= "3.11.2"'
    assert python_marker("*") == ""


def test_recorded_local_packages_lie_over_a_lock_as_well(box: Box, poetry_tree: Callable[..., None]) -> None:
    poetry_tree(groups=True)
    box.write("tools/pyproject.toml", box.project("tools"))
    box.write("tools/src/tools/__init__.py", "")
    environment = box.rebuild(packages=Packages(local=(LocalPackage("tools"),), origin="lock"))
    assert "tools==1.0" in environment.built().packages
