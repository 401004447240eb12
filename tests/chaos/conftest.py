"""The seed of a chaos run: chosen once, told before and after it."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

PROPERTY = "chaos"
"""Under this name, a test's report has a line for the end of the session, and a test process its seed."""


def pytest_configure(config: pytest.Config) -> None:
    # Chosen where all test processes are started from, so that it can be told there.
    if config.option.chaos_seed is None:
        given: dict[str, Any] = getattr(config, "workerinput", {})
        config.option.chaos_seed = given.get(PROPERTY, random.SystemRandom().randrange(10**6))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a test process of pytest-xdist which seed was chosen."""
    node.workerinput[PROPERTY] = node.config.option.chaos_seed


def pytest_report_header(config: pytest.Config) -> str:
    return f"chaos: --chaos-seconds {config.option.chaos_seconds:g} --chaos-seed {config.option.chaos_seed}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.getreports(kind)]
    for report in reports:
        for name, line in report.user_properties:
            if name == PROPERTY:
                terminalreporter.write_line(str(line))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here) and item.get_closest_marker("slow_fault"):
            # As long as is asked for, and then as long as a slow machine needs to come to an end.
            item.add_marker(pytest.mark.timeout(config.option.chaos_seconds * 3 + 1500))
