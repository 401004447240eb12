"""A rehearsal as people and programs read it."""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from elsewhere.escapes import printable

if TYPE_CHECKING:
    from agent.rehearsal import Rehearsal
    from elsewhere.contract.spec import TaskSpec


def tell(rehearsal: Rehearsal, spec: TaskSpec, *, kept: bool) -> None:
    """Print what an attempt would be; with ``kept`` also how to try it by hand."""
    built = rehearsal.built
    if built is not None:
        asked = spec.packages.python or "any"
        typer.echo(f"python       {built.python} (asked for: {asked})")
        typer.echo(f"packages     {len(built.packages)}")
    if kept:
        typer.echo(f"tree         {rehearsal.tree}")
        if rehearsal.environment is not None:
            typer.echo(f"interpreter  {rehearsal.environment.python}")
    differing = [finding for finding in rehearsal.findings if not finding.exit_code]
    if differing:
        typer.echo("\nwhat differs")
        for finding in differing:
            typer.echo(f"  {_indented(finding.what)}")
    preventing = [finding for finding in rehearsal.findings if finding.exit_code]
    if not preventing:
        typer.echo("\nit would run")
        if kept and rehearsal.command:
            typer.echo(f"  cd {shlex.quote(str(rehearsal.working_directory))}")
            settings = [f"{name}={value}" for name, value in rehearsal.variables.items()]
            words = [*(["env", *settings] if settings else []), *rehearsal.command]
            typer.echo(f"  {printable(shlex.join(words))}")
        return
    typer.echo("\nit would not run")
    for finding in preventing:
        typer.echo(f"  {_indented(finding.what)}")
        if finding.next_step:
            typer.echo(f"  {_indented(finding.next_step)}")


def rehearsal_json(rehearsal: Rehearsal, spec: TaskSpec) -> dict[str, Any]:
    """The rehearsal as JSON data; what it did not come to is null."""
    built, environment, folder = rehearsal.built, rehearsal.environment, rehearsal.working_directory
    return {
        "would_run": rehearsal.exit_code == 0,
        "exit_code": rehearsal.exit_code,
        "tree": str(rehearsal.tree),
        "interpreter": None if environment is None else str(environment.python),
        "command": [*rehearsal.command],
        "variables": dict(rehearsal.variables),
        "working_directory": None if folder is None else str(folder),
        "python": {"asked": spec.packages.python or None, "found": None if built is None else built.python},
        "environment": None if built is None else built.environment or None,
        "packages": None if built is None else [*built.packages],
        "findings": [
            {
                "kind": finding.kind,
                "prevents": bool(finding.exit_code),
                "what": finding.what,
                "next_step": finding.next_step or None,
            }
            for finding in rehearsal.findings
        ],
    }


@contextmanager
def temporary_place() -> Iterator[Path]:
    """A folder that is not there yet, and that is removed afterwards, read-only files in it included."""
    from agent.removal import remove_tree

    folder = Path(tempfile.mkdtemp(prefix="elsewhere-rehearsal-"))
    try:
        yield folder / "tree"
    finally:
        remove_tree(folder)


def say(line: str) -> None:
    """Tell people what goes on meanwhile."""
    typer.echo(printable(line), err=True)


def _indented(text: str) -> str:
    return printable(text).replace("\n", "\n  ")
