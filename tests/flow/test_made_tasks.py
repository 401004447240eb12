"""Tasks that are made without running anything, and functions of a script, on a box."""

from __future__ import annotations

from textwrap import dedent

from flow.world import World

from elsewhere.store.redis import RedisStore

TRAIN = dedent(
    """
    import argparse
    from pathlib import Path
    parser = argparse.ArgumentParser()
    parser.add_argument("--C", type=float, default=1.0)
    print("C is", parser.parse_args().C, "note says", Path("note.txt").read_text())
    """
)

MAKE = dedent(
    """
    import sys
    from elsewhere import Task
    task = Task.create(
        project_name="digits", task_name="svm", script=sys.argv[1], packages=[], argparse_args=[("C", "0.25")]
    )
    task.set_needs(memory="1M")
    Task.enqueue(task, "default")
    print(task.id)
    """
)


def test_a_task_that_was_made_of_a_path_runs_on_a_box(world: World) -> None:
    root = world.repository(train__py=TRAIN, note__txt="committed")
    (root / "note.txt").write_text("edited")
    elsewhere = world.folder / "desk"
    elsewhere.mkdir()
    (elsewhere / "make.py").write_text(MAKE)
    made = world.desk_run(elsewhere, "make.py", str(root / "train.py"))
    assert made.returncode == 0, made.stderr
    task = made.stdout.split()[-1]
    world.box()
    world.wait_for(task, "completed")
    assert "C is 0.25 note says edited" in world.log(task)


FUNCTIONS = dedent(
    """
    import sys
    from elsewhere import Task
    Task.add_requirements("elsewhere-is-not-asked-for", "1.0")
    task = Task.init(project_name="digits", task_name="search")
    task.set_packages(origin="none")
    scale = len(sys.argv) * 100

    def train(lr, sizes):
        print("trained with", lr * scale, sizes)

    for number in range(2):
        made = task.create_function_task(train, f"train-{number}", lr=0.5 + number, sizes=(8, 8))
        if made is not None:
            made.set_parameter("Function/lr", str(0.25 + number))
            Task.enqueue(made, "default")
            print("made", made.id)
    print("the end")
    """
)


def test_functions_run_on_a_box_with_the_arguments_that_were_changed(world: World) -> None:
    root = world.repository(search__py=FUNCTIONS)
    desk = world.desk_run(root, "search.py", "x")
    assert desk.returncode == 0, desk.stderr
    made = [line.split()[1] for line in desk.stdout.splitlines() if line.startswith("made ")]
    assert len(made) == 2
    world.box()
    for number, task in enumerate(made):
        shown = world.wait_for(task, "completed")
        log = world.log(task)
        assert f"trained with {(0.25 + number) * 200} (8, 8)" in log
        assert ("the end" in log, log.count("trained with")) == (False, 1)
        assert shown["parameters"]["Function/lr"] == str(0.25 + number)
    store = RedisStore(world.url)
    packages = store.get(made[0]).spec.packages
    store.close()
    assert "elsewhere-is-not-asked-for==1.0" in packages.requirements


ASIDE = dedent(
    """
    import os
    from elsewhere import Task
    task = Task.init(project_name="digits", task_name="aside")
    if "AT_THE_DESK" in os.environ:
        print(Task.enqueue(task.create_function_task(print, end=""), "default").id)
    """
)


def test_a_script_that_never_comes_to_its_function_elsewhere_has_failed(world: World) -> None:
    root = world.repository(aside__py=ASIDE)
    world.settings["AT_THE_DESK"] = "1"
    desk = world.desk_run(root, "aside.py")
    del world.settings["AT_THE_DESK"]
    assert desk.returncode == 0, desk.stderr
    world.box()
    shown = world.wait_for(desk.stdout.split()[0], "failed")
    assert shown["status_message"] == "the script ended before it came to function 'print'"
