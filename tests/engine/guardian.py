"""Runs a dockerd for the tests as long as somebody uses it, and ends it when nobody does.

usage: guardian.py FOLDER USERS

Everybody who uses the engine holds a shared lock on the file USERS, which the kernel lets go of
however they end. Whoever gets the lock for itself alone knows that nobody is left: that is this
program's whole job. So no killed test run leaves an engine behind.
"""

from __future__ import annotations

import fcntl
import shutil
import signal
import subprocess
import sys
from pathlib import Path

ENDING_SECONDS = 30


def main(folder: Path, users: Path) -> None:
    with (folder / "log").open("wb") as log:
        engine = subprocess.Popen(
            [
                "dockerd", "--host", f"unix://{folder}/s", "--data-root", f"{folder}/data",
                "--exec-root", f"{folder}/exec", "--pidfile", f"{folder}/pid",
                # Nothing of this machine's network is touched: containers have none, or the host's.
                "--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false",
            ],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        with users.open() as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            end(engine)
    finally:
        end(engine)
        # A container in the host's network leaves this mounted, and the folder could not go.
        left = folder / "exec" / "netns" / "default"
        if left.exists():
            subprocess.run(["umount", "-q", str(left)], check=False, stderr=subprocess.DEVNULL)
        shutil.rmtree(folder, ignore_errors=True)


def end(engine: subprocess.Popen[bytes]) -> None:
    engine.terminate()
    try:
        engine.wait(ENDING_SECONDS)
    except subprocess.TimeoutExpired:
        engine.kill()
        engine.wait()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    main(Path(sys.argv[1]), Path(sys.argv[2]))
