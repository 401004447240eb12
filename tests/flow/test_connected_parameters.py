"""What a script connects at a desk is what its attempt runs with, but for what somebody set over it."""

from __future__ import annotations

import json
from textwrap import dedent

from flow.world import World

TRAIN = dedent(
    """
    import dataclasses, enum, os, pathlib
    from elsewhere import Task

    class Mode(enum.Enum):
        FAST = 1
        SLOW = 2

    @dataclasses.dataclass(frozen=True)
    class Model:
        depth: int = 3
        mode: Mode = Mode.FAST

    task = Task.init(project_name="digits", task_name="svm")
    settings = task.connect({
        "lr": 0.1, "betas": (0.9, 0.999), "data": pathlib.Path("data"), "opt": {"name": "adam", "none": None},
        "born": os.getpid(),
    })
    model = task.connect(Model(), name="Model")
    settings["lr"] *= 2
    task.set_parameter("rounds", {1: "one"})
    task.execute_remotely(queue_name="default")
    print("runs with", settings, model)
    print("reads", task.get_parameters(cast=True))
    """
)


def test_what_is_connected_travels_and_overrides_are_laid_over_it(world: World) -> None:
    root = world.repository(train__py=TRAIN)
    desk = world.desk_run(root, "train.py")
    assert desk.returncode == 0, desk.stderr
    sent = json.loads(world.agent("list", "--json").stdout)[0]["id"]
    born = world.show(sent)["parameters"]["General/born"]
    by_hand = dedent(
        f"""
        from elsewhere import Task
        task = Task.get_task("{sent}")
        clone = Task.clone(task, name="with others")
        values = clone.get_parameters()
        clone.set_parameters({{**values, "Model/depth": "7", "Model/mode": "SLOW", "General/lr": 0.5}})
        clone.update_parameters({{"Model/dept": 5, "General/opt/name": "sgd"}})
        Task.enqueue(clone, queue_name="default")
        print(clone.id)
        """
    )
    (world.folder / "by_hand.py").write_text(by_hand)
    done = world.desk_run(world.folder, "by_hand.py")
    assert done.returncode == 0, done.stderr
    cloned = done.stdout.split()[-1]

    world.box()
    world.wait_for(sent, "completed")
    log = world.log(sent)
    assert "'lr': 0.2, 'betas': (0.9, 0.999), 'data': PosixPath('data')" in log
    assert (
        f"'opt': {{'name': 'adam', 'none': None}}, 'born': {born}}} Model(depth=3, mode=<Mode.FAST: 1>)"
        in log
    )
    assert "'General/rounds': {1: 'one'}" in log
    assert "unused override" not in log

    world.wait_for(cloned, "completed")
    log = world.log(cloned)
    assert "unused override: Model/dept; did you mean Model/depth?" in log
    assert "'lr': 1.0, 'betas': (0.9, 0.999)" in log
    assert f"'name': 'sgd', 'none': None}}, 'born': {born}}} Model(depth=7, mode=<Mode.SLOW: 2>)" in log


def test_an_override_that_nobody_reads_is_said_at_the_end_with_the_likely_name(world: World) -> None:
    script = dedent(
        """
        import argparse
        from elsewhere import Task
        parser = argparse.ArgumentParser()
        parser.add_argument("--lr", type=float, default=1.0)
        arguments, _ = parser.parse_known_args()
        task = Task.init(project_name="digits", task_name="svm")
        settings = task.connect({"depth": 3})
        print("runs with", arguments.lr, settings)
        """
    )
    root = world.repository(main__py=script)
    options = ("Args/lrr=0.1", "General/dept=5", "General/depth=4", "Other/x=1")
    task = world.submit(root, "main.py", options=tuple(word for o in options for word in ("--param", o)))
    world.box()
    world.wait_for(task, "completed")
    log = world.log(task)
    assert "runs with 1.0 {'depth': 4}" in log
    said = [
        line.partition("unused override: ")[2].removesuffix(" ──")
        for line in log.splitlines()
        if "unused override" in line
    ]
    assert said == ["Args/lrr; did you mean Args/lr?", "General/dept; did you mean General/depth?", "Other/x"]


def test_an_override_of_the_wrong_type_ends_the_attempt_and_the_log_says_why(world: World) -> None:
    script = dedent(
        """
        from elsewhere import Task
        task = Task.init(project_name="digits", task_name="svm")
        settings = task.connect({"lr": 0.1})
        print("goes", "on")
        """
    )
    root = world.repository(main__py=script)
    task = world.submit(root, "main.py", options=("--param", "General/lr=fast"))
    world.box()
    shown = world.wait_for(task, "failed")
    assert "parameter General/lr: 'fast' is no float" in world.log(task)
    assert "parameter General/lr: 'fast' is no float" in shown["status_message"]
    assert "goes on" not in world.log(task)
    assert "unused override" not in world.log(task)
