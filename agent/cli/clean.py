"""`agent clean`: make room on this machine."""

from __future__ import annotations

import typer

from agent.cli._options import AsJson


def command(as_json: AsJson = False) -> None:
    """Remove leftovers and what is cached over the limits, as daemons do from time to time.

    Nothing in use is removed. The limits are ELSEWHERE_MAX_ENVIRONMENTS, ELSEWHERE_MAX_REPOSITORIES
    and ELSEWHERE_MIN_FREE_BYTES, or the same in small letters in elsewhere.toml.
    """
    import dataclasses

    from agent.cli._task_json import print_json
    from agent.janitor import configured, sweep
    from elsewhere.capture.size import in_words as size
    from elsewhere.escapes import printable
    from elsewhere.settings import find_folders

    folders = find_folders()
    swept = sweep(folders, configured(folders), wait=True)
    if as_json:
        print_json({**dataclasses.asdict(swept), "failed": list(swept.failed)})
        return
    for failure in swept.failed:
        typer.echo(f"cannot be removed: {printable(failure)}", err=True)
    if swept.missing_bytes:
        typer.echo(f"{size(swept.missing_bytes)} are missing to the free space asked for", err=True)
    counted = [
        f"{count} {name if count == 1 else names}"
        for count, name, names in (
            (swept.environments, "environment", "environments"),
            (swept.repositories, "repository", "repositories"),
            (swept.workspaces, "workspace", "workspaces"),
            (swept.attempts, "dead attempt's state", "dead attempts' states"),
        )
        if count
    ]
    typer.echo(f"removed {', '.join(counted) or 'nothing'}; {size(swept.freed_bytes)} freed")
