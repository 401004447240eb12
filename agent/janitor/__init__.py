"""Keeps the caches of a machine within bounds, and takes nothing away that is in use."""

from agent.janitor.config import JanitorConfig, configured
from agent.janitor.sweep import Swept, sweep

__all__ = ["JanitorConfig", "Swept", "configured", "sweep"]
