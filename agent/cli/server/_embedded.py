"""Where the embedded server of this desk is, and what to say where it is not the one in use."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer

from elsewhere.settings import load
from elsewhere.store.embedded import ServerStatus, server_status


def embedded_place() -> tuple[Path, Path]:
    """Folder and socket of the embedded server. Warns where the settings name another server."""
    settings = load()
    if settings.redis_url is not None:
        typer.echo("note: ELSEWHERE_REDIS_URL names another server, which is the one in use", err=True)
    return settings.folders.server, settings.folders.server_socket


def status_json(folder: Path, socket: Path) -> dict[str, Any]:
    """The server's status as JSON data."""
    status: ServerStatus = server_status(folder, socket)
    return {**asdict(status), "log": str(status.log)}
