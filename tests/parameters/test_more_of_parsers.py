"""What holds for one library of those that ``test_parsers`` runs, or for how they share a process."""

from __future__ import annotations

import json

import pytest

from tests.parameters.desk import Desk
from tests.parameters.parsers import ENVIRONMENT, PARSERS, SAY, parsed
from tests.parameters.test_parsers import values

CLICK = """
import click
@click.command()
@click.option("--lr", type=float, default=1.0, envvar="LR")
@click.option("--name")
def main(lr, name): say(lr=lr, name=name)
"""
SWEEP = PARSERS["hydra"].script.replace("say(user", "print('job', cfg.lr)\n    say(user")
DATACLASS = """
import tyro, dataclasses
from typing import Union
@dataclasses.dataclass
class Adam:
    lr: float = 0.1
@dataclasses.dataclass
class Sgd:
    rate: float = 0.2
@dataclasses.dataclass
class Train:
    optimizer: Union[Adam, Sgd]
    seed: int = 0
got = tyro.cli(Train)
say(got=got)
"""
LIGHTNING = """
from jsonargparse import ArgumentParser, lazy_instance
class Net:
    def __init__(self, width: int = 3, lr: float = 0.1): pass
class Wide(Net):
    def __init__(self, width: int = 30, extra: str = "e"): pass
class Trainer:
    def __init__(self, max_epochs: int = 1): pass
class Cli:  # LightningCLI's way: classes as groups of a subcommand's parser, one of them open to subclasses
    def __init__(self):
        parser = ArgumentParser()
        fit = ArgumentParser()
        fit.add_argument("--config", action="config")
        fit.add_class_arguments(Trainer, "trainer")
        fit.add_subclass_arguments(Net, "model", required=True)
        fit.link_arguments("trainer.max_epochs", "model.init_args.width")
        parser.add_subcommands().add_subcommand("fit", fit)
        self.config = parser.parse_args()
if __name__ == "__main__":
    got = Cli().config.fit
    say(epochs=got.trainer.max_epochs, model=got.model.class_path, width=got.model.init_args.width)
"""


def test_what_came_from_the_desk_s_environment_reaches_the_attempt(desk: Desk) -> None:
    script = SAY + CLICK + "main()"
    _, recorded = values(desk.run(script, **ENVIRONMENT, LR="0.5"))
    assert recorded == {"Args/lr": 0.5, "Args/name": None}
    assert values(desk.attempt(script, stored=recorded, **ENVIRONMENT))[0]["lr"] == "0.5"


def test_null_is_none_also_over_what_was_typed(desk: Desk) -> None:
    attempt = desk.attempt(
        SAY + CLICK + "main()", "--name", "a", overrides=("Args/name=null",), **ENVIRONMENT
    )
    assert values(attempt) == ({"lr": "1.0", "name": "None"}, {"Args/lr": 1.0, "Args/name": None})


def test_a_command_that_is_called_by_the_script_itself_is_left_alone(desk: Desk) -> None:
    script = SAY + CLICK + "main(['--lr', '7'], standalone_mode=False)"
    said, stored = values(desk.attempt(script, overrides=("Args/lr=3",), **ENVIRONMENT))
    assert (said["lr"], stored) == ("7.0", {"Args/lr": 3})


def test_commands_in_a_chain_are_overridden_each(desk: Desk) -> None:
    script = SAY + (
        "import click\n@click.group(chain=True)\ndef main(): pass\n"
        "@main.command()\n@click.option('--x', type=int)\ndef one(x): main.x = x\n"
        "@main.command()\n@click.option('--y', type=int)\ndef two(y): say(x=main.x, y=y)\nmain()"
    )
    overrides = ("Args/one/x=1", "Args/two/y=2")
    said, _ = values(desk.attempt(script, "one", "two", overrides=overrides, **ENVIRONMENT))
    assert said == {"x": "1", "y": "2"}


def test_a_sweep_is_recorded_as_typed_and_may_be_changed(desk: Desk) -> None:
    script = SAY + SWEEP
    ran = desk.run(script, "--multirun", "lr=1,2", **ENVIRONMENT)
    assert [line for line in ran.stdout.splitlines() if line.startswith("job")] == ["job 1", "job 2"]
    assert values(ran)[1]["Hydra/lr"] == "1,2"
    ran = desk.attempt(script, "-m", "lr=1,2", overrides=("Hydra/lr=3,4,5",), **ENVIRONMENT)
    assert ran.code == 0, ran.stderr
    assert [line for line in ran.stdout.splitlines() if line.startswith("job")] == ["job 3", "job 4", "job 5"]


def test_a_group_chosen_on_the_command_line_is_chosen_otherwise_by_hand(desk: Desk) -> None:
    script, _ = parsed("hydra")
    said, stored = values(desk.attempt(script, "db=b", overrides=("Hydra/db=a",), **ENVIRONMENT))
    assert (said["user"], stored["Hydra/db"]) == ("'anna'", "a")


def test_a_subcommand_of_tyro_is_overridden_where_it_was_chosen(desk: Desk) -> None:
    script = SAY + DATACLASS
    arguments = ["--seed", "3", "optimizer:sgd", "--optimizer.rate", "5"]
    _, recorded = values(desk.run(script, *arguments, **ENVIRONMENT))
    assert recorded == {"Args/seed": 3, "Args/optimizer.rate": 5.0}
    attempt = desk.attempt(script, *arguments, overrides=("Args/optimizer.rate=7",), **ENVIRONMENT)
    assert values(attempt)[0]["got"] == "Train(optimizer=Sgd(rate=7.0), seed=3)"
    refused = desk.attempt(script, *arguments, overrides=("Args/optimizer.lr=7",), **ENVIRONMENT)
    assert (refused.code, "Args/optimizer.lr" in refused.stderr) == (2, True)


def test_classes_with_subclasses_and_links_as_lightning_uses_them(desk: Desk) -> None:
    script = SAY + LIGHTNING
    arguments = ["fit", "--trainer.max_epochs", "5", "--model", "__main__.Wide"]
    said, recorded = values(desk.run(script, *arguments, **ENVIRONMENT))
    assert said == {"epochs": "5", "model": "'__main__.Wide'", "width": "5"}
    assert recorded["Args/fit.model.class_path"] == "__main__.Wide"
    assert recorded["Args/fit.trainer.max_epochs"] == 5
    attempt = desk.attempt(
        script, *arguments, stored=recorded, overrides=("Args/fit.trainer.max_epochs=9",), **ENVIRONMENT
    )
    assert values(attempt)[0] == {"epochs": "9", "model": "'__main__.Wide'", "width": "9"}


@pytest.mark.parametrize("kind", ["click", "typer", "fire", "tyro", "absl", "jsonargparse"])
def test_a_library_imported_before_elsewhere_is_recorded_as_well(kind: str, desk: Desk) -> None:
    script, parser = parsed(kind)
    name = {"absl": "absl.flags"}.get(kind, kind)
    _, recorded = values(desk.run(f"import {name}\n" + script, *parser.arguments, **ENVIRONMENT))
    assert recorded == parser.recorded


def test_no_parser_is_imported_with_elsewhere(desk: Desk) -> None:
    libraries = ["argparse", "click", "typer", "fire", "hydra", "absl", "jsonargparse", "tyro", "pydantic"]
    ran = desk.run(
        "import sys\nbefore = set(sys.modules)\nimport elsewhere, json\n"
        f"print(json.dumps([m for m in {libraries} if m in set(sys.modules) - before]))"
    )
    assert ran.said == []


@pytest.mark.parametrize(
    ("choice", "recorded"),
    [
        (False, {}),
        ({}, {}),
        (True, {"Args/lr": 0.5, "Args/secret": "s"}),
        ({"secret": False}, {"Args/lr": 0.5}),
        ({"Args/lr": True, "*": False}, {"Args/lr": 0.5}),
        ({"secret": False, "*": True}, {"Args/lr": 0.5}),
    ],
)
def test_a_choice_holds_for_what_was_parsed_before_it(
    choice: object, recorded: dict[str, object], desk: Desk
) -> None:
    script = (
        "import elsewhere, argparse, json\np = argparse.ArgumentParser()\n"
        "p.add_argument('--lr', type=float)\np.add_argument('--secret')\np.parse_args()\n"
        f"t = elsewhere.Task.init('digits', 'svm', auto_connect_arg_parser={choice})\n"
        "print(json.dumps(t.get_parameters()))"
    )
    assert desk.run(script, "--lr", "0.5", "--secret", "s").said == recorded


def test_a_choice_that_is_none_is_refused(desk: Desk) -> None:
    ran = desk.run(
        "import elsewhere\nelsewhere.Task.init('digits', 'svm', auto_connect_arg_parser={'lr': 'no'})"
    )
    assert ran.code == 1
    assert "TypeError: auto_connect_arg_parser={'lr': 'no'}" in ran.stderr
    assert json.dumps(ran.stdout) == '""'
