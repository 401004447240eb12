"""A rehearsal says what an attempt would lack, and what it would have otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.rehearsal import Desk, Finding
from agent.rehearsal.omission import left_behind, not_filled
from agent.rehearsal.packages import built_from_source, compare
from elsewhere.contract.built import Built
from elsewhere.contract.spec import Entry, LocalPackage, Packages


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A tree at a desk."""
    folder = tmp_path / "desk"
    folder.mkdir()
    return folder


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """What was rebuilt of it."""
    folder = tmp_path / "tree"
    folder.mkdir()
    return folder


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".py").write_text(text)


def desk_of(root: Path, *arguments: str, script: str = "train.py") -> Desk:
    return Desk.of(root, Entry(script, arguments=arguments))


class TestOmissions:
    """What does not travel."""

    def test_an_ignored_module_that_the_script_needs_prevents_the_run(self, root: Path, tree: Path) -> None:
        write(root, train="import secrets_of_mine\nimport there", secrets_of_mine="", there="")
        write(tree, train="", there="")
        (finding,) = left_behind(desk_of(root), tree)
        assert finding.what == "secrets_of_mine.py is imported, and does not travel: it is ignored by git"
        assert finding.exit_code == 8
        assert "git add -f secrets_of_mine.py" in finding.next_step

    def test_one_that_the_script_can_do_without_is_told_and_prevents_nothing(
        self, root: Path, tree: Path
    ) -> None:
        guarded = "try:\n    from pkg import _version\nexcept ImportError:\n    _version = None\n"
        write(root, train=guarded, pkg__fit="")
        (root / "pkg" / "__init__.py").write_text("")
        (root / "pkg" / "_version.py").write_text("")
        write(tree, train=guarded)
        (tree / "pkg").mkdir()
        (tree / "pkg" / "__init__.py").write_text("")
        (finding,) = left_behind(desk_of(root), tree)
        assert (finding.what, finding.exit_code) == (
            "pkg/_version.py, which the script can do without, does not travel", 0,
        )  # fmt: skip

    def test_files_that_the_script_or_its_arguments_name_are_told(self, root: Path, tree: Path) -> None:
        write(
            root, train="import load", load="open('data/x.csv'); print('train.py', 'no/such', '', '.', '/')"
        )
        write(tree, train="", load="")
        for name in ("data/x.csv", "weights.pt", "other.pt"):
            (root / name).parent.mkdir(exist_ok=True)
            (root / name).write_text("")
        found = list(left_behind(desk_of(root, "--weights=weights.pt", "other.pt", "--x"), tree))
        assert [finding.what.partition(" names")[0] for finding in found] == [
            "data/x.csv, which load.py", "other.pt, which an argument", "weights.pt, which an argument",
        ]  # fmt: skip
        assert {finding.exit_code for finding in found} == {0}

    def test_names_are_looked_up_from_the_working_directory_and_never_outside(
        self, root: Path, tree: Path
    ) -> None:
        write(root, src__train=f"open('here.csv'); open('../../tree'); open({str(root / 'abs.csv')!r})")
        write(tree, src__train="")
        for name in ("runs/here.csv", "abs.csv"):
            (root / name).parent.mkdir(exist_ok=True)
            (root / name).write_text("")
        desk = Desk.of(root, Entry("src/train.py", working_directory="runs"))
        assert [finding.what.split(",")[0] for finding in left_behind(desk, tree)] == [
            "abs.csv",
            "runs/here.csv",
        ]

    def test_a_module_is_found_as_python_does(self, root: Path, tree: Path) -> None:
        write(root, pkg__fit="open('x.csv')")
        (root / "x.csv").write_text("")
        write(tree, pkg__fit="")
        (finding,) = left_behind(Desk.of(root, Entry("pkg.fit", "module")), tree)
        assert finding.what.startswith("x.csv, which pkg/fit.py names")
        assert list(left_behind(Desk.of(root, Entry("pip", "module")), tree)) == []

    def test_an_empty_submodule_and_a_pointer_are_told(self, tree: Path) -> None:
        (tree / ".gitmodules").write_text(
            '[submodule "a"]\n\tpath = libs/a\n\turl = x\n[submodule "b"]\n\tpath = b\n'
        )
        (tree / "libs" / "a").mkdir(parents=True)
        (tree / "b").mkdir()
        (tree / "b" / "there").write_text("")
        (tree / ".gitattributes").write_text("*.bin filter=lfs\n")
        (tree / "large.bin").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
        (tree / "small.bin").write_text("real")
        assert [finding.what.split(":")[0] for finding in not_filled(tree)] == [
            "the submodule libs/a is empty",
            "large.bin is a pointer",
        ]


class TestPackages:
    """What the environment has otherwise."""

    def test_other_versions_and_another_python_are_told(self) -> None:
        asked = Packages(
            python="3.11.7",
            requirements=("six==1.16.0", "gone==1"),
            freeze=("Six==1.16.0", "numpy==1.26.4", "same==2", "mine @ git+https://host/x@1"),
            local=(LocalPackage("libs/a"),),
        )
        built = Built(
            "k", "3.11.9", ("six==1.17.0", "NumPy==2.0.0", "same==2", "mine @ git+https://host/x@2")
        )
        assert [(finding.kind, finding.what) for finding in compare(asked, built)] == [
            ("python", "Python 3.11.9 instead of 3.11.7"),
            ("package", "numpy 2.0.0 instead of 1.26.4"),
            ("package", "six 1.17.0 instead of 1.16.0"),
            ("package", "gone, which the script imports, is not in the environment"),
            ("local", "the package in libs/a is installed from the tree, in place"),
        ]

    def test_what_is_the_same_is_not_told(self) -> None:
        asked = Packages("3.11.7+", ("six==1",), ("six==1", "only-here==1"))
        assert list(compare(asked, Built("k", "3.11.7", ("six==1", "only-there==1")))) == []

    def test_packages_without_a_wheel_are_told(self, tmp_path: Path) -> None:
        def install(name: str, tag: str, *, built: bool = False) -> None:
            folder = tmp_path / f"{name}.dist-info"
            folder.mkdir()
            (folder / "WHEEL").write_text(f"Wheel-Version: 1.0\nTag: {tag}\n")
            if built:
                (folder / "uv_build.json").write_text("{}")

        install("pure-1.0", "py3-none-any")
        install("fast-1.0", "cp311-cp311-manylinux_2_17_x86_64")
        install("Own_Build-1.0", "cp311-cp311-linux_x86_64")
        install("torch-2.0+cu121", "cp311-cp311-linux_x86_64")
        install("sdist-1.0", "py3-none-any", built=True)
        assert [finding.what.split(" has")[0] for finding in built_from_source([tmp_path])] == [
            "own-build 1.0",
            "sdist 1.0",
        ]

    def test_a_finding_of_an_error_keeps_its_code_and_its_advice(self) -> None:
        from elsewhere.contract.errors import PackageNotFound

        finding = Finding.of(PackageNotFound("no package index has x"))
        assert (finding.kind, finding.exit_code) == ("step", 10)
        assert "index" in finding.next_step
