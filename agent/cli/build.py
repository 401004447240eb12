"""`agent build`: rebuild a task here, without running it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from agent.cli._options import AsJson, TaskId


def command(
    task: TaskId,
    target: Annotated[
        str,
        typer.Option(
            "--target", metavar="DIR", help="Keep the tree there, to try it by hand; else it is removed."
        ),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Rebuild a task's tree and environment here, and say what differs from its desk.

    The script is not run, and the task is not changed. The exit code is 0 if it would run here.
    """
    from agent.cli._desk import open_desk
    from agent.cli._rehearsal import rehearsal_json, say, tell
    from agent.cli._task_json import print_json
    from agent.rehearsal import rehearse
    from elsewhere.settings import load

    folders = load().folders
    with _place(target) as tree, open_desk() as store:
        spec = store.get(store.resolve(task)).spec
        rehearsal = rehearse(spec, tree, folders=folders, fetch=store.get_blob, note=say)
        if as_json:
            print_json(rehearsal_json(rehearsal, spec))
        else:
            tell(rehearsal, spec, kept=bool(target))
    raise typer.Exit(rehearsal.exit_code)


@contextmanager
def _place(target: str) -> Iterator[Path]:
    """Where the tree goes: ``target``, or a place that is gone afterwards.

    Raises:
        UsageError: something is there: it would be removed.
    """
    from agent.cli._rehearsal import temporary_place
    from elsewhere.contract.errors import UsageError

    if not target:
        with temporary_place() as tree:
            yield tree
        return
    tree = Path(target).absolute()
    if tree.is_symlink() or (tree.exists() and (not tree.is_dir() or any(tree.iterdir()))):
        raise UsageError(f"--target: {tree} is there, and not empty", "Name a folder that is not there yet.")
    yield tree
