"""A test's body in a process of its own, whose children and descriptors nobody else adds to."""

from __future__ import annotations

import os
import traceback
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def alone(body: Callable[[], object]) -> None:
    """Run ``body`` in a fork of this process; what it raises is raised here, as text.

    A test process that has once been made a subreaper is given the orphans of all earlier tests,
    at any moment: what it counts of its own children says nothing.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.close(reading)
            body()
        except BaseException:
            os.write(writing, traceback.format_exc().encode()[-60_000:])
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as told:
        failure = told.read().decode()
    os.waitpid(child, 0)
    assert not failure, failure
