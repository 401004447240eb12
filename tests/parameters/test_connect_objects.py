"""Connected classes and objects: plain ones, dataclasses, and those of the real attrs and pydantic."""

from __future__ import annotations

import enum
import pathlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Annotated, Any, Literal, NamedTuple, Union

import attrs
import pydantic
import pydantic.v1
import pytest
from omegaconf import OmegaConf

from elsewhere.contract.errors import ParameterError
from elsewhere.task import Task
from tests.parameters.ends import Relayed, at_desk, relayed, same


class Mode(enum.Enum):
    FAST = "fast"
    SLOW = "slow"


class Size(NamedTuple):
    width: int
    height: int


@dataclass
class Optimizer:
    name: str = "adam"
    lr: float = 0.1
    betas: tuple[float, float] = (0.9, 0.999)


@dataclass(frozen=True)
class Frozen:
    depth: int = 3
    optimizer: Optimizer = field(default_factory=Optimizer)


@dataclass
class Config:
    mode: Mode = Mode.FAST
    steps: int | None = None
    rate: Union[int, str] = 1
    paths: list[pathlib.Path] = field(default_factory=list)
    kind: Literal["a", "b", 3] = "a"
    size: Size = Size(1, 2)  # noqa: RUF009 - it cannot change
    frozen: Frozen = field(default_factory=Frozen)
    table: dict[int, float] = field(default_factory=lambda: {1: 0.5})
    sloppy: int = 0.5  # type: ignore[assignment]
    derived: int = field(init=False, default=9)
    _private: int = 1


class Model(pydantic.BaseModel):
    depth: int = pydantic.Field(3, gt=0)
    rates: list[float] = [0.1]
    mode: Mode = Mode.FAST
    inner: Inner | None = None


class Inner(pydantic.BaseModel, frozen=True):
    width: int = 8


Model.model_rebuild()


class Old(pydantic.v1.BaseModel):
    depth: pydantic.v1.PositiveInt = 3  # type: ignore[valid-type]
    rates: list[float] = [0.1]


@attrs.define
class Defined:
    depth: int = 3
    path: pathlib.Path = pathlib.Path("a")


@attrs.frozen
class Frost:
    depth: int = 3
    _hidden: int = 1


class Plain:
    lr: float = 0.1
    tags = ("a",)
    __slots__ = ()

    def method(self) -> None: ...

    @property
    def twice(self) -> float:
        return self.lr * 2


class Derived(Plain):
    depth = 3


@pytest.fixture
def relay(monkeypatch: pytest.MonkeyPatch) -> Iterator[Relayed]:
    with relayed() as end:
        monkeypatch.setenv("ELSEWHERE_RELAY", str(end.socket))
        yield end


def connected(relay: Relayed, value: Any, by_hand: dict[str, Any], there: Any = None) -> Any:
    """What an attempt makes of ``value``, or of ``there``, after a desk has connected ``value``."""
    desk = at_desk()
    desk.connect(value)
    return relay.attempt(desk, {f"General/{name}": item for name, item in by_hand.items()}).connect(
        there or value
    )


def test_a_dataclass_is_recorded_by_its_fields() -> None:
    task = at_desk()
    config = Config()
    assert task.connect(config) is config
    assert task.get_parameters() == {
        "General/mode": "FAST",
        "General/steps": None,
        "General/rate": 1,
        "General/paths": [],
        "General/kind": "a",
        "General/size": [1, 2],
        "General/frozen/depth": 3,
        "General/frozen/optimizer/name": "adam",
        "General/frozen/optimizer/lr": 0.1,
        "General/frozen/optimizer/betas": [0.9, 0.999],
        "General/table": [[1, 0.5]],
        "General/sloppy": 0.5,
    }


def test_overrides_become_what_the_fields_declare(relay: Relayed) -> None:
    by_hand = {
        "mode": "slow", "steps": "5", "rate": "many", "paths": '["a", "b"]', "kind": "3", "size": "[3, 4]",
        "frozen/depth": 7.0, "frozen/optimizer/betas": [0, 1], "sloppy": 0.25, "derived": 1,
    }  # fmt: skip
    config = Config()
    made = connected(relay, config, by_hand)
    assert made is config
    assert made == Config(
        Mode.SLOW, 5, "many", [pathlib.Path("a"), pathlib.Path("b")], 3, Size(3, 4),
        Frozen(7, Optimizer(betas=(0.0, 1.0))), sloppy=0.25,  # type: ignore[arg-type]
    )  # fmt: skip
    assert same(made.frozen.optimizer.betas, (0.0, 1.0))
    assert type(made.size) is Size
    assert relay.used == {f"General/{name}" for name in by_hand if name != "derived"}
    assert same(connected(relay, Config(), {"steps": "none"}).steps, None)


def test_where_the_declaration_leaves_it_open_the_type_is_the_script_s_own_value_s(relay: Relayed) -> None:
    @dataclass
    class Loose:
        any: Any = 0.1
        items: Sequence[float] = (0.1,)
        either: list[int] | tuple[int, ...] = (1,)
        noted: Annotated[int, "of layers"] = 3
        mapping: Mapping[str, float] = field(default_factory=lambda: {"a/b": 0.1})
        undeclarable: Missing = pathlib.Path("a")  # type: ignore[name-defined]  # noqa: F821

    by_hand = {
        "any": "0.5",
        "items": [1],
        "either": [2],
        "noted": "4",
        "mapping": {"x": 1},
        "undeclarable": "b",
    }
    made = connected(relay, Loose(), by_hand)
    expected = Loose(0.5, (1.0,), (2,), 4, {"x": 1}, pathlib.Path("b"))
    assert same(vars(made), vars(expected))


def test_what_was_recorded_of_fields_comes_back_exactly(relay: Relayed) -> None:
    desk = Config(Mode.SLOW, 5, "x", [pathlib.Path("a")], 3, Size(5, 6), Frozen(9), {7: 1.0})
    assert connected(relay, desk, {}, there=Config()) == desk


@pytest.mark.parametrize(
    ("name", "typed"),
    [("mode", "medium"), ("steps", "few"), ("paths", [[1]]), ("kind", "c"), ("size", [1]), ("frozen/depth", 0.5),
     ("frozen/optimizer/betas", [1]), ("frozen/optimizer", {"lrr": 1}), ("frozen", 5), ("table", [1])],
)  # fmt: skip
def test_what_a_field_does_not_take_is_an_error(relay: Relayed, name: str, typed: Any) -> None:
    with pytest.raises(ParameterError, match=f"General/{name}"):
        connected(relay, Config(), {name: typed})


def test_a_dataclass_is_overridden_as_a_whole_by_some_of_its_fields(relay: Relayed) -> None:
    made = connected(relay, Config(), {"frozen/optimizer": '{"lr": "0.5"}', "frozen/optimizer/name": "sgd"})
    assert made.frozen.optimizer == Optimizer("sgd", 0.5)


def test_what_is_frozen_comes_back_as_a_copy(relay: Relayed) -> None:
    frozen = Frozen()
    made = connected(relay, frozen, {"depth": 5})
    assert (made, frozen.depth) == (Frozen(5), 3)
    frost = Frost()
    assert connected(relay, frost, {"depth": 5}) == Frost(5)
    assert frost.depth == 3
    inner = Inner()
    assert connected(relay, inner, {"width": "9"}) == Inner(width=9)
    assert inner.width == 8
    assert connected(relay, frozen, {}) is frozen


def test_what_a_class_of_its_own_refuses_is_an_error_as_well(relay: Relayed) -> None:
    @dataclass(frozen=True)
    class Checked:
        depth: int = 3

        def __post_init__(self) -> None:
            if self.depth < 0:
                raise ValueError("too shallow")

    with pytest.raises(ParameterError, match="too shallow"):
        connected(relay, Checked(), {"depth": -1})


def test_attrs_classes_are_connected(relay: Relayed) -> None:
    defined = Defined()
    assert connected(relay, defined, {"depth": "5", "path": "b"}) is defined
    assert defined == Defined(5, pathlib.Path("b"))


def test_pydantic_models_are_connected_and_check_what_is_set(relay: Relayed) -> None:
    model = Model(inner=Inner())
    by_hand = {"depth": "5", "rates": "[1, 2]", "mode": "SLOW", "inner/width": 9}
    assert connected(relay, model, by_hand) is model
    assert model == Model(depth=5, rates=[1.0, 2.0], mode=Mode.SLOW, inner=Inner(width=9))
    assert all(type(rate) is float for rate in model.rates)
    for bad in (0, "many"):
        with pytest.raises(ParameterError, match="General/depth"):
            connected(relay, Model(), {"depth": bad})


def test_models_of_pydantic_1_are_connected(relay: Relayed) -> None:
    old = Old()
    assert connected(relay, old, {"depth": "5", "rates": [1]}) is old
    assert old == Old(depth=5, rates=[1.0])
    with pytest.raises(ParameterError, match="General/depth"):
        connected(relay, Old(), {"depth": 0})


def test_public_attributes_of_classes_and_instances_are_connected(relay: Relayed) -> None:
    class Settings(Derived):
        seed: int | None = None

    assert connected(relay, Settings, {"lr": "0.5", "seed": "7"}) is Settings
    assert (Settings.lr, Settings.seed, Settings.tags, Plain.lr) == (0.5, 7, ("a",), 0.1)
    instance = Derived()
    instance.extra = {"a": 1}  # type: ignore[attr-defined]
    desk = at_desk()
    desk.connect(instance)
    assert desk.get_parameters(cast=True) == {
        "General/lr": 0.1, "General/tags": ("a",), "General/depth": 3, "General/extra/a": 1,
    }  # fmt: skip
    relay.attempt(desk, {"General/depth": 4, "General/extra/a": "2"}).connect(instance)
    assert (instance.depth, instance.extra, Derived.depth) == (4, {"a": 2}, 3)  # type: ignore[attr-defined]
    space = SimpleNamespace(lr=1.0, inner=SimpleNamespace(x=1))
    assert connected(relay, space, {"lr": 2, "inner/x": 3}) == SimpleNamespace(
        lr=2.0, inner=SimpleNamespace(x=3)
    )


def test_configurations_of_omegaconf_are_connected_in_place(relay: Relayed) -> None:
    def made() -> Any:
        return OmegaConf.create(
            {
                "lr": 0.1,
                "opt": {"name": "adam", "layers": [1, 2]},
                "rate": "${lr}",
                "missing": "???",
                "empty": {},
            }
        )

    desk, local = at_desk(), made()
    assert desk.connect(local) is local
    assert desk.get_parameters() == {
        "General/lr": 0.1, "General/opt/name": "adam", "General/opt/layers": [1, 2], "General/rate": 0.1,
        "General/empty": {},
    }  # fmt: skip
    local = made()
    by_hand = {"General/lr": "0.5", "General/opt/layers": "[3]", "General/empty/x": 1}
    assert relay.attempt(desk, by_hand).connect(local) is local
    assert OmegaConf.to_container(local) == {
        "lr": 0.5, "opt": {"name": "adam", "layers": [3]}, "rate": "${lr}", "missing": "???", "empty": {"x": 1},
    }  # fmt: skip


def test_values_of_classes_come_back_whole_where_their_class_is_loaded(relay: Relayed) -> None:
    values = [Config(), Frozen(), Model(inner=Inner()), Old(), Defined(), Frost(5, 2), Size(1, 2), Mode.FAST]
    desk = at_desk()
    desk.set_parameter("values", values)
    assert same(relay.attempt(desk).get_parameter("values", cast=True), values)


def test_nothing_is_imported_because_a_task_says_so() -> None:
    from elsewhere.contract.edit import Edit, ParameterInfo
    from elsewhere.contract.write import Edited

    task = at_desk()
    harmful = {
        "this:Mode": "FAST", "subprocess:Popen": ["true"], "os:system": "true", "builtins:eval": "1", "numpy.void": 9,
        "antigravity:x": {}, '["tuple"': [1], '["tuple",5]': [1], "collections:OrderedDict": {}, "no.kind": 1,
        "concurrent:futures.ThreadPoolExecutor": {},
    }  # fmt: skip
    for kind, value in harmful.items():
        task.set_parameter("x", value)
        task._place.write(Edited(Edit(parameter_info={"General/x": ParameterInfo(kind)})))
        assert task.get_parameter("x", cast=True) == value
    assert not {"this", "antigravity"} & set(sys.modules)


def test_none_of_the_libraries_is_imported(relay: Relayed) -> None:
    import subprocess

    script = (
        "import sys; from elsewhere.parameters import connect, typed, fitting;"
        "assert not {'numpy', 'attr', 'pydantic', 'typing_extensions', 'argparse'} & set(sys.modules), sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_a_task_connects_for_type_checkers_what_it_is_given() -> None:
    task: Task = at_desk()
    config: Config = task.connect(Config())
    assert config.mode is Mode.FAST
