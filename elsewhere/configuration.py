"""One table of ``elsewhere.toml``, with environment variables over it, read with its types checked.

``[packages] index_url`` in the file is ``ELSEWHERE_PACKAGES_INDEX_URL`` in the environment,
which wins. A list is separated by commas there.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from typing import Any, Final

from elsewhere.contract.errors import ConfigurationError
from elsewhere.settings import Folders, read_file

_YES: Final = frozenset({"1", "true", "yes", "on"})
_NO: Final = frozenset({"0", "false", "no", "off"})


def require_known(folders: Folders, known: tuple[str, ...]) -> None:
    """See to it that the file holds nothing but these tables and settings above all tables.

    Raises:
        ConfigurationError: it holds something else; the message names it and what is nearest to it.
    """
    path = folders.config_file
    for key in read_file(path):
        if key not in known:
            raise ConfigurationError(f"{path}: there is no setting or table {key}", _hint(key, known))


def _hint(key: str, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(key, known, 1)
    return f"Did you mean {near[0]}?" if near else f"Known are {', '.join(known)}."


class Table:
    """The settings of one subject. Every getter raises ``ConfigurationError`` for a wrong type.

    Args:
        name: the table's name in the file, such as ``packages``.
        folders: where the file is.
        known: every setting that the table may hold.

    Raises:
        ConfigurationError: the file cannot be read, or the table holds something unknown; the
            message names it and what is nearest to it.
    """

    def __init__(self, name: str, folders: Folders, known: tuple[str, ...]) -> None:
        self._name = name
        self._path = folders.config_file
        table = read_file(self._path).get(name, {})
        if not isinstance(table, dict):
            raise ConfigurationError(f"{self._path}: {name} must be a table", f"Begin it with [{name}].")
        for key in table:
            if key not in known:
                raise ConfigurationError(f"{self._path}: [{name}] has no setting {key}", _hint(key, known))
        self._table: Mapping[str, Any] = table

    def text(self, key: str, default: str = "") -> str:
        """A text."""
        value = self._value(key, default)
        if not isinstance(value, str):
            raise self._wrong(key, "text", value)
        return value

    def choice(self, key: str, default: str, choices: tuple[str, ...]) -> str:
        """One of several words."""
        value = self.text(key, default)
        if value not in choices:
            raise self._wrong(key, f"one of {', '.join(choices)}")
        return value

    def number(self, key: str, default: int) -> int:
        """A whole number from 0 on."""
        value = self._value(key, default)
        if isinstance(value, str) and value.isdecimal():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise self._wrong(key, "a whole number from 0 on", value)
        return value

    def flag(self, key: str, default: bool) -> bool:
        """Yes or no."""
        value = self._value(key, default)
        if isinstance(value, str) and value.lower() in _YES | _NO:
            value = value.lower() in _YES
        if not isinstance(value, bool):
            raise self._wrong(key, "true or false", value)
        return value

    def texts(self, key: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        """A list of texts."""
        value = self._value(key, default)
        if isinstance(value, str):
            value = [part.strip() for part in value.split(",") if part.strip()]
        if not isinstance(value, (list, tuple)) or not all(isinstance(item, str) for item in value):
            raise self._wrong(key, "a list of texts", value)
        return tuple(value)

    def table(self, key: str) -> Mapping[str, Any]:
        """A table inside the table, from the file alone; empty where there is none."""
        value = self._table.get(key, {})
        if not isinstance(value, dict):
            raise self._wrong(key, "a table", value)
        return value

    def _variable(self, key: str) -> str:
        return f"ELSEWHERE_{self._name}_{key}".upper()

    def _value(self, key: str, default: object) -> Any:
        variable = self._variable(key)
        return os.environ[variable] if variable in os.environ else self._table.get(key, default)

    def _wrong(self, key: str, expected: str, value: object = None) -> ConfigurationError:
        variable = self._variable(key)
        where = variable if variable in os.environ else f"{self._path}: [{self._name}] {key}"
        # The value of a setting may be a secret: it is told by its type alone, where that is what is wrong.
        found = "" if value is None else f", not a {type(value).__name__}"
        return ConfigurationError(f"{where} must be {expected}{found}", "Correct it.")
