from __future__ import annotations

import dataclasses
import os

import pytest
import redis

from elsewhere.contract import keys
from elsewhere.contract.errors import CorruptBlob
from elsewhere.contract.spec import Blob
from elsewhere.store.protocol import Store
from elsewhere.store.redis import RedisStore

MIB = 1024 * 1024


@pytest.mark.parametrize("size", [0, 1, MIB - 1, MIB, MIB + 1, 3 * MIB + 7])
def test_bytes_come_back_as_they_were(store: Store, size: int) -> None:
    data = os.urandom(size)
    blob = store.put_blob(data)
    assert blob.size == size
    assert store.get_blob(blob) == data
    assert store.put_blob(data) == blob


def test_bytes_that_were_never_put_are_missing(store: Store) -> None:
    with pytest.raises(CorruptBlob, match="a" * 64):
        store.get_blob(Blob("a" * 64, 3))


def test_a_blob_of_another_size_is_corrupt(store: Store) -> None:
    blob = store.put_blob(b"abc")
    with pytest.raises(CorruptBlob):
        store.get_blob(dataclasses.replace(blob, size=4))


def test_altered_and_half_written_bytes_are_noticed(redis_url: str) -> None:
    store = RedisStore(redis_url)
    blob = store.put_blob(os.urandom(2 * MIB))
    raw = redis.Redis.from_url(redis_url)
    raw.hset(keys.blob(blob.sha256), "1", b"z" * MIB)
    with pytest.raises(CorruptBlob):
        store.get_blob(blob)
    raw.hdel(keys.blob(blob.sha256), "size")
    with pytest.raises(CorruptBlob, match="does not hold"):
        store.get_blob(blob)


def test_a_half_written_blob_is_written_anew(redis_url: str) -> None:
    store = RedisStore(redis_url)
    data = os.urandom(MIB + 1)
    blob = store.put_blob(data)
    raw = redis.Redis.from_url(redis_url)
    raw.hdel(keys.blob(blob.sha256), "size", "1")
    store.put_blob(data)
    assert store.get_blob(blob) == data
