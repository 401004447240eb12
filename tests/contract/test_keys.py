from __future__ import annotations

import inspect
from types import ModuleType

import redis

from elsewhere.contract import keys
from elsewhere.contract.status import ENDED, LEGAL_MOVES, Status
from elsewhere.store.script import Script


def documented(module: ModuleType) -> list[str]:
    return [name for name, value in vars(module).items() if inspect.isfunction(value)]


def test_every_key_begins_as_ours_or_as_rqs() -> None:
    for name in documented(keys):
        function = getattr(keys, name)
        made = function(*["x"] * len(inspect.signature(function).parameters))
        assert made.startswith("rq:" if name.startswith("rq_") else "elsewhere:")
        assert function.__doc__


def test_lua_knows_the_keys_and_moves_that_python_knows(valkey_url: str, tmp_path) -> None:
    lines = [
        f"keys.{name}" for name, value in vars(keys).items() if isinstance(value, str) and name.isupper()
    ]
    expected = [vars(keys)[line.removeprefix("keys.")] for line in lines]
    for name in documented(keys):
        function = getattr(keys, name)
        arguments = [f"a{number}'" for number in range(len(inspect.signature(function).parameters))]
        lines.append(f"keys.{name}({', '.join(repr(argument) for argument in arguments)})")
        expected.append(function(*arguments))
    for origin in Status:
        lines.append(f"tostring(ended['{origin.value}'])")
        expected.append("true" if origin in ENDED else "nil")
        for target in Status:
            lines.append(f"tostring(legal['{origin.value}']['{target.value}'])")
            expected.append("true" if target in LEGAL_MOVES[origin] else "nil")
    (tmp_path / "tell.lua").write_text(f"return {{{', '.join(lines)}}}")
    answer = Script(str(tmp_path / "module.py"), "tell.lua").run(redis.Redis.from_url(valkey_url))
    assert [item.decode() for item in answer] == expected
