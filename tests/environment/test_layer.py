"""The tree's own packages lie in a layer of the attempt: never in what is shared, and made once."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agent.environment import Environment
from agent.environment.evidence import Evidence
from agent.environment.kept import MOST_KEPT
from agent.environment.layer import place_of
from elsewhere.contract.errors import BuildError
from elsewhere.contract.spec import LocalPackage, Packages
from elsewhere.startup import lay_sdk

if TYPE_CHECKING:
    from .conftest import Box

HERE = Packages(requirements=("toyone==1.0",), local=(LocalPackage("."),))


def workspace(box: Box, name: str, *, module: str = "VALUE = 1\n", more: str = "") -> Path:
    """A repository with a `src` layout, checked out."""
    tree = box.root / "workspaces" / name
    scripts = '[project.scripts]\nmytool = "mine.tool:main"\n'
    box.write("pyproject.toml", box.project("mine", '"toyone"', scripts + more), tree)
    box.write("src/mine/__init__.py", module, tree)
    box.write("src/mine/tool.py", "def main():\n    import mine\n    print('tool', mine.VALUE)\n", tree)
    subprocess.run(["git", "init", "-q", tree], check=True)
    git = ["git", "-C", tree, "-c", "user.name=a", "-c", "user.email=a@b"]
    date = {"GIT_COMMITTER_DATE": "@1 +0000", "GIT_AUTHOR_DATE": "@1 +0000"}
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-qm", "one"], check=True, env={**os.environ, **date})
    subprocess.run([*git, "checkout", "-q", "--detach"], check=True)
    return tree


def run(box: Box, environment: Environment, *command: str | Path) -> str:
    """What a process of the attempt prints."""
    variables = environment.variables(os.environ["PATH"])
    sdk = lay_sdk(box.root / "sdk")
    there = {"PYTHONPATH": str(sdk), "HOME": str(box.root), **variables}
    return subprocess.check_output(command, env=there, text=True, cwd=box.root).strip()


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Every process that this one starts."""
    commands: list[object] = []
    real = subprocess.Popen.__init__

    def watched(self: object, command: object, *arguments: object, **options: object) -> None:
        commands.append(command)
        real(self, command, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(subprocess.Popen, "__init__", watched)
    for name in ("posix_spawn", "posix_spawnp", "fork", "system"):
        monkeypatch.setattr(os, name, lambda *words, **_: commands.append(words) or 1 / 0)
    return commands


def test_an_attempt_imports_the_package_of_a_src_layout_and_finds_its_command(box: Box) -> None:
    tree = workspace(box, "one")
    environment = box.rebuild(tree, HERE)
    assert environment.layer is not None
    where = run(box, environment, environment.python, "-c", "import mine, toyone; print(mine.__file__)")
    assert where == str(tree / "src/mine/__init__.py")
    assert run(box, environment, "mytool") == "tool 1"
    # Of another length: compiled files are matched by size and second, and this is the same second.
    (tree / "src/mine/__init__.py").write_text("VALUE = 22\n")
    assert run(box, environment, "mytool") == "tool 22"
    version = "import importlib.metadata as m; print(m.version('mine'))"
    assert run(box, environment, environment.python, "-c", version) == "1.0"


def test_every_python_process_of_the_attempt_sees_the_layer(box: Box) -> None:
    environment = box.rebuild(workspace(box, "one"), HERE)
    code = (
        "import multiprocessing, subprocess, sys\n"
        "def work(_):\n    import mine\n    return mine.VALUE\n"
        "if __name__ == '__main__':\n"
        "    for way in ('spawn', 'forkserver'):\n"
        "        with multiprocessing.get_context(way).Pool(1) as pool: print(*pool.map(work, [0]))\n"
        "    print(subprocess.check_output([sys.executable, '-c', 'import mine; print(mine.VALUE)'], text=True))\n"
    )
    script = box.write("script.py", code, box.root)
    assert run(box, environment, environment.python, script).split() == ["1", "1", "1"]


def test_the_shared_environment_holds_nothing_of_the_tree(box: Box) -> None:
    first = box.rebuild(workspace(box, "one"), HERE)
    other = box.rebuild(workspace(box, "two", module="VALUE = 3\n", more="[tool.ruff]\n"), HERE)
    assert other.key == first.key
    assert other.reused
    assert other.layer != first.layer
    names = [path.name for path in first.sites[0].iterdir()]
    assert not any("mine" in name for name in names)
    assert run(box, other, "mytool") == "tool 3"
    assert run(box, first, "mytool") == "tool 1"
    assert other.built().packages == ("mine==1.0", "toyone==1.0")


def test_a_cache_hit_starts_no_process_at_all(box: Box, started: list[object]) -> None:
    first = workspace(box, "one")
    second = workspace(box, "two", module="VALUE = 5\n")
    box.rebuild(first, HERE)
    assert any("uv" in str(command) for command in started)
    started.clear()
    environment = box.rebuild(second, HERE)
    built = environment.built()
    assert started == []
    assert environment.reused
    assert "mine==1.0" in built.packages
    assert str(first) not in "".join(
        path.read_text() for path in place_of(second).rglob("*") if path.is_file() and path.suffix != ".pyc"
    )
    assert run(box, environment, "mytool") == "tool 5"


def test_what_decides_the_layer_makes_a_new_one(box: Box, started: list[object]) -> None:
    box.rebuild(workspace(box, "one"), HERE)
    started.clear()
    changed = workspace(box, "two")
    project = changed / "pyproject.toml"
    project.write_text(project.read_text().replace("mytool =", "othertool ="))
    environment = box.rebuild(changed, HERE)
    assert any("uv" in str(command) for command in started)
    assert run(box, environment, "othertool") == "tool 1"


def test_a_layer_goes_with_its_workspace_and_is_laid_anew_in_the_next_attempt(box: Box) -> None:
    tree = workspace(box, "one")
    environment = box.rebuild(tree, HERE)
    assert environment.layer == tree / ".git" / ".elsewhere-layer"
    status = ["git", "-C", str(tree), "status", "--porcelain", "--untracked-files=all"]
    assert subprocess.check_output(status, text=True) == ""
    (environment.layer / "rubbish").write_text("")
    box.rebuild(tree, HERE)
    assert not (environment.layer / "rubbish").exists()
    shutil.rmtree(tree)
    assert not environment.layer.exists()


def test_what_the_tree_has_goes_before_what_the_environment_has(box: Box) -> None:
    tree = workspace(box, "one")
    # A release of the tree's own package, which another one drags in.
    box.write("libs/toyone/pyproject.toml", box.project("other-name"), tree)
    box.write("libs/toyone/src/other_name/__init__.py", "", tree)
    box.write("libs/toyone/src/toyone.py", "VERSION = 'of the tree'\n", tree)
    local = (LocalPackage("libs/toyone"),)
    environment = box.rebuild(tree, Packages(requirements=("toyone==1.0",), local=local))
    code = "import toyone; print(toyone.VERSION)"
    assert run(box, environment, environment.python, "-c", code) == "of the tree"


def test_a_name_that_the_tree_has_is_never_installed_from_an_index(
    box: Box, wheel: Callable[..., Path]
) -> None:
    wheel(box.wheels, "mine", "9.0")
    wheel(box.wheels, "friend", "1.0", needs="mine")
    tree = workspace(box, "one")
    environment = box.rebuild(tree, Packages(requirements=("friend", "mine==8.0"), local=HERE.local))
    assert environment.built().packages == ("friend==1.0", "mine==1.0", "toyone==2.0")
    assert run(box, environment, "mytool") == "tool 1"


SETUP = """
import pathlib, setuptools
pathlib.Path("made.py").write_text("VALUE = %r" % str(pathlib.Path.cwd()))
pathlib.Path("setup.log").open("a").write("x")
setuptools.setup(name="mine", version="1.0", py_modules=["mine", "made"], install_requires=["toyone"])
"""


def test_a_build_that_makes_files_in_the_tree_is_kept_with_them(box: Box, started: list[object]) -> None:
    box.add_setuptools()

    def checkout(name: str, text: str = "") -> Path:
        tree = box.root / "workspaces" / name
        box.write("setup.py", SETUP, tree)
        box.write("mine.py", f"import made, toyone\n{text}", tree)
        return tree

    local = Packages(local=(LocalPackage("."),))
    box.rebuild(checkout("one"), local)
    started.clear()
    second = checkout("two")
    environment = box.rebuild(second, local)
    assert not any("uv" in str(command) for command in started)
    assert environment.built().packages == ("mine==1.0", "toyone==2.0")
    where = run(box, environment, environment.python, "-c", "import mine, made; print(made.VALUE)")
    assert where == str(second)
    assert not list(second.glob("*.egg-info"))
    # Nobody can tell what such a build looks at: any change builds it again.
    box.rebuild(checkout("three", "# other\n"), local)
    assert any("uv" in str(command) for command in started)


def dynamic(backend: str, how: str) -> str:
    return (
        f'[project]\nname = "mine"\ndynamic = ["version"]\n[build-system]\nrequires = ["{backend.split(".")[0]}"]\n'
        f'build-backend = "{backend}"\n{how}'
    )


@pytest.mark.parametrize(
    ("project", "known"),
    [
        (dynamic("hatchling.build", '[tool.hatch.version]\npath = "src/mine/version.py"\n'), True),
        (dynamic("hatchling.build", '[tool.hatch.version]\nsource = "vcs"\n'), False),
        (dynamic("setuptools.build_meta", '[tool.setuptools.dynamic]\nversion = { file = "VERSION" }\n'), True),
        (dynamic("setuptools.build_meta", '[tool.setuptools.dynamic]\nversion = { attr = "mine.version.V" }\n'), True),
        (dynamic("setuptools.build_meta", '[tool.setuptools.dynamic]\nversion = { attr = "mine.other.V" }\n'), False),
        (dynamic("setuptools.build_meta", ""), False),
        (dynamic("flit_core.buildapi", ""), True),
        (dynamic("setuptools_scm.build", ""), False),
    ],
)  # fmt: skip
def test_a_version_that_is_read_from_a_file_is_decided_by_that_file(
    project: str, known: bool, box: Box
) -> None:
    files = {"src/mine/__init__.py": "__version__ = '1'\n", "src/mine/version.py": "V = '1'\n", "VERSION": "1\n",
             "src/mine/other.py": "V = str(1)\n", "src/mine/work.py": "", "pyproject.toml": project}  # fmt: skip
    for path, text in files.items():
        box.write(path, text)

    def digest() -> str | None:
        evidence = Evidence.of(box.tree, HERE.local)
        assert evidence.whole is not known
        return evidence.digest

    first = digest()
    box.write("src/mine/work.py", "print('other')\n")
    assert (digest() == first) is known
    for path in ("src/mine/__init__.py", "src/mine/version.py", "VERSION"):
        box.write(path, files[path].replace("1", "2"))
    assert digest() != first


def test_a_copied_package_is_decided_by_all_of_its_files(box: Box, started: list[object]) -> None:
    copied = Packages(requirements=("toyone==1.0",), local=(LocalPackage(".", editable=False),))
    first = box.rebuild(workspace(box, "one"), copied)
    assert run(box, first, "mytool") == "tool 1"
    started.clear()
    same = box.rebuild(workspace(box, "two"), copied)
    assert not any("uv" in str(command) for command in started)
    assert run(box, same, "mytool") == "tool 1"
    other = box.rebuild(workspace(box, "three", module="VALUE = 7\n"), copied)
    assert run(box, other, "mytool") == "tool 7"


def test_a_package_that_cannot_be_built_is_told(box: Box) -> None:
    box.add_setuptools()
    tree = box.root / "workspaces" / "broken"
    box.write("setup.py", "raise SystemExit('no such compiler')\n", tree)
    box.write("pyproject.toml", '[project]\nname = "broken"\nversion = "1"\n', tree)
    with pytest.raises(BuildError, match="no such compiler"):
        box.rebuild(tree, Packages(local=(LocalPackage("."),)))
    assert not place_of(tree).exists()
    with pytest.raises(BuildError, match="neither"):
        box.rebuild(tree, Packages(local=(LocalPackage("gone"),)))


def test_only_the_newest_layers_are_kept(box: Box) -> None:
    environment = box.rebuild(workspace(box, "one"), HERE)
    kept = environment.folder / ".elsewhere-layers"
    for number in range(MOST_KEPT + 3):
        (kept / f"old{number}").mkdir()
        os.utime(kept / f"old{number}", (number, number))
    changed = workspace(box, "two", more="[project.urls]\nhome = 'https://example.org'\n")
    box.rebuild(changed, HERE)
    assert len(list(kept.iterdir())) == MOST_KEPT
    assert not (kept / "old0").exists()


def _one_attempt(arguments: tuple[Box, Path]) -> bool:
    box, tree = arguments
    return box.environments().prepare(HERE, tree, note=lambda _: None).reused


def test_ten_attempts_at_once_build_one_environment_and_each_its_layer(box: Box) -> None:
    trees = [workspace(box, str(number), module=f"VALUE = {number}\n") for number in range(10)]
    with multiprocessing.get_context("fork").Pool(10) as pool:
        reused = pool.map(_one_attempt, [(box, tree) for tree in trees], chunksize=1)
    assert sorted(reused) == [False] + [True] * 9
    environment = box.rebuild(trees[7], HERE)
    assert run(box, environment, "mytool") == "tool 7"
