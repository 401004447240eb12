"""What a script says of its own task, at a desk and in a real attempt, and what others say of it meanwhile."""

from __future__ import annotations

from textwrap import dedent

import pytest
from flow.world import World, eventually

from elsewhere.contract.edit import Edit, Property
from elsewhere.contract.write import ConfigurationSet
from elsewhere.store.redis import RedisStore
from elsewhere.stored import Stored
from elsewhere.task import Task

TRAIN = dedent(
    """
    import sys, time
    from pathlib import Path
    from elsewhere import Task
    task = Task.init(project_name="digits", task_name="svm")
    own = {"lr": 0.1, "betas": (0.9, 0.99), "names": {0: "cat"}}
    same = task.connect_configuration(own) is own
    path = task.connect_configuration(Path("model.yaml"), "model", "layers")
    steps = task.connect_configuration([1, 2], "steps")
    task.set_user_properties(where="desk", data={"value": 3, "description": "files"})
    task.set_progress(1)
    task.execute_remotely(queue_name="default")
    print("same", same, own, steps)
    print("path", path.name, path != Path("model.yaml"), path.read_bytes())
    task.set_user_properties(where="attempt", best=0.5)
    task.delete_user_properties("data")
    task.set_configuration_object("found", config_dict={"epochs": 3})
    task.delete_configuration("steps")
    task.set_comment("c")
    task.add_tags(["good"])
    print("reads back", task.get_user_properties(value_only=True), sorted(task.get_configuration_objects()))
    for step in range(1000):
        task.set_progress(step / 20)
    print("progress", task.get_progress(), "redis" in sys.modules)
    go = Path(OUTSIDE)
    go.with_suffix(".there").touch()
    while not go.exists():
        time.sleep(0.05)
    """
)


@pytest.fixture
def store(world: World) -> RedisStore:
    return RedisStore(world.url)


def test_a_script_s_configurations_properties_and_progress_come_to_the_store_and_back(
    world: World, store: RedisStore
) -> None:
    go = world.folder / "go"
    root = world.repository(train__py=TRAIN.replace("OUTSIDE", repr(str(go))), model__yaml="layers: 3\n")
    desk = world.desk_run(root, "train.py")
    assert desk.returncode == 0, desk.stderr
    (drafted,) = store.newest()
    task = Task(Stored(store, drafted.id))
    assert task.get_configuration_object_as_dict("General") == {
        "lr": 0.1, "betas": [0.9, 0.99], "names": {"0": "cat"},
    }  # fmt: skip
    assert task.get_configuration_object("model") == "layers: 3\n"
    assert task.get_user_properties(value_only=True) == {"where": "desk", "data": 3}

    task.set_configuration_object("General", '{"lr": 0.5, "betas": [0.8], "names": {"0": "dog", "1": "fox"}}')
    task._place.write(ConfigurationSet("model", b"layers: 4\r\n\xff", ".yaml", "layers"))
    store.edit(drafted.id, Edit(properties={"person": Property("was here")}))
    world.box()
    eventually(go.with_suffix(".there").exists, 60, "the script to run")
    eventually(lambda: store.get(drafted.id).progress == 49.95, 30, "its progress")
    listed = world.agent("list").stdout
    assert "49.9%" in listed
    store.edit(drafted.id, Edit(properties={"meanwhile": Property(1)}))
    go.touch()
    world.wait_for(drafted.id, "completed")

    log = world.log(drafted.id)
    assert "same True {'lr': 0.5, 'betas': (0.8,), 'names': {0: 'dog', 1: 'fox'}} [1, 2]" in log
    assert "path model.yaml True b'layers: 4\\r\\n\\xff'" in log
    read = {"where": "attempt", "person": "was here", "best": 0.5}
    (line,) = [line for line in log.splitlines() if line.startswith("reads back")]
    for name, value in read.items():
        assert f"{name!r}: {value!r}" in line
    assert line.endswith("['General', 'found', 'model']")
    assert "progress 49.95 False" in log
    ended = store.get(drafted.id)
    assert task.get_user_properties(value_only=True) == {**read, "meanwhile": 1}
    assert (ended.comment, ended.tags) == ("c", ("good",))
    assert task.get_configuration_object_as_dict("found") == {"epochs": 3}
    assert sorted(task.get_configuration_objects()) == ["General", "found", "model"]
