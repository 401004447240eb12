"""Ways to launch a command: each module of this folder is one, found by its file name.

``executors.contract`` says what an executor promises. To add one, add a file: it
defines one class whose ``name`` is the name of the file. Nothing else is edited.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import cast

from elsewhere.contract.errors import ConfigurationError
from executors.contract import Executor

_NO_EXECUTOR = frozenset({"contract"})


def names() -> list[str]:
    """Names of the executors that are here, sorted; none of them is imported."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name not in _NO_EXECUTOR)


def named(name: str) -> Executor:
    """The executor of that name, new; only its own module is imported.

    Raises:
        ConfigurationError: there is no such executor; the message lists those that are there.
    """
    if name in names():
        module = importlib.import_module(f"{__name__}.{name}")
        for found in vars(module).values():
            if isinstance(found, type) and getattr(found, "name", None) == name:
                return cast("Executor", found())
    raise ConfigurationError(f"there is no executor {name!r}", f"Use one of: {', '.join(names())}.")
