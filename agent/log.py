"""What the daemon itself says: one line an event, in colours on a terminal, JSON for a journal."""

from __future__ import annotations

import sys
from typing import Any

import structlog


def daemon_log(name: str, *, as_json: bool) -> Any:
    """A structlog logger on stderr that names the agent in every line.

    Returns:
        A bound logger with ``info(event, **fields)`` and ``warning(event, **fields)``.
    """
    render: Any
    if as_json:
        render = structlog.processors.JSONRenderer()
    else:
        render = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            render,
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    return structlog.get_logger().bind(agent=name)
