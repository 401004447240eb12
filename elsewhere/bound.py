"""A task in its attempt: the process was started by a supervisor, and reaches it by the Relay."""

from __future__ import annotations

import os

TYPE_CHECKING = False  # `typing` costs more to import than all of this
if TYPE_CHECKING:
    from collections.abc import Sequence

    from elsewhere.contract.status import Status
    from elsewhere.contract.task import JSONValue, TaskRecord
    from elsewhere.store.relay import RelayStore

_relay: RelayStore | None = None


def in_attempt() -> bool:
    """Whether this process, or one that started it, was started by a supervisor."""
    return "ELSEWHERE_RELAY" in os.environ


def relay() -> RelayStore:
    """The one connection of this process to its supervisor; opened at the first call."""
    global _relay
    if _relay is None:
        from elsewhere.store.relay import RelayStore

        _relay = RelayStore(os.environ["ELSEWHERE_RELAY"])
    return _relay


class Bound:
    """The task that this attempt runs. Every read asks the supervisor, and sees it as it is now."""

    @property
    def id(self) -> str:
        """The task's id."""
        return os.environ["ELSEWHERE_TASK_ID"]

    @property
    def name(self) -> str:
        """The task's name."""
        return self._record().name

    @property
    def project(self) -> str:
        """The task's project."""
        return self._record().project

    @property
    def status(self) -> Status:
        """The task's status."""
        return self._record().status

    def parameters(self) -> dict[str, JSONValue]:
        """The task's parameters."""
        return dict(relay().given().parameters)

    def set_base_docker(
        self, image: str, arguments: str | Sequence[str] | None, setup_script: str | None
    ) -> None:
        """Do nothing: what this runs in is decided."""

    def set_packages(
        self, origin: str, requirements_files: Sequence[str], no_build_isolation: Sequence[str]
    ) -> None:
        """Do nothing: what this runs with is there."""

    def execute_remotely(self, queue_name: str, *, clone: bool, exit_process: bool) -> None:
        """Do nothing: this is elsewhere."""

    def close(self) -> None:
        """Give the connection back. The supervisor says how the attempt ended."""
        relay().close()

    def _record(self) -> TaskRecord:
        return relay().task()
