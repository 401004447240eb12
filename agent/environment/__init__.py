"""The interpreter with the packages that a task needs, built once and shared."""

from agent.environment.environments import (
    Environment,
    EnvironmentRemoved,
    Environments,
    last_used,
    lock_of,
    warm,
)

__all__ = ["Environment", "EnvironmentRemoved", "Environments", "last_used", "lock_of", "warm"]
