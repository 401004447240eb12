"""Memory and CPU limits for one launch, held by the kernel: cgroups of both versions.

Each launch with limits gets a cgroup of its own, in version 1 one for each controller.
A controller is used where this machine has it: a hybrid one may hold memory in version 1
and nothing in version 2. What cannot be held is said in a note, and the command runs without.
"""

from executors.process.cgroup.hold import Hold, sweep
from executors.process.cgroup.place import own_memory

__all__ = ["Hold", "own_memory", "sweep"]
