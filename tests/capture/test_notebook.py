"""Notebooks and cells as scripts: they do what the cells did, where no IPython is."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from elsewhere.capture.cells import Cell, write_script
from elsewhere.contract.errors import CaptureError
from tests.capture.conftest import Desk
from tests.capture.rebuild import rebuild


def notebook(*cells: str, language: str = "python") -> str:
    book: dict[str, Any] = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"language_info": {"name": language}},
        "cells": [{"cell_type": "markdown", "source": ["# Digits"]}],
    }
    for number, text in enumerate(cells):
        source = textwrap.dedent(text).splitlines(keepends=True)
        book["cells"].append({"cell_type": "code", "id": str(number), "source": source, "outputs": []})
    return json.dumps(book)


def run(script: bytes | Path, folder: Path) -> str:
    if isinstance(script, bytes):
        (folder / "cells.ipynb.py").write_bytes(script)
        script = folder / "cells.ipynb.py"
    done = subprocess.run([sys.executable, script], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def written(*texts: str, tolerant: bool = False) -> tuple[bytes, tuple[str, ...]]:
    cells = [Cell(textwrap.dedent(text), f"[{number}]") for number, text in enumerate(texts, 1)]
    return write_script(cells, "the cells", tolerant=tolerant)


def says(folder: Path, *texts: str) -> list[str]:
    return run(written(*texts)[0], folder).splitlines()


class TestFile:
    """A notebook's file is submitted as a script is."""

    def test_its_code_cells_run_in_their_order_beside_it(self, desk: Desk, tmp_path: Path) -> None:
        desk.write("lib/word.py", "WORD = 'ours'\n")
        desk.write("lib/explore.ipynb", notebook("%matplotlib inline\nimport word", "print(word.WORD, 'é')"))
        captured = desk.capture("lib/explore.ipynb", ["--lr", "1"])
        assert captured.spec.entry.script == "lib/explore.ipynb.py"
        assert captured.spec.entry.arguments == ("--lr", "1")
        assert any("#2 %matplotlib" in note for note in captured.notes)
        assert not (desk.root / "lib" / "explore.ipynb.py").exists()
        tree = tmp_path / "elsewhere"
        assert run(rebuild(captured, tree) / captured.spec.entry.script, tree) == "ours é\n"

    def test_what_its_cells_import_is_what_it_needs(self, desk: Desk) -> None:
        desk.write("explore.ipynb", notebook("import pytest"))
        captured = desk.capture("explore.ipynb", search_path=None)
        assert [line.partition("==")[0] for line in captured.spec.packages.requirements] == ["pytest"]

    def test_a_file_that_has_its_name_keeps_it(self, desk: Desk) -> None:
        desk.write("explore.ipynb", notebook("print(1)"))
        desk.write("explore.ipynb.py", "print('mine')")
        desk.commit()
        captured = desk.capture("explore.ipynb")
        assert captured.spec.entry.script == "explore.ipynb-2.py"

    def test_outside_a_repository_it_travels_alone(self, tmp_path: Path) -> None:
        folder = tmp_path / "alone"
        folder.mkdir()
        (folder / "explore.ipynb").write_text(notebook("!ls", "print('alone')"))
        captured = Desk(folder).capture("explore.ipynb")
        assert any("#2 !ls" in note for note in captured.notes)
        tree = rebuild(captured, tmp_path / "elsewhere")
        assert [file.name for file in tree.iterdir()] == ["explore.ipynb.py"]
        assert run(tree / "explore.ipynb.py", tree) == "alone\n"

    def test_its_size_counts_against_the_limit(self, desk: Desk) -> None:
        desk.write("explore.ipynb", notebook("x = '" + "x" * 5000 + "'"))
        desk.commit()
        with pytest.raises(CaptureError, match=r"explore\.ipynb\.py"):
            desk.capture("explore.ipynb", untracked_limit=1000)

    def test_a_worksheet_of_old_times_is_read(self, desk: Desk) -> None:
        book = {"nbformat": 3, "worksheets": [{"cells": [{"cell_type": "code", "input": ["print(3)"]}]}]}
        desk.write("old.ipynb", json.dumps(book))
        assert desk.capture("old.ipynb").spec.entry.script == "old.ipynb.py"

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("{}", "no notebook"),
            ("[1]", "no notebook"),
            ("not JSON", "no notebook"),
            (notebook("1", language="julia"), "julia"),
            (notebook("print('whole')", "print('half'"), r"cell #3 of .*'\(' was never closed, line 1"),
            (notebook("return 3"), "cell #2"),
        ],
    )
    def test_one_that_cannot_run_is_refused_with_its_reason(self, text: str, said: str, desk: Desk) -> None:
        desk.write("explore.ipynb", text)
        with pytest.raises(CaptureError, match=said) as refused:
            desk.capture("explore.ipynb")
        assert refused.value.next_step


class TestMagics:
    """What IPython adds is left out, and said; what it wraps stays."""

    def test_what_stands_behind_a_magic_s_name_goes_nowhere(self) -> None:
        script, notes = written(
            "%env TOKEN=hunter2\n!curl -H hunter2 \\\n  hunter2\nwho = !whoami hunter2\n!TOKEN=hunter2 ls\nx = 1",
            "%%bash\nexport TOKEN=hunter2",
        )
        assert "x = 1" in script.decode()
        assert "hunter2" not in script.decode() + "".join(notes)

    def test_a_line_ends_where_python_says_so(self, tmp_path: Path) -> None:
        assert says(
            tmp_path, "import asyncio\nx = 1\x0c\nawait asyncio.sleep(0)\nz = 'a\u2028b'\nprint(x, len(z))"
        ) == ["1 3"]

    def test_options_of_a_magic_around_code_do_not_make_it_wrong(self, tmp_path: Path) -> None:
        assert says(tmp_path, "%prun -s cumulative f()\nprint('on')") == ["on"]

    def test_magics_and_commands_leave_the_rest_as_it_is(self, tmp_path: Path) -> None:
        cell = """
            %load_ext autoreload
            !pip install \\
                torch
            files = !ls
            if True:
                %pip install torch
            print?
            ?print
            text = '''
            %not a magic
            !nor a command
            '''
            rest = (7
                % 4)
            print("a = !b", "c?"); d = {}
            d["e"] = %pwd
            print(text.split(), rest)
            """
        script, notes = written(cell)
        assert run(script, tmp_path) == "a = !b c?\n['%not', 'a', 'magic', '!nor', 'a', 'command'] 3\n"
        assert "%load_ext, [1] !pip" in notes[0]

    def test_an_argument_of_a_magic_is_not_told_in_a_note(self) -> None:
        _, notes = written("%env TOKEN=s3cret")
        assert "%env" in notes[0]
        assert "s3cret" not in notes[0]

    def test_code_that_a_magic_times_runs(self, tmp_path: Path) -> None:
        assert says(
            tmp_path, "%%time\nx = 1\n!ls\nprint(x)", "%time print(2)", "%%capture out\nprint(3)"
        ) == [
            "1",
            "2",
            "3",
        ]

    def test_a_cell_in_another_language_does_not(self, tmp_path: Path) -> None:
        assert says(tmp_path, "\n%%bash\necho $HOME\nif [ 1 ]; then ls; fi", "print(1)") == ["1"]

    def test_what_a_notebook_displays_a_log_prints(self, tmp_path: Path) -> None:
        assert says(tmp_path, "display(1, [2])", "'unseen'") == ["1", "[2]"]
        assert says(tmp_path, "def display(x): print('own', x)", "display(1)") == ["own 1"]

    def test_a_cell_that_is_no_python_failed_where_it_ran(self, tmp_path: Path) -> None:
        script, notes = written("print(1)", "print(2", "for x in", "print(3)", tolerant=True)
        assert run(script, tmp_path) == "1\n3\n"
        assert "[2], [3]" in notes[0]


class TestWaiting:
    """``await`` outside of a function."""

    @pytest.mark.parametrize(
        "cells",
        [
            ["import asyncio\nx = await asyncio.sleep(0, 5)", "print(x)"],
            ["import asyncio; y: int = await asyncio.sleep(0, 5); print(y)"],
            ["import asyncio\nprint(sum([await asyncio.sleep(0, n) for n in (2, 3)]))"],
            [
                "import asyncio\nasync def five(): return 5",
                "lock = asyncio.Lock()\nasync with lock as held:\n    a, *b = [await five()]",
                "print(a)",
            ],
            [
                "async def count():\n    yield 2\n    yield 3",
                "total = 0\nasync for n in count():\n    total += n\nprint(total)",
            ],
            [
                "import asyncio\nif (z := await asyncio.sleep(0, 5)):\n    def deep(q): z = q; return z",
                "deep(1); print(z)",
            ],
            ["import asyncio\nif await asyncio.sleep(0, 1):\n    import json as j", "print(j.loads('5'))"],
            ["import asyncio\ntask = None\nif True:\n    text = '''5\n'''; await asyncio.sleep(0)", "print(text[0])"],
        ],
    )  # fmt: skip
    def test_it_waits_and_binds_the_same_names(self, cells: Sequence[str], tmp_path: Path) -> None:
        assert says(tmp_path, *cells) == ["5"]

    def test_all_of_it_is_one_loop(self, tmp_path: Path) -> None:
        cells = [
            "import asyncio\ndone = await asyncio.sleep(0, asyncio.Event())",
            "done.set(); print(await done.wait())",
        ]
        assert says(tmp_path, *cells) == ["True"]


def test_future_imports_of_any_cell_stand_first(tmp_path: Path) -> None:
    cells = ["x = 1", "from __future__ import annotations; y = 2\ndef f(a: Unknown): ...", "print(x + y)"]
    assert says(tmp_path, *cells) == ["3"]


def test_an_error_names_the_line_of_the_cell_as_it_was_typed(tmp_path: Path) -> None:
    script, _ = written("def dig():\n    # deep\n    raise KeyError('the shovel')", "dig()")
    (tmp_path / "cells.ipynb.py").write_bytes(script)
    done = subprocess.run(
        [sys.executable, "cells.ipynb.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert "raise KeyError('the shovel')" in done.stderr


def test_functions_of_a_script_s_cells_can_be_sent_to_workers(tmp_path: Path) -> None:
    cells = [
        "import multiprocessing\ndef double(x): return 2 * x",
        "if __name__ == '__main__':\n    with multiprocessing.get_context('spawn').Pool(1) as pool: print(pool.map(double, [1, 2]))",
    ]
    assert says(tmp_path, *cells) == ["[2, 4]"]
