"""Atomic moves: a ``.lua`` file beside a module, run on the server as one script.

Redis has no includes. A file that builds on others says so at its top, one line each::

    --! needs clock.lua

and their text is set before its own, each once, found beside the file or in
``elsewhere/store/redis/fragments``. Before all of them stands a prologue made from the
contract, so that key names, legal moves and ended statuses are written once, in Python:

- ``keys``: every function and constant of ``elsewhere.contract.keys`` under its own name,
  such as ``keys.task(id)`` and ``keys.LEASES``;
- ``legal[origin][target]``: true where the move is legal;
- ``ended[status]``: true for statuses that no attempt leaves by itself.

A file may ask the server for flags of its own, such as to be run while memory is short::

    --! flags allow-oom

Scripts compute the keys that they discover (a queued task's hash), which is why one
installation lives on one server and not on a cluster.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elsewhere.contract import keys
from elsewhere.contract.status import ENDED, LEGAL_MOVES

if TYPE_CHECKING:
    import redis

FRAGMENTS = Path(__file__).parent / "redis" / "fragments"
"""Lua files that only others need."""

_FLAGS = re.compile(r"^--! flags (\S+)$", re.MULTILINE)
_NEEDS = re.compile(r"^--! needs (\S+\.lua)$", re.MULTILINE)

Argument = str | bytes | int | float
"""What a script may be given; all of it arrives there as text."""


class Script:
    """One atomic move: ``Script(__file__, "take.lua")`` is the file beside this module.

    The text is read at the first run; the object may be shared by threads and connections.
    """

    def __init__(self, module_file: str, name: str) -> None:
        self._path = Path(module_file).parent / name

    @functools.cached_property
    def text(self) -> str:
        """The whole text that the server gets: prologue, fragments, then the file itself."""
        parts = _with_fragments(self._path, set())
        # The server reads them in the first line, or nowhere.
        flags = [f"#!lua flags={flags}" for flags in _FLAGS.findall(parts[-1])]
        return "\n".join([*flags, _prologue(), *parts])

    @functools.cached_property
    def sha1(self) -> str:
        """The name under which the server caches the text."""
        return hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()

    def run(
        self, connection: redis.Redis, keys: Sequence[str] = (), arguments: Sequence[Argument] = ()
    ) -> Any:
        """Run the script; its text travels only when the server does not know it yet.

        Raises:
            ServerUnreachable: the server does not answer; whether the script ran is unknown.
            ServerUnfit: the server cannot write; nothing was changed.
        """
        from redis.exceptions import NoScriptError

        from elsewhere.store.redis.connection import answering

        with answering(connection):
            try:
                return connection.evalsha(self.sha1, len(keys), *keys, *arguments)
            except NoScriptError:
                return connection.eval(self.text, len(keys), *keys, *arguments)


def _with_fragments(path: Path, seen: set[str]) -> list[str]:
    text = path.read_text(encoding="utf-8")
    parts = []
    for needed in _NEEDS.findall(text):
        if needed not in seen:
            seen.add(needed)
            beside = path.parent / needed
            parts += _with_fragments(beside if beside.exists() else FRAGMENTS / needed, seen)
    return [*parts, text]


@functools.cache
def _prologue() -> str:
    names = [_lua_key(name, value) for name, value in vars(keys).items() if not name.startswith("_")]
    moves = [
        f"{origin.value} = {{{', '.join(f'{target.value} = true' for target in sorted(targets))}}}"
        for origin, targets in LEGAL_MOVES.items()
    ]
    ends = ", ".join(f"{status.value} = true" for status in sorted(ENDED))
    return "\n".join(
        [
            f"local keys = {{{', '.join(name for name in names if name)}}}",
            f"local legal = {{{', '.join(moves)}}}",
            f"local ended = {{{ends}}}",
        ]
    )


def _lua_key(name: str, value: object) -> str:
    """One entry of the Lua table ``keys``: a constant, or a function that joins the same parts."""
    if isinstance(value, str):
        return f"{name} = '{value}'"
    if not inspect.isfunction(value):
        return ""
    parameters = list(inspect.signature(value).parameters)
    parts = re.split(r"\0(\w+)\0", value(*(f"\0{parameter}\0" for parameter in parameters)))
    joined = " .. ".join(part if index % 2 else f"'{part}'" for index, part in enumerate(parts))
    return f"{name} = function({', '.join(parameters)}) return {joined} end"
