"""Environments that conda and pixi make, where their commands are, and those that are there already."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agent.environment import Environments
from elsewhere.contract.errors import BuildError
from elsewhere.contract.spec import LocalPackage, Packages

if TYPE_CHECKING:
    from .conftest import Box

CONDA = """\
name: mine
channels:
  - conda-forge  # the usual one
dependencies:
  - python=3.11
  - numpy
  - pip:
    - toyone
    - -e .
    - -r more.txt
"""

STAND_IN = """#!/bin/sh
# Does with its folder what the real one would: an interpreter, and the files that say what is in it.
echo "$(basename "$0") $*" >> "{log}"
echo "always yes: $CONDA_ALWAYS_YES"
prefix=
while [ $# -gt 0 ]; do
  case "$1" in
    --prefix) prefix=$2 ;;
    --file) cat "$2" >> "{log}" ;;
    --manifest-path) prefix=$(dirname "$2")/.pixi/envs/default; ls "$(dirname "$2")" >> "{log}" ;;
  esac
  shift
done
[ -n "{fails}" ] && echo "no such package" && exit 3
mkdir -p "$prefix/bin" "$prefix/conda-meta" "$prefix/lib/python3.11/site-packages/numpy-2.0.dist-info"
ln -s "{python}" "$prefix/bin/python"
echo "{{}}" > "$prefix/conda-meta/python-3.11.9-0.json"
printf 'Metadata-Version: 2.1\\nName: numpy\\nVersion: 2.0\\n\\n' > "$prefix/lib/python3.11/site-packages/numpy-2.0.dist-info/METADATA"
"""


@pytest.fixture
def commands(box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the only one on PATH beside the system's; holds no package manager yet."""
    folder = tmp_path / "commands"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder


def stand_in(commands: Path, name: str, fails: str = "") -> Path:
    log = commands / "log"
    text = STAND_IN.format(log=log, python=sys.executable, fails=fails)
    (commands / name).write_text(text)
    (commands / name).chmod(0o755)
    return log


def conda_tree(box: Box) -> None:
    box.write("environment.yml", CONDA)
    box.write("more.txt", "toytwo==1.0\n")
    box.write("pyproject.toml", box.project("mine"))
    box.write("src/mine/__init__.py", "")


def test_a_missing_command_is_named(box: Box, commands: Path) -> None:
    conda_tree(box)
    with pytest.raises(BuildError, match=r"environment\.yml needs micromamba or mamba or conda, which"):
        box.rebuild()
    box.write("pixi.toml", "[dependencies]\npython = '*'\n")
    box.write("pixi.lock", "version: 6\n")
    with pytest.raises(BuildError, match=r"pixi\.lock needs pixi, which is not on the PATH"):
        box.rebuild()
    assert not list(box.folder.glob("*/bin"))


@pytest.mark.parametrize(
    ("name", "verb"),
    [("conda", "conda env create"), ("mamba", "mamba env create"), ("micromamba", "micromamba create --yes")],
)
def test_an_environment_file_is_given_to_conda_without_the_tree_in_it(
    name: str, verb: str, box: Box, commands: Path
) -> None:
    log = stand_in(commands, name)
    conda_tree(box)
    environment = box.rebuild()
    said = log.read_text()
    assert said.startswith(f"{verb} --prefix {environment.folder} --file ")
    assert "- -e" not in said
    assert "- 'toytwo==1.0'" in said
    assert "  - conda-forge" in said
    built = environment.built()
    assert built.python == "3.11.9"
    assert built.packages == ("mine==1.0", "numpy==2.0")
    assert environment.variables("/bin")["CONDA_PREFIX"] == str(environment.folder)
    assert "VIRTUAL_ENV" not in environment.variables("/bin")
    log.unlink()
    box.write("pyproject.toml", box.project("mine") + "[tool.ruff]\n")
    assert box.rebuild().reused
    assert not log.exists()
    box.write("more.txt", "toytwo\n")
    assert not box.rebuild().reused


def test_what_conda_says_of_its_failure_is_in_the_error(box: Box, commands: Path) -> None:
    stand_in(commands, "micromamba", fails="yes")
    conda_tree(box)
    with pytest.raises(BuildError, match="no such package"):
        box.rebuild()
    assert not [path for path in box.folder.iterdir() if path.suffix == ".yml"]


def test_a_pixi_lock_is_installed_beside_the_workspace(box: Box, commands: Path) -> None:
    log = stand_in(commands, "pixi")
    box.write("pixi.toml", "[dependencies]\npython = '*'\n")
    box.write("pixi.lock", "version: 6\n")
    environment = box.rebuild()
    said = log.read_text()
    assert said.startswith(f"pixi install --locked --manifest-path {environment.folder}/pixi.toml")
    assert "pixi.lock" in said
    assert not (box.tree / ".pixi").exists()
    assert environment.prefix == environment.folder / ".pixi/envs/default"
    assert environment.python.exists()
    assert box.rebuild().reused
    box.write("pixi.lock", "version: 6\n# other\n")
    assert not box.rebuild().reused
    box.write("pixi.toml", '[pypi-dependencies]\nmine = { path = ".", editable = true }\n')
    with pytest.raises(BuildError, match=r"locks packages of the repository itself \(\.\)"):
        box.rebuild()


# --- an environment that is there ----------------------------------------------------------------------


@pytest.fixture
def there(tmp_path: Path) -> Path:
    folder = tmp_path / "there"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    return folder


def contents(folder: Path) -> list[tuple[str, int]]:
    return sorted((str(path), path.lstat().st_mtime_ns) for path in folder.rglob("*"))


@pytest.mark.parametrize("inside", ["", "bin/python"])
def test_an_environment_that_is_there_is_used_and_never_written_to(
    inside: str, there: Path, box: Box
) -> None:
    info = next(there.glob("lib/python3*/site-packages")) / "toynine-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toynine\nVersion: 1.0\n\n")
    before = contents(there)
    box.write("pyproject.toml", box.project("mine", '"toyone"'))
    box.write("src/mine/__init__.py", "VALUE = 1\n")
    packages = Packages(
        requirements=("toyone==1.0",), local=(LocalPackage("."),), origin=f"existing:{there / inside}"
    )
    with box.environments().held(packages, box.tree, note=box.notes.append) as environment:
        assert environment.python == there / "bin/python"
        assert (environment.key, environment.reused) == ("", True)
        with environment.hold():
            pass
        built = environment.built()
        assert built.packages == ("mine==1.0", "toynine==1.0")
        assert (built.environment, built.python) == ("", ".".join(map(str, sys.version_info[:3])))
        variables = environment.variables("/bin")
        assert variables["VIRTUAL_ENV"] == str(there)
        assert variables["PATH"] == f"{environment.layer}/bin:{there}/bin:/bin"
    assert contents(there) == before
    assert not list(box.folder.glob("*/bin"))


def test_the_agents_owner_can_name_the_environment_for_all_tasks(there: Path, box: Box) -> None:
    environment = box.rebuild(packages=Packages(requirements=("toyone",)), origin=f"existing:{there}")
    assert environment.python == there / "bin/python"


def test_an_owner_who_decides_over_a_task_has_it_said_each_time(there: Path, box: Box) -> None:
    for _ in range(2):
        box.notes.clear()
        box.rebuild(packages=Packages(requirements=("toyone",), origin="none"), origin="recorded")
        assert [line for line in box.notes if line.startswith("packages come from")] == [
            "packages come from recorded, as this agent is configured, and not from none,"
            " which the task asks for"
        ]


def test_what_is_no_python_is_refused_and_not_started(tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    tool.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    tool.chmod(0o755)
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho no\n")
    broken.chmod(0o755)
    environments = Environments(tmp_path / "environments")
    for place, words in {tool: "no Python environment", tmp_path / "gone": "no Python environment",
                         broken: "no Python that runs"}.items():  # fmt: skip
        with pytest.raises(BuildError, match=words):
            environments.prepare(Packages(origin=f"existing:{place}"), note=print)
    assert not (tmp_path / "started").exists()
