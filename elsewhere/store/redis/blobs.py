"""Bytes kept under their own hash, in pieces of 1 MiB."""

from __future__ import annotations

import hashlib
from typing import cast

import redis

from elsewhere.contract import keys
from elsewhere.contract.errors import CorruptBlob
from elsewhere.contract.spec import Blob
from elsewhere.store.redis.connection import answering

PIECE_BYTES = 1024 * 1024


def put_blob(connection: redis.Redis, data: bytes) -> Blob:
    """Keep ``data``; writers of the same bytes may overlap, since they write the same pieces."""
    blob = Blob(sha256=hashlib.sha256(data).hexdigest(), size=len(data))
    key = keys.blob(blob.sha256)
    with answering(connection):
        if connection.hexists(key, "size"):
            return blob
        for index, start in enumerate(range(0, len(data), PIECE_BYTES)):
            connection.hset(key, str(index), data[start : start + PIECE_BYTES])
        connection.hset(key, "size", len(data))
    return blob


def get_blob(connection: redis.Redis, blob: Blob) -> bytes:
    """The bytes of ``blob``, verified."""
    key = keys.blob(blob.sha256)
    with answering(connection):
        stored = connection.hget(key, "size")
        if stored is None:
            raise CorruptBlob(f"the store does not hold the {blob.size} bytes of blob {blob.sha256}")
        count = -(-int(stored) // PIECE_BYTES)
        pieces = [cast("bytes | None", connection.hget(key, str(index))) for index in range(count)]
    data = b"".join(piece or b"" for piece in pieces)
    verify(blob, data)
    return data


def verify(blob: Blob, data: bytes) -> None:
    """Check bytes against the hash that they were kept under.

    Raises:
        CorruptBlob: they are others.
    """
    if len(data) != blob.size or hashlib.sha256(data).hexdigest() != blob.sha256:
        raise CorruptBlob(f"blob {blob.sha256}: the {len(data)} bytes in the store are not those put there")
