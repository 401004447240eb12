"""Run it elsewhere: a script that works on your desk runs, unchanged, on a bigger machine.

::

    from elsewhere import Task

    task = Task.init(project_name="digits", task_name="svm")
    task.execute_remotely(queue_name="default")

Importing this costs next to nothing: what is heavy is imported when it is used.
"""

import os

from elsewhere._version import __version__

TYPE_CHECKING = False  # type checkers take it for `typing`'s own, which costs 5 ms to import
if TYPE_CHECKING:
    from elsewhere.task import Task

__all__ = ["Task", "__version__"]


def __getattr__(name: str) -> object:
    if name == "Task":
        from elsewhere.task import Task

        return Task
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


# In an attempt not every interpreter's command line is the task's: there the hook is installed
# by `startup/sitecustomize.py`, where it belongs.
if "ELSEWHERE_RELAY" not in os.environ:
    from elsewhere.parameters import hook

    hook.install()
