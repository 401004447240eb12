"""What an attempt takes of its machine, as series of its task."""

from agent.monitor.config import MonitorConfig, configured
from agent.monitor.monitor import Monitor

__all__ = ["Monitor", "MonitorConfig", "configured"]
