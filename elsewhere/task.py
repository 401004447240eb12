"""``Task``: all that a script, or a person at a prompt, can do with one experiment."""

from __future__ import annotations

from elsewhere.face.archiving import Archiving
from elsewhere.face.configuring import Configuring
from elsewhere.face.connecting import Connecting
from elsewhere.face.copying import Copying
from elsewhere.face.ending import Ending
from elsewhere.face.finding import Finding
from elsewhere.face.functions import Functions
from elsewhere.face.identity import Identity
from elsewhere.face.making import Making
from elsewhere.face.noting import Noting
from elsewhere.face.offline import Offline
from elsewhere.face.opening import Opening
from elsewhere.face.parameters import Parameters
from elsewhere.face.progressing import Progressing
from elsewhere.face.queueing import Queueing
from elsewhere.face.rebuilding import Rebuilding
from elsewhere.face.saying import Saying
from elsewhere.face.sending import Sending
from elsewhere.face.standing import Standing


class Task(
    Opening,
    Archiving,
    Configuring,
    Connecting,
    Copying,
    Ending,
    Finding,
    Functions,
    Identity,
    Making,
    Noting,
    Offline,
    Parameters,
    Progressing,
    Queueing,
    Rebuilding,
    Saying,
    Sending,
    Standing,
):
    """One experiment.

    ``Task.init`` makes the task of this run, or finds it again; ``Task.get_task`` finds others,
    ``Task.create`` makes one without running anything. All of them can do the same.
    """
