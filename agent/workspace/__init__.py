"""Rebuild the tree of files that a task was captured from."""

from agent.workspace.config import GitConfig, configured
from agent.workspace.tree import rebuild, remove

__all__ = ["GitConfig", "configured", "rebuild", "remove"]
