"""Which blobs frozen data refers to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass

from elsewhere.contract.spec import Blob


def blobs_in(value: object) -> Iterator[Blob]:
    """All blobs that ``value``, such as a spec, refers to, those of submodules too."""
    if isinstance(value, Blob):
        yield value
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from blobs_in(getattr(value, field.name))
    elif isinstance(value, tuple):
        for item in value:
            yield from blobs_in(item)
