"""The taking side of the queues: put, take, wait, renew, commit, reap, on RQ's data model."""

from queueing.control import ControlBell
from queueing.lease import commit, give_back, renew
from queueing.pause import is_paused, pause, resume
from queueing.put import put
from queueing.queues import QueueInfo, list_queues
from queueing.reap import Reaped, reap
from queueing.registration import AgentInfo, Registration, list_agents
from queueing.take import take, take_task
from queueing.wait import Bell, ring

__all__ = [
    "AgentInfo",
    "Bell",
    "ControlBell",
    "QueueInfo",
    "Reaped",
    "Registration",
    "commit",
    "give_back",
    "is_paused",
    "list_agents",
    "list_queues",
    "pause",
    "put",
    "reap",
    "renew",
    "resume",
    "ring",
    "take",
    "take_task",
]
