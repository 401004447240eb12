"""A desk of its own for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.parameters.desk import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Runs scripts in a folder that is gone with the test."""
    return Desk(tmp_path)
