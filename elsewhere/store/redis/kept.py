"""Bytes on a server, under their own hash."""

from __future__ import annotations

from elsewhere.contract.spec import Blob
from elsewhere.store.redis import blobs
from elsewhere.store.redis.connection import patient
from elsewhere.store.redis.served import Served

BLOB_SECONDS = 60.0
"""How long one piece of a blob may take over a slow line."""


class Kept(Served):
    """See ``Store`` for what each method promises."""

    def put_blob(self, data: bytes) -> Blob:
        """Keep ``data`` under its hash."""
        with patient(self.connection, BLOB_SECONDS) as connection:
            return blobs.put_blob(connection, data)

    def get_blob(self, blob: Blob) -> bytes:
        """The bytes of ``blob``, verified against its hash."""
        with patient(self.connection, BLOB_SECONDS) as connection:
            return blobs.get_blob(connection, blob)
