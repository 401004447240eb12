"""The taking side of the queues: put, take, wait, renew, commit, reap, mend, on RQ's data model."""

from queueing.contact import out_of_contact
from queueing.control import ControlBell
from queueing.drain import drain
from queueing.lease import commit, give_back, renew
from queueing.pause import is_paused, pause, resume
from queueing.promote import promote
from queueing.put import put
from queueing.queues import QueueInfo, list_queues
from queueing.reap import Reaped, reap
from queueing.reconcile import Repair, reconcile
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
    "Repair",
    "commit",
    "drain",
    "give_back",
    "is_paused",
    "list_agents",
    "list_queues",
    "out_of_contact",
    "pause",
    "promote",
    "put",
    "reap",
    "reconcile",
    "renew",
    "resume",
    "ring",
    "take",
    "take_task",
]
