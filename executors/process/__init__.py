"""Launches a command as a child process of the caller, and ends its whole tree of processes."""

from executors.process.executor import ProcessExecutor
from executors.process.mark import mark_of
from executors.process.running import ProcessRunning
from executors.process.tree import end_tree

__all__ = ["ProcessExecutor", "ProcessRunning", "end_tree", "mark_of"]
