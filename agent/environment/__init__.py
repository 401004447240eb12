"""The interpreter with the packages that a task needs, built once and shared."""

from agent.environment.environment import Environment, EnvironmentRemoved, last_used, lock_of
from agent.environment.environments import Environments
from agent.environment.skeleton import warm

__all__ = ["Environment", "EnvironmentRemoved", "Environments", "last_used", "lock_of", "warm"]
