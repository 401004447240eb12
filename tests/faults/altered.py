"""Tasks that no desk would send as they are: a submitted one, changed."""

from __future__ import annotations

from dataclasses import replace

from flow.world import World

from elsewhere.contract.task import NewTask
from elsewhere.store.redis import RedisStore


def with_requirement(world: World, task: str, requirement: str, queue: str = "default") -> str:
    """A copy of ``task`` that needs exactly ``requirement``, put on ``queue``; its id."""
    store = RedisStore(world.url)
    record = store.get(task)
    packages = replace(record.spec.packages, requirements=(requirement,), freeze=())
    copy = store.create(NewTask(record.project, record.name, replace(record.spec, packages=packages)))
    store.enqueue(copy.id, queue)
    store.close()
    return copy.id
