"""Containers that somebody else has started, found by their labels."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from executors.contract import Exit
from executors.docker.ending import exit_in, removed
from executors.docker.failure import told_as

if TYPE_CHECKING:
    from docker import APIClient


def exit_of(client: APIClient, labels: Mapping[str, str], within: float) -> Exit | None:
    """How the command of the newest of them ended, or ends within so many seconds; None otherwise."""
    import docker.errors
    import requests

    with told_as("containers cannot be looked up"):
        for identity in _found(client, labels):
            try:
                if within > 0:
                    with suppress(
                        requests.Timeout, requests.ConnectionError
                    ):  # the library knows both for late
                        client.wait(identity, timeout=math.ceil(within))
                state = client.inspect_container(identity)["State"]
            except docker.errors.NotFound:
                continue
            # "created" has an exit code of 0, too, and has never run.
            return exit_in(state) if state.get("Status") in {"exited", "dead", "stopped"} else None
    return None


def remove(client: APIClient, labels: Mapping[str, str]) -> int:
    """End and remove all of them; how many there were."""
    with told_as("containers cannot be removed"):
        found = _found(client, labels)
        for identity in found:
            removed(client, identity)
    return len(found)


def _found(client: APIClient, labels: Mapping[str, str]) -> list[str]:
    if not labels:
        raise ValueError("without labels these would be all containers of this machine")
    filters = {"label": [f"{name}={value}" for name, value in labels.items()]}
    return [str(found["Id"]) for found in client.containers(all=True, filters=filters)]
