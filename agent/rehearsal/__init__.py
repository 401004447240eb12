"""An attempt up to its launch, here and now: what it would run, and what would differ from the desk."""

from agent.rehearsal.finding import Finding
from agent.rehearsal.omission import Desk
from agent.rehearsal.rehearse import Rehearsal, rehearse

__all__ = ["Desk", "Finding", "Rehearsal", "rehearse"]
