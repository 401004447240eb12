"""The store in this process's memory: for tests, and for looking at what a run would send."""

from elsewhere.store.memory.store import MemoryStore

__all__ = ["MemoryStore"]
