"""The store of all tasks, for the calls that belong to no single task or to another one."""

from __future__ import annotations

import os
import threading

from elsewhere.bound import in_attempt
from elsewhere.face.face import misuse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from elsewhere.store.protocol import Store

_lock = threading.Lock()
_stores: dict[str, Store] = {}


def the_store(*, even_offline: bool = False) -> Store:
    """The store that this process's settings name: one for each server, to be shared and never closed.

    May be called from any thread; a forked child goes on with connections of its own. The server is
    asked for a sign of life at the first call only. The embedded one is started where none is set and
    it does not run.

    Args:
        even_offline: For what brings an offline run to the server.

    Raises:
        ServerUnreachable: nothing answers.
        ServerUnfit: the server is too old, or refuses to work.
        MissingDependency: what is needed to reach a server is not installed.
        UsageError: offline, or in an attempt that was given no server.
    """
    if not even_offline:
        _require_online()
    url = _given() if in_attempt() else _set()
    with _lock:
        store = _stores.get(url)
        if store is None:
            store = _stores[url] = _open(url)
        return store


def _require_online() -> None:
    from elsewhere.offline.mode import is_offline

    if is_offline() and not in_attempt():
        raise misuse(
            "this call needs the store of all tasks, and runs are offline here",
            "Leave out Task.set_offline and unset ELSEWHERE_OFFLINE; `agent import` sends offline runs.",
        )


def _given() -> str:
    url = os.environ.get("ELSEWHERE_REDIS_URL")
    if not url:
        raise misuse(
            "an attempt reaches its own task only, and this call needs others",
            "Call it at a desk; or let the script set ELSEWHERE_REDIS_URL in os.environ to a server that it "
            "may use: the agent gives its own to no task.",
        )
    return url


def _set() -> str:
    from elsewhere.connect import server_url
    from elsewhere.settings import load

    return server_url(load())


def _open(url: str) -> Store:
    from elsewhere.connect import open_url
    from elsewhere.contract.errors import MissingDependency

    try:
        return open_url(url)
    except ModuleNotFoundError as error:
        raise MissingDependency(
            f"the store of all tasks cannot be reached from here: {error}",
            "Add `redis` to the packages of the task, or call this at a desk.",
        ) from error


def _start_anew() -> None:
    # The thread that held it was not forked.
    global _lock
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_start_anew)
