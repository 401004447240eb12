"""Bytes in memory, under their own hash."""

from __future__ import annotations

import hashlib

from elsewhere.contract.spec import Blob
from elsewhere.store.memory.held import Held
from elsewhere.store.refusal import missing_blob, verify


class Kept(Held):
    """See ``Store`` for what each method promises."""

    def put_blob(self, data: bytes) -> Blob:
        """Keep ``data`` under its hash."""
        blob = Blob(sha256=hashlib.sha256(data).hexdigest(), size=len(data))
        self._blobs[blob.sha256] = bytes(data)
        return blob

    def get_blob(self, blob: Blob) -> bytes:
        """The bytes of ``blob``, verified against its hash."""
        data = self._blobs.get(blob.sha256)
        if data is None:
            raise missing_blob(blob)
        verify(blob, data)
        return data
