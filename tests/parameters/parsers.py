"""A script for each library that parses a command line, and what is to come of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from elsewhere.contract.task import JSONValue

SAY = """
import elsewhere
import json
def say(**values):
    from elsewhere import Task
    print(json.dumps({key: repr(value) for key, value in values.items()}))
    print(json.dumps(Task.init("digits", "svm").get_parameters()))
"""


@dataclass
class Parser:
    """A script that parses by one library, and what is to come of it."""

    script: str
    arguments: list[str]
    recorded: dict[str, JSONValue]
    overrides: list[str]
    said: dict[str, str]
    wrong: str
    message: str
    code: int = 2
    unknown: str = "Args/depht=1"
    unknown_code: int = 2
    mistyped: list[str] = field(default_factory=lambda: ["--nonsense=1"])
    needs: list[str] = field(default_factory=list)
    """Of the arguments, what an override cannot stand for: a subcommand's name."""


PARSERS: dict[str, Parser] = {
    "click": Parser(
        """
import click, enum
@click.command()
@click.option("--lr", type=float, default=1.0)
@click.option("--depth", type=int, required=True)
@click.option("--tag", multiple=True)
@click.option("--pair", nargs=2, type=int, default=(1, 2))
@click.option("--flag/--no-flag")
@click.option("-v", "verbose", count=True)
@click.option("--kind", type=click.Choice(["a", "b"]))
@click.option("--shout", callback=lambda ctx, param, value: value + "!", default="x")
@click.option("--secret", prompt=True, hide_input=True, default="s")
@click.argument("path", type=click.Path())
def main(secret, **values): say(**values)
main()
""",
        ["--depth", "3", "--tag", "q", "--secret", "s", "data"],
        {
            "Args/lr": 1.0,
            "Args/depth": 3,
            "Args/tag": ["q"],
            "Args/pair": [1, 2],
            "Args/flag": False,
            "Args/verbose": 0,
            "Args/kind": None,
            "Args/shout": "x",
            "Args/path": "data",
        },
        [
            "Args/lr=1e-3",
            "Args/depth=4",
            'Args/tag=["u", "v"]',
            "Args/pair=[3, 4]",
            "Args/flag=true",
            "Args/verbose=2",
            "Args/kind=b",
            "Args/shout=y",
            "Args/path=/d",
        ],
        {
            "lr": "0.001",
            "depth": "4",
            "tag": "('u', 'v')",
            "pair": "(3, 4)",
            "flag": "True",
            "verbose": "2",
            "kind": "'b'",
            "shout": "'y!'",
            "path": "'/d'",
        },
        "Args/depth=abc",
        "parameter Args/depth: 'abc' is not a valid int",
        needs=["--secret", "s"],
    ),
    "click group": Parser(
        """
import click
@click.group()
@click.option("--seed", type=int, default=0)
def main(seed): main.seed = seed
@main.command()
@click.option("--lr", type=float, default=1.0)
def train(lr): say(seed=main.seed, lr=lr)
main()
""",
        ["--seed", "2", "train"],
        {"Args/seed": 2, "Args/train/lr": 1.0},
        ["Args/seed=5", "Args/train/lr=2"],
        {"seed": "5", "lr": "2.0"},
        "Args/train/lr=abc",
        "parameter Args/train/lr: 'abc' is not a valid float",
        needs=["train"],
    ),
    "typer": Parser(
        """
import enum, pathlib, typer
from typing import List, Optional
class Kind(enum.Enum):
    A = "a"
    B = "b"
def main(path: pathlib.Path, lr: float = 1.0, kind: Kind = Kind.A, tag: List[str] = [],
         depth: Optional[int] = None, flag: bool = False):
    say(path=path, lr=lr, kind=kind, tag=tag, depth=depth, flag=flag)
typer.run(main)
""",
        ["data", "--tag", "q"],
        {
            "Args/path": "data",
            "Args/lr": 1.0,
            "Args/kind": "A",
            "Args/tag": ["q"],
            "Args/depth": None,
            "Args/flag": False,
        },
        ["Args/path=/d", "Args/lr=5", "Args/kind=b", 'Args/tag=["u"]', "Args/depth=3", "Args/flag=true"],
        {
            "path": "PosixPath('/d')",
            "lr": "5.0",
            "kind": "<Kind.B: 'b'>",
            "tag": "['u']",
            "depth": "3",
            "flag": "True",
        },
        "Args/lr=abc",
        "parameter Args/lr: 'abc'",
    ),
    "fire": Parser(
        """
import fire
def main(a, lr=1.0, *rest, keyword=None): say(a=a, lr=lr, keyword=keyword, rest=rest)
fire.Fire(main)
""",
        ["x", "--lr", "2"],
        {"Args/a": "x", "Args/lr": 2, "Args/keyword": None},
        ["Args/a=z", "Args/lr=1e-3", "Args/keyword=[1]", 'Args/rest=["5"]'],
        {"a": "'z'", "lr": "0.001", "keyword": "[1]", "rest": "('5',)"},
        "",
        "",
        unknown_code=0,
    ),
    "fire class": Parser(
        """
import fire
class Model:
    def __init__(self, seed=0): self.seed = seed
    def train(self, lr, deep=None): say(seed=self.seed, lr=lr, deep=deep)
fire.Fire(Model)
""",
        ["train", "--lr", "2", "--seed", "1"],
        {"Args/seed": 1, "Args/train/lr": 2, "Args/train/deep": None},
        ["Args/seed=7", "Args/train/lr=9", "Args/train/deep=true"],
        {"seed": "7", "lr": "9", "deep": "True"},
        "",
        "",
        unknown_code=0,
        needs=["train"],
    ),
    "absl": Parser(
        """
import enum
from absl import app, flags
class Kind(enum.Enum):
    A = 1
    B = 2
F = flags.FLAGS
flags.DEFINE_float("lr", 1.0, "")
flags.DEFINE_string("name", None, "", required=True)
flags.DEFINE_bool("flag", False, "")
flags.DEFINE_list("words", ["a"], "")
flags.DEFINE_multi_integer("sizes", [1], "")
flags.DEFINE_integer("depth", None, "")
flags.DEFINE_enum_class("kind", Kind.A, Kind, "")
def main(argv):
    say(**{name: getattr(F, name) for name in ("lr", "name", "flag", "words", "sizes", "depth", "kind")})
app.run(main)
""",
        ["--name=a", "--sizes=3"],
        {
            "Args/lr": 1.0,
            "Args/name": "a",
            "Args/flag": False,
            "Args/words": ["a"],
            "Args/sizes": [3],
            "Args/depth": None,
            "Args/kind": "A",
        },
        [
            "Args/lr=1e-3",
            "Args/name=5",
            "Args/flag=true",
            'Args/words=["q"]',
            "Args/sizes=[4, 5]",
            "Args/depth=7",
            "Args/kind=B",
        ],
        {
            "lr": "0.001",
            "name": "'5'",
            "flag": "True",
            "words": "['q']",
            "sizes": "[4, 5]",
            "depth": "7",
            "kind": "<Kind.B: 2>",
        },
        "Args/lr=abc",
        "parameter Args/lr: 'abc' is no valid float",
        code=1,
        unknown_code=1,
    ),
    "jsonargparse": Parser(
        """
from dataclasses import dataclass
from typing import List, Optional
from jsonargparse import CLI
@dataclass
class Model:
    lr: float = 0.1
    depth: Optional[int] = None
def main(size: int, model: Model = Model(), tags: List[str] = ["q"], flag: bool = False):
    say(size=size, lr=model.lr, depth=model.depth, tags=tags, flag=flag)
CLI(main)
""",
        ["1", "--model.lr", "2"],
        {
            "Args/size": 1,
            "Args/model.lr": 2.0,
            "Args/model.depth": None,
            "Args/tags": ["q"],
            "Args/flag": False,
        },
        ["Args/size=5", "Args/model.lr=1e-3", "Args/model.depth=3", 'Args/tags=["u"]', "Args/flag=true"],
        {"size": "5", "lr": "0.001", "depth": "3", "tags": "['u']", "flag": "True"},
        "Args/model.lr=abc",
        "parameter Args/model.lr: 'abc' cannot be taken",
    ),
    "jsonargparse subcommand": Parser(
        """
from jsonargparse import ArgumentParser
parser = ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
fit = ArgumentParser()
fit.add_argument("--config", action="config")
fit.add_argument("--lr", type=float, required=True)
fit.add_argument("--model.depth", type=int, default=3)
parser.add_subcommands().add_subcommand("fit", fit)
got = parser.parse_args()
say(seed=got.seed, lr=got.fit.lr, depth=got.fit.model.depth)
""",
        ["--seed", "2", "fit", "--config", '{"model": {"depth": 4}}', "--lr", "3"],
        {"Args/seed": 2, "Args/subcommand": "fit", "Args/fit.lr": 3.0, "Args/fit.model.depth": 4},
        ["Args/seed=4", "Args/fit.lr=5", "Args/fit.model.depth=8"],
        {"seed": "4", "lr": "5.0", "depth": "8"},
        "Args/fit.lr=abc",
        "parameter Args/fit.lr: 'abc' cannot be taken",
    ),
    "tyro": Parser(
        """
import dataclasses, enum, pathlib, tyro
from typing import Optional, Tuple
class Kind(enum.Enum):
    A = "a"
    B = "b"
@dataclasses.dataclass
class Model:
    lr: float = 0.1
    depth: Optional[int] = None
def main(size: int, model: Model = Model(), the_tags: Tuple[str, ...] = ("q",), flag: bool = False,
         kind: Kind = Kind.A, path: pathlib.Path = pathlib.Path("d")):
    say(size=size, lr=model.lr, depth=model.depth, tags=the_tags, flag=flag, kind=kind, path=path)
tyro.cli(main)
""",
        ["--size", "1", "--model.lr", "2", "--the_tags", "a", "b"],
        {
            "Args/size": 1,
            "Args/the_tags": ["a", "b"],
            "Args/flag": False,
            "Args/kind": "A",
            "Args/path": "d",
            "Args/model.lr": 2.0,
            "Args/model.depth": None,
        },
        [
            "Args/size=5",
            "Args/model.lr=1e-3",
            "Args/model.depth=3",
            'Args/the_tags=["u"]',
            "Args/flag=true",
            "Args/kind=B",
            "Args/path=/q",
        ],
        {
            "size": "5",
            "lr": "0.001",
            "depth": "3",
            "tags": "('u',)",
            "flag": "True",
            "kind": "<Kind.B: 'b'>",
            "path": "PosixPath('/q')",
        },
        "Args/model.lr=abc",
        "parameter Args/model.lr: 'abc' is no valid float",
    ),
    "pydantic-settings": Parser(
        """
import enum
from typing import List, Optional
from pydantic import BaseModel, SecretStr
from pydantic_settings import BaseSettings, CliApp
class Kind(enum.Enum):
    A = "a"
    B = "b"
class Model(BaseModel):
    lr: float = 0.1
    depth: Optional[int] = None
class Settings(BaseSettings):
    size: int
    model: Model = Model()
    sizes: List[int] = [1]
    flag: bool = False
    kind: Kind = Kind.A
    password: SecretStr = SecretStr("q")
    home: str = "none"
    def cli_cmd(self):
        say(size=self.size, lr=self.model.lr, depth=self.model.depth, sizes=self.sizes, flag=self.flag, kind=self.kind)
CliApp.run(Settings)
""",
        ["--size", "1", "--model.lr", "2"],
        {
            "Args/size": 1,
            "Args/model.lr": 2.0,
            "Args/model.depth": None,
            "Args/sizes": [1],
            "Args/flag": False,
            "Args/kind": "A",
        },
        [
            "Args/size=5",
            "Args/model.lr=1e-3",
            "Args/model.depth=3",
            "Args/sizes=[4, 5]",
            "Args/flag=true",
            "Args/kind=B",
        ],
        {
            "size": "5",
            "lr": "0.001",
            "depth": "3",
            "sizes": "[4, 5]",
            "flag": "True",
            "kind": "<Kind.B: 'b'>",
        },
        "Args/model.lr=abc",
        "model.lr",
        code=1,
    ),
    "hydra": Parser(
        """
import hydra, pathlib
for name, text in {
    "c": "defaults: [db: a, _self_]\\nlr: 0.1\\ntwice: ${lr}\\nsizes: [1, x]\\nnone: null\\nname: q\\n",
    "db/a": "user: anna\\n",
    "db/b": "user: bert\\nport: 3\\n",
}.items():
    file = pathlib.Path("conf", name + ".yaml")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
@hydra.main(config_path="conf", config_name="c", version_base="1.3")
def main(cfg):
    say(user=cfg.db.user, lr=cfg.lr, twice=cfg.twice, sizes=list(cfg.sizes), none=cfg.none, name=cfg.name)
main()
""",
        ["lr=0.2"],
        {
            "Hydra/db": "a",
            "Hydra/db.user": "anna",
            "Hydra/lr": 0.2,
            "Hydra/twice": "${lr}",
            "Hydra/sizes": [1, "x"],
            "Hydra/none": None,
            "Hydra/name": "q",
        },
        ["Hydra/db=b", "Hydra/lr=1e-3", "Hydra/sizes=[5, 6]", "Hydra/none=4", "Hydra/name=a b: ,'c"],
        {
            "user": "'bert'",
            "lr": "0.001",
            "twice": "0.001",
            "sizes": "[5, 6]",
            "none": "4",
            "name": '"a b: ,\'c"',
        },
        "Hydra/lr=[1",
        "",
        code=0,
        unknown="Hydra/lrr=1",
        unknown_code=1,
        mistyped=["lrr=1"],
    ),
}
PARSERS["tyro by argparse"] = Parser(
    **{
        **vars(PARSERS["tyro"]),
        "script": PARSERS["tyro"].script.replace(
            "tyro.cli(main)",
            "import tyro._settings\ntyro._settings._experimental_options['backend'] = 'argparse'\ntyro.cli(main)",
        ),
    }
)
ENVIRONMENT = {"NO_COLOR": "1", "COLUMNS": "200", "TERM": "dumb", "home": "from the desk"}


def parsed(kind: str) -> tuple[str, Parser]:
    return SAY + PARSERS[kind].script, PARSERS[kind]
