"""`make demo`: one real task, from a desk through the queue to an agent and back, on this machine.

Makes a small git repository with a commit and an uncommitted edit, starts an agent (and with
it the embedded server), runs the script as its author would, follows the log, and ends all.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
STAGE = HERE.parent / ".demo"
AGENT = str(Path(sys.executable).with_name("agent"))


def main() -> int:
    """Run the demo; 0 when the task completed."""
    shutil.rmtree(STAGE, ignore_errors=True)
    STAGE.mkdir()
    desk = make_repository(STAGE / "digits")
    environment = surroundings()
    try:
        with agent(environment):
            say("at the desk: python train.py --C 0.5   (with an uncommitted edit)")
            run(sys.executable, "train.py", "--C", "0.5", cwd=desk, env=environment)
            task = str(newest(environment)["id"])
            say(f"following it: agent logs -f {task[:8]}")
            log = follow(task, environment)
            ended = newest(environment)
    finally:
        run(AGENT, "server", "stop", env=environment, quiet=True)
    accuracy = re.search(r"best accuracy (\S+)", log)
    say(f"status: {ended['status']}, parameters: {ended['parameters']}")
    say(f"accuracy: {accuracy.group(1) if accuracy else 'not found in the log'}")
    print(
        "\nWhere to look next:\n"
        "  README.md             two lines in your own script, one command on your GPU box\n"
        "  docs/architecture.md  how it works, in a page\n"
        "  agent --help          submit, list, show, logs, stop, execute, workers, queue\n"
        f"  {STAGE.name}/                what this demo left behind: files only, nothing runs any more"
    )
    return 0 if ended["status"] == "completed" and accuracy else 1


def make_repository(root: Path) -> Path:
    """A repository with a commit of the training script, and an edit that is not committed."""
    root.mkdir()
    script = root / "train.py"
    shutil.copy(HERE / "digits" / "train.py", script)
    git = ("git", "-c", "user.name=demo", "-c", "user.email=demo@localhost", "-C", str(root))
    run(*git, "init", "--quiet")
    run(*git, "add", "train.py")
    run(*git, "commit", "--quiet", "--message", "Train on digits")
    script.write_text(script.read_text().replace("range(-5, 0)", "range(-6, 0)"))
    return root


def surroundings() -> dict[str, str]:
    """The process environment of everything in the demo: a home folder of its own."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("ELSEWHERE_")}
    return own | {"ELSEWHERE_HOME": str(STAGE / "home")}


@contextlib.contextmanager
def agent(environment: dict[str, str]) -> Iterator[None]:
    """An agent that serves the queue as long as the block runs."""
    say("on the box: agent daemon --queue default")
    with (STAGE / "agent.log").open("wb") as log:
        daemon = subprocess.Popen([AGENT, "daemon", "--queue", "default"], env=environment, stderr=log)
    try:
        deadline = time.monotonic() + 60
        while b"serving" not in (STAGE / "agent.log").read_bytes():
            if daemon.poll() is not None or time.monotonic() > deadline:
                raise SystemExit((STAGE / "agent.log").read_text())
            time.sleep(0.1)
        yield
    finally:
        daemon.terminate()
        daemon.wait(60)


def follow(task: str, environment: dict[str, str]) -> str:
    """Show the task's log as it comes; the whole of it, once it has ended."""
    subprocess.run([AGENT, "logs", "-f", task], env=environment, check=True)
    done = subprocess.run([AGENT, "logs", task], env=environment, capture_output=True, check=True)
    return done.stdout.decode(errors="replace")


def newest(environment: dict[str, str]) -> dict[str, object]:
    """The newest task, as `agent list --json` tells it."""
    done = subprocess.run(
        [AGENT, "list", "--json", "--limit", "1"], env=environment, capture_output=True, text=True, check=True
    )
    return dict(json.loads(done.stdout)[0])


def run(
    *command: str, cwd: Path | None = None, env: dict[str, str] | None = None, quiet: bool = False
) -> None:
    """Run a command to its end, indented; any failure ends the demo."""
    done = subprocess.run(
        command, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if not quiet:
        for line in done.stdout.splitlines():
            print(f"   {line}", flush=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} exited {done.returncode}\n{done.stdout if quiet else ''}")


def say(text: str) -> None:
    """Print a headline."""
    print(f"\n── {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
