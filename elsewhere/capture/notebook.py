"""A notebook's file: its code cells, in their order, as a script."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from elsewhere.capture.cells import Cell, Written, write_script
from elsewhere.capture.path import printable
from elsewhere.contract.errors import CaptureError

SUFFIX = ".ipynb"


def script_name(notebook: str) -> str:
    """The file name of a notebook's script: no module can be imported by it, so it hides none."""
    return f"{notebook}.py"


def convert(path: Path) -> Written:
    """The script that does what all code cells of the notebook do, as they were saved.

    Raises:
        CaptureError: it cannot be read, is no notebook, or is none of Python.
    """
    name = printable(path.name)
    try:
        notebook = json.loads(path.read_bytes())
        cells = _cells(notebook)
        language = _language(notebook)
    except OSError as error:
        raise CaptureError(f"{path} cannot be read: {error.strerror}", "Check its permissions.") from error
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        raise CaptureError(
            f"{path} is no notebook that can be read: {error}", "Open it in Jupyter, and save it again."
        ) from error
    if language not in ("", "python", "ipython"):
        raise CaptureError(
            f"{path} is a notebook of {language}, and only Python can be run", "Submit a Python script."
        )
    return write_script(cells, name, tolerant=False)


def _cells(notebook: dict[str, Any]) -> list[Cell]:
    # Until 2014 cells stood in worksheets, and their source was called input.
    cells = notebook["cells"] if "cells" in notebook else notebook["worksheets"][0]["cells"]
    found = []
    for number, cell in enumerate(cells, 1):
        if cell["cell_type"] == "code":
            source = cell["source"] if "source" in cell else cell["input"]
            found.append(Cell(source if isinstance(source, str) else "".join(source), f"#{number}"))
    return found


def _language(notebook: dict[str, Any]) -> str:
    metadata = notebook.get("metadata", {})
    for key, field in (("language_info", "name"), ("kernelspec", "language")):
        language = metadata.get(key, {}).get(field)
        if language:
            return str(language).lower()
    return ""
