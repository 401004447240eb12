"""`enqueue`: a draft comes to a queue, with what was overridden for it."""

from __future__ import annotations

from typing import Any

from elsewhere.contract.task import NewTask


def test_a_draft_is_queued_with_its_overrides(agent: Any, store: Any, new_task: NewTask) -> None:
    first, second = store.create(new_task), store.create(new_task)
    assert agent("enqueue", first.id, "--queue", "night").returncode == 0
    told = agent("enqueue", second.id[:12], "--queue", "night", "--param", "Args/kernel=linear")
    assert told.stdout == f"task {second.id} is queued on 'night': 1 before it\n"
    record = store.get(second.id)
    assert (record.status, record.queue, store.position(second.id)) == ("queued", "night", 1)
    assert record.parameters["Args/kernel"] == "linear"
    assert set(record.overrides) == {"Args/C", "Args/kernel"}
    assert agent.json("enqueue", second.id, "--queue", "night")["status"] == "queued"


def test_what_is_queued_gets_no_other_parameters_and_another_queue_is_refused(
    agent: Any, store: Any, new_task: NewTask
) -> None:
    task = store.create(new_task)
    store.enqueue(task.id, "night")
    for words in (("--queue", "night", "--param", "Args/C=9"), ("--queue", "day")):
        refused = agent("enqueue", task.id, *words)
        assert refused.returncode != 0
        assert "queued" in refused.stderr
    assert store.get(task.id).parameters["Args/C"] == 0.5
    assert agent("enqueue", task.id, "--param", "C=9").returncode == 2
