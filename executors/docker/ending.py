"""How a container ends: heard from the engine, told as an ``Exit``, and cleared away."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from executors.contract import Exit
from executors.docker.failure import told_as

if TYPE_CHECKING:
    import requests
    from docker import APIClient

_BY_SIGNAL: Final = 128
_PLAIN_SIGNALS: Final = range(1, 32)


class Ending:
    """An ear for the end of a container, opened before it is started, so that nothing is missed.

    Raises:
        LaunchError: the engine refuses.
    """

    def __init__(self, client: APIClient, identity: str) -> None:
        self._client = client
        self._identity = identity
        url = f"{client.base_url}/v{client.api_version}/containers/{identity}/wait"
        # The answer's head comes at once, and says that the engine listens; its body at the end.
        with told_as("the container's end cannot be waited for"):
            self._answer: requests.Response = client.post(
                url, params={"condition": "next-exit"}, stream=True, timeout=None
            )
            self._answer.raise_for_status()

    def wait(self) -> Exit | None:
        """Wait for the end; None where the engine went away and nobody can tell."""
        import docker.errors
        import requests

        try:
            with self._answer as answer:
                told: Mapping[str, Any] = json.loads(answer.content)
        except (requests.RequestException, OSError, ValueError):
            return None
        state: Mapping[str, Any] = {}
        with suppress(docker.errors.DockerException, requests.RequestException, OSError):
            state = self._client.inspect_container(self._identity)["State"]
        return exit_in({**state, "ExitCode": told.get("StatusCode", -1)})

    def close(self) -> None:
        """Nobody will wait."""
        self._answer.close()


class End:
    """When and how a container ended, for several threads; and when it shall, if somebody wants its end."""

    def __init__(self) -> None:
        self.exit: Exit | None = None
        """Set once it is told; None stays where nobody can tell."""
        self._told = False
        self._deadline: float | None = None
        self._changed = threading.Condition()

    @property
    def is_told(self) -> bool:
        """Whether it is over."""
        return self._told

    def follow(self, ending: Ending) -> None:
        """Wait for it, and tell. For a thread of its own."""
        found = ending.wait()
        with self._changed:
            # An end that somebody has made is no want of memory.
            self.exit = found if found is None or self._deadline is None else Exit(found.code)
            self._told = True
            self._changed.notify_all()

    def wait(self, timeout: float | None = None) -> None:
        """Wait until it is told, at most ``timeout`` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._told, _waitable(timeout))

    def expect_within(self, grace: float) -> None:
        """Somebody makes it end within so many seconds, or fewer if it was expected earlier."""
        at = time.monotonic() + grace
        with self._changed:
            if not self._told and (self._deadline is None or at < self._deadline):
                self._deadline = at
                self._changed.notify_all()

    def wait_until_expected(self) -> None:
        """Wait until it is told, or the moment is over within which it was expected."""
        with self._changed:
            while not self._told and self._deadline is not None:
                left = self._deadline - time.monotonic()
                if left <= 0:
                    return
                self._changed.wait(_waitable(left))


def _waitable(seconds: float | None) -> float | None:
    return None if seconds is None else min(max(seconds, 0.0), threading.TIMEOUT_MAX)


def exit_in(state: Mapping[str, Any]) -> Exit:
    """The exit of a state as the engine tells it.

    Engines and shells tell a command that signal N killed by the code 128 + N, as if it had exited with
    that: the signal is what nearly always happened.
    """
    code = int(state.get("ExitCode", 0))
    if code - _BY_SIGNAL in _PLAIN_SIGNALS:
        code = -signal.Signals(code - _BY_SIGNAL)
    return Exit(int(code), oom_killed=bool(state.get("OOMKilled")))


def removed(client: APIClient, identity: str) -> None:
    """Kill the container if it runs, and remove it with its own volumes; it is gone then. Safe to repeat.

    Raises:
        docker.errors.APIError: the engine cannot.
    """
    import docker.errors

    with suppress(docker.errors.NotFound):
        try:
            client.remove_container(identity, v=True, force=True)
        except docker.errors.APIError as error:
            if "already in progress" not in str(error):
                raise
            client.wait(identity, condition="removed")  # the engine does so itself, or somebody else asked
