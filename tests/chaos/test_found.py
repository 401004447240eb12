"""What chaos has found, each on its smallest case."""

from __future__ import annotations

import os
from pathlib import Path
from textwrap import dedent

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


def test_a_server_that_is_away_while_a_workspace_is_rebuilt_is_waited_for(
    valkey_url: str, tmp_path: Path
) -> None:
    """Seen failing with `get_blob` called once: the task failed, its script having never run (workspace)."""
    world = World(valkey_url, tmp_path / "home", tmp_path)
    root = world.repository(main__py="raise SystemExit(1)\n")
    (root / "main.py").write_text("print('with its diff')\n")
    task = world.submit(root, "main.py")
    try:
        InjectedBox(world, f"away-{os.getpid()}", AWAY)
        assert world.wait_for(task, "completed")["attempt"] == 1
    finally:
        world.close()
