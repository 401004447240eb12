"""Makes .venv and installs Elsewhere into it, with what its tests need. `make` calls it.

Works with any Python 3.10 or newer, also where the system's one came without ``ensurepip``
(Debian keeps it in a package of its own), and needs no root. Standard library only; the
syntax stays readable for older versions of Python, so that they can say what is wrong.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
HOME = ROOT / ".venv"
INTERPRETER = HOME / "bin" / "python"
OLDEST = (3, 10)
NEWER_NAMES = ["python3.14", "python3.13", "python3.12", "python3.11", "python3.10"]
WANTED = ["--editable", ".[all]", "--group", "dev"]


def main():
    """Make the virtual environment, or say what is missing and how to get it."""
    require_python()
    if shutil.which("git") is None:
        sys.exit("git is missing: Elsewhere captures and rebuilds git repositories. Install it first.")
    if not has_pip():
        make_environment()
    install()


def require_python():
    """Go on with a newer Python where this one is too old."""
    if sys.version_info >= OLDEST:
        return
    for name in NEWER_NAMES:
        found = shutil.which(name)
        if found and succeeds([found, "-c", ""]):
            os.execv(found, [found, __file__])  # noqa: S606 - the same file, by another interpreter
    version = ".".join(map(str, sys.version_info[:2]))
    sys.exit(
        f"Python 3.10 or newer is needed, and {sys.executable} is {version}.\n"
        "Install one, or name one: make PYTHON=/path/to/python3"
    )


def has_pip():
    """Whether the environment is there already, and usable."""
    check = f"import sys, pip; sys.exit(sys.version_info < {OLDEST!r})"
    return INTERPRETER.exists() and succeeds([str(INTERPRETER), "-c", check])


def make_environment():
    """Make the environment in the first way that this machine has."""
    ways = [[sys.executable, "-m", "venv", "--clear", str(HOME)]]
    if shutil.which("uv"):
        ways.append(["uv", "venv", "--quiet", "--clear", "--seed", "--python", sys.executable, str(HOME)])
    ways.append([sys.executable, "-m", "virtualenv", "--quiet", "--clear", str(HOME)])
    for way in ways:
        if succeeds(way) and has_pip():
            return
    bare = [sys.executable, "-m", "venv", "--clear", "--without-pip", str(HOME)]
    lend = [sys.executable, "-m", "pip", "--quiet", "--python", str(INTERPRETER), "install", "pip"]
    if succeeds(bare) and succeeds(lend) and has_pip():
        return
    shutil.rmtree(str(HOME), ignore_errors=True)
    sys.exit(
        f"No virtual environment can be made: {sys.executable} came without ensurepip,\n"
        "and there is no uv, virtualenv or pip. One of these helps: `apt install python3-venv`\n"
        "(Debian, Ubuntu), an installed uv, or another Python: make PYTHON=/path/to/python3"
    )


def install():
    """Install with uv, or with pip where uv cannot reach or use the package index."""
    pip = [str(INTERPRETER), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run([*pip, "--upgrade", "pip", "uv"])
    uv = [str(HOME / "bin" / "uv"), "pip", "install", "--quiet", "--python", str(INTERPRETER)]
    if subprocess.run([*uv, *WANTED], cwd=str(ROOT)).returncode != 0:
        sys.stderr.write("uv could not install; trying pip\n")
        run([*pip, *WANTED])


def succeeds(command):
    """Whether the command runs and succeeds; what it prints is dropped."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    try:
        return subprocess.run(command, cwd=str(ROOT), **quiet).returncode == 0
    except OSError:
        return False


def run(command):
    """Run the command, and end with its exit code if it fails."""
    code = subprocess.run(command, cwd=str(ROOT)).returncode
    if code != 0:
        sys.exit(code)


if __name__ == "__main__":
    main()
