"""Bytes under their own hash."""

from __future__ import annotations

from typing import Protocol

from elsewhere.contract.spec import Blob


class Kept(Protocol):
    """See ``elsewhere.store.protocol`` for what holds for all of it."""

    def put_blob(self, data: bytes) -> Blob:
        """Keep ``data`` under its hash. Repeating it costs one look-up."""
        ...

    def get_blob(self, blob: Blob) -> bytes:
        """The bytes of ``blob``, verified against its hash.

        Raises:
            CorruptBlob: they are missing, incomplete or altered.
        """
        ...
