"""What chaos has found, each on its smallest case."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest
from faults.injected import InjectedBox
from flow.world import World

AWAY = dedent(
    """
    from elsewhere.contract.errors import ServerUnreachable
    from elsewhere.store.redis import RedisStore

    real, tries = RedisStore.get_blob, []

    def get_blob(store, blob):
        tries.append(blob)
        if len(tries) < 3:
            raise ServerUnreachable("it is away")
        return real(store, blob)

    RedisStore.get_blob = get_blob
    """
)

# The supervisor reads late what its script prints, and dies as soon as it has kept the outcome.
HASTY = dedent(
    """
    import os, signal, time
    from agent.attempt import Attempt
    from agent.stream import Pump

    read, keep = Pump._read, Attempt._state_outcome

    def read_late(pump):
        time.sleep(0.2)
        return read(pump)

    def keep_and_die(attempt, outcome):
        keep(attempt, outcome)
        os.kill(os.getpid(), signal.SIGKILL)

    Pump._read, Attempt._state_outcome = read_late, keep_and_die
    """
)


@pytest.fixture
def world(valkey_url: str, tmp_path: Path) -> Iterator[World]:
    world = World(valkey_url, tmp_path / "home", tmp_path)
    yield world
    world.close()


def test_a_server_that_is_away_while_a_workspace_is_rebuilt_is_waited_for(world: World) -> None:
    """Seen failing with `get_blob` called once: the task failed, its script having never run (workspace)."""
    root = world.repository(main__py="raise SystemExit(1)\n")
    (root / "main.py").write_text("print('with its diff')\n")
    task = world.submit(root, "main.py")
    InjectedBox(world, f"away-{os.getpid()}", AWAY)
    assert world.wait_for(task, "completed")["attempt"] == 1


def test_an_outcome_that_is_kept_has_all_that_the_script_printed_before_it(world: World) -> None:
    """Seen failing with the outcome kept before the pump was waited for: completed, with nothing in its log."""
    task = world.submit(world.repository(main__py="print('the last word')\n"), "main.py")
    InjectedBox(world, f"hasty-{os.getpid()}", HASTY, "--heartbeat", "0.5", "--lease", "3")
    assert world.wait_for(task, "completed")["attempt"] == 1
    assert "the last word" in world.log(task)
