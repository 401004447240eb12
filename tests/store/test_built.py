"""What an attempt's environment really held, beside what was asked for."""

from __future__ import annotations

import pytest

from elsewhere.contract.built import Built
from elsewhere.contract.errors import LateWrite, TaskNotFound
from elsewhere.contract.status import Status
from elsewhere.contract.task import TaskRecord
from elsewhere.store.protocol import Store

BUILT = Built("abc123", "3.11.7", ("numpy==2.0", "torch==2.4.0+cu121"), "sha256:" + "0" * 64)
NOBODY = "0" * 32


def test_what_was_built_comes_back_as_it_was_told(store: Store, running: TaskRecord) -> None:
    assert store.built(running.id) is None
    store.set_built(running.id, BUILT, attempt=1, sequence=1)
    assert store.built(running.id) == BUILT


def test_it_shares_the_attempts_line_of_numbers(store: Store, running: TaskRecord) -> None:
    store.append_log(running.id, 1, 1, b"one")
    store.set_built(running.id, BUILT, attempt=1, sequence=2)
    store.set_built(running.id, Built("again", "3.12"), attempt=1, sequence=2)
    assert store.built(running.id) == BUILT
    with pytest.raises(ValueError, match="number 3 comes next, not 4"):
        store.set_built(running.id, Built("gap", "3.12"), attempt=1, sequence=4)
    store.append_log(running.id, 1, 3, b"three")
    with pytest.raises(ValueError):
        store.set_built(running.id, BUILT, sequence=4)


def test_an_attempt_that_is_over_cannot_say_what_it_built(store: Store, running: TaskRecord) -> None:
    store.set_built(running.id, BUILT, attempt=1)
    with pytest.raises(LateWrite):
        store.set_built(running.id, Built("other", "3.12"), attempt=2)
    store.move(running.id, Status.COMPLETED, expected=Status.IN_PROGRESS)
    with pytest.raises(LateWrite):
        store.set_built(running.id, Built("late", "3.12"), attempt=1, sequence=1)
    assert store.built(running.id) == BUILT


def test_a_reset_forgets_it_and_an_unknown_task_is_told(store: Store, running: TaskRecord) -> None:
    store.set_built(running.id, BUILT)
    store.move(running.id, Status.STOPPED, expected=Status.IN_PROGRESS)
    store.move(running.id, Status.CREATED, expected=Status.STOPPED)
    assert store.built(running.id) is None
    with pytest.raises(TaskNotFound, match=NOBODY):
        store.set_built(NOBODY, BUILT)
