"""The interpreter with the packages that a task needs, built once and shared."""

from agent.environment.environments import Environment, Environments, warm

__all__ = ["Environment", "Environments", "warm"]
