"""What ``Task.init`` was asked for beside the task's names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Options(NamedTuple):
    """Kept with the run; the last four and ``output_uri`` take effect where artifacts, frameworks,
    resources and streams are captured.
    """

    output_uri: str | bool | None = None
    arg_parser: bool | Mapping[str, bool] = True
    frameworks: bool | Mapping[str, object] = True
    resource_monitoring: bool | Mapping[str, object] = True
    streams: bool | Mapping[str, bool] = True
