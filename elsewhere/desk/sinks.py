"""Which sink a run goes to."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from elsewhere.bound import in_attempt

if TYPE_CHECKING:
    from elsewhere.desk.sink import Sink


def make_sink() -> Sink:
    """A sink for a run that begins now: the store, or a folder while offline.

    In an attempt, where a run at a desk is a second task beside the attempt's own, the store is
    reached only if the attempt was given a server of its own.
    """
    from elsewhere.offline.mode import is_offline

    if in_attempt():
        if os.environ.get("ELSEWHERE_REDIS_URL"):
            return _store_sink()
        from elsewhere.notice import say

        say(
            "a second task of an attempt reaches no store without ELSEWHERE_REDIS_URL: it is kept in a folder"
        )
        return _folder_sink()
    return _folder_sink() if is_offline() else _store_sink()


def _store_sink() -> Sink:
    from elsewhere.desk.store_sink import StoreSink

    return StoreSink()


def _folder_sink() -> Sink:
    from pathlib import Path

    from elsewhere.offline.mode import sessions_folder
    from elsewhere.offline.sink import FolderSink

    try:
        return FolderSink(sessions_folder())
    except ModuleNotFoundError:  # an attempt knows no folders but its own
        return FolderSink(Path.cwd() / "elsewhere-offline")
