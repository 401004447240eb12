"""Asks an interpreter what it is and what it has; run by an image's own one, whatever version that is.

usage: python -c TEXT ANSWER, with this file's text: it need not be in the image. ANSWER is the file
that is written. Python 2 must be able to read this much, so that it can say that it is one.
"""

import json
import os
import sys

LEVELS = {"alpha": "a", "beta": "b", "candidate": "rc", "final": ""}


def version():
    # type: () -> str
    """In full, such as 3.11.7 or 3.14.0rc1."""
    text = ".".join(str(part) for part in sys.version_info[:3])
    level = LEVELS[sys.version_info[3]]
    return text + level + str(sys.version_info[4]) if level else text


def details():
    # type: () -> dict[str, object]
    """What only those can tell, and need to tell, that a task can run on."""
    import importlib.metadata
    import platform
    import sysconfig

    scheme = "venv" if "venv" in sysconfig.get_scheme_names() else "posix_prefix"
    distributions = {}  # type: dict[str, str]
    for distribution in importlib.metadata.distributions():
        name = distribution.metadata["Name"]
        if name and distribution.version:
            # As in an import, what is found first counts.
            distributions.setdefault(name, distribution.version)
    return {
        "base": os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable),
        "implementation": platform.python_implementation(),
        "platform": sysconfig.get_platform(),
        "libc": "".join(platform.libc_ver()),
        "purelib": sysconfig.get_path("purelib", scheme, {"base": "", "platbase": ""}).lstrip("/"),
        "folders": [path for path in sys.path if path.endswith(("/site-packages", "/dist-packages"))],
        "distributions": distributions,
        "markers": {
            "implementation_name": sys.implementation.name,
            "implementation_version": platform.python_version(),
            "os_name": os.name,
            "platform_machine": platform.machine(),
            "platform_python_implementation": platform.python_implementation(),
            "platform_release": platform.release(),
            "platform_system": platform.system(),
            "platform_version": platform.version(),
            "python_full_version": platform.python_version(),
            "python_version": ".".join(str(part) for part in sys.version_info[:2]),
            "sys_platform": sys.platform,
        },
    }


if __name__ == "__main__":
    facts = {"executable": sys.executable, "version": version()}  # type: dict[str, object]
    if sys.version_info >= (3, 10):  # noqa: UP036 - an image may have any
        facts.update(details())
    with open(sys.argv[1], "w") as answer:  # noqa: PTH123 - as above
        json.dump(facts, answer)
