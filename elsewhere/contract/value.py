"""Values that JSON can hold: what parameters and properties are made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Union

JSONValue = Union[None, bool, int, float, str, "list[JSONValue]", "dict[str, JSONValue]"]
"""A value that JSON can hold."""

Parameters = Mapping[str, JSONValue]
"""Typed values under ``Section/key`` names, such as ``{"Args/lr": 0.1}``."""
