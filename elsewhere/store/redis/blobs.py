"""Bytes kept under their own hash, in pieces of 1 MiB."""

from __future__ import annotations

import hashlib
from typing import cast

import redis

from elsewhere.contract import keys
from elsewhere.contract.spec import Blob
from elsewhere.store.redis.connection import answering
from elsewhere.store.refusal import missing_blob, verify

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
            raise missing_blob(blob)
        count = -(-int(stored) // PIECE_BYTES)
        pieces = [cast("bytes | None", connection.hget(key, str(index))) for index in range(count)]
    data = b"".join(piece or b"" for piece in pieces)
    verify(blob, data)
    return data
