"""`agent drain`: let an agent finish, wherever it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from agent.cli._options import AsJson

if TYPE_CHECKING:
    import redis


def command(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="The agent's name; may be left out while there is only one.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Drain an agent: it takes no more tasks, and exits when those that it runs have ended.

    It may run on any machine.
    """
    import queueing
    from agent.cli._desk import open_server
    from agent.cli._task_json import print_json

    with open_server() as connection:
        name = name or _the_only_one(connection)
        queueing.drain(connection, name)
    if as_json:
        print_json({"name": name, "state": "draining"})
    else:
        typer.echo(f"agent {name} drains: it takes no more tasks, and exits when those it runs have ended")


def _the_only_one(connection: redis.Redis) -> str:
    import queueing
    from elsewhere.contract.errors import AgentNotFound, UsageError

    names = [agent.name for agent in queueing.list_agents(connection)]
    if not names:
        raise AgentNotFound("no agent is alive")
    if len(names) > 1:
        raise UsageError(
            f"{len(names)} agents are alive: {', '.join(names)}", "`agent drain NAME` drains one."
        )
    return names[0]
