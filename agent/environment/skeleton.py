"""The empty virtualenv that is filled, made in the agent's own process."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from agent.environment import uv
from agent.environment.installer import InstallerMissing
from agent.environment.interpreter import Interpreter, own
from elsewhere.contract.errors import BuildError

_OPTIONS: Final = ("--no-periodic-update", "--activators", "")


def make_skeleton(folder: Path, interpreter: Interpreter, cache: Path, *, seeded: bool) -> None:
    """Create the environment without packages, or with pip alone where it must be ``seeded``.

    Raises:
        BuildError: virtualenv cannot make one of that interpreter.
    """
    from virtualenv.run import cli_run

    seed = () if seeded else ("--no-seed",)
    options = [*seed, *_OPTIONS, "--app-data", str(cache), "--python", str(interpreter.executable)]
    try:
        cli_run([*options, str(folder)], setup_logging=False, env=_settings())
    except (RuntimeError, SystemExit) as error:
        raise BuildError(
            f"virtualenv cannot make an environment of {interpreter.executable}: {error}",
            "Check that interpreter on the agent's machine.",
        ) from error


def warm() -> None:
    """Do once, before forking, what every build would otherwise do first.

    Imports virtualenv and lets it look at the agent's own interpreter: 0.5 s that each forked
    process then has already behind it.
    """
    from virtualenv.run import session_via_cli

    own()
    with suppress(InstallerMissing):
        uv.find()
    with tempfile.TemporaryDirectory(prefix="elsewhere-") as folder:
        cache = str(Path(folder) / "interpreters")
        target = str(Path(folder) / "environment")
        python = str(own().executable)
        session_via_cli(
            ["--no-seed", *_OPTIONS, "--app-data", cache, "--python", python, target],
            setup_logging=False,
            env=_settings(),
        )


def _settings() -> dict[str, str]:
    # No option may come from the agent user's own variables or settings file: they are not in the key.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("VIRTUALENV_")}
    return {**kept, "VIRTUALENV_CONFIG_FILE": os.devnull}
