"""What most commands begin with: the store or the server that this desk's settings name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import redis

    from elsewhere.store.protocol import Store


@contextmanager
def open_desk() -> Iterator[Store]:
    """The store, closed afterwards.

    Raises:
        ServerUnreachable: no server answers.
    """
    from elsewhere.connect import open_store
    from elsewhere.settings import load

    store = open_store(load())
    try:
        yield store
    finally:
        store.close()


@contextmanager
def open_desk_and_server() -> Iterator[tuple[Store, redis.Redis]]:
    """Both over one connection, for what asks of tasks and of the agents that run them."""
    from elsewhere.store.redis import RedisStore

    with open_server() as connection:
        yield RedisStore(connection), connection


@contextmanager
def open_server() -> Iterator[redis.Redis]:
    """A connection to the server, for what is asked of queues and agents; closed afterwards."""
    from elsewhere.connect import server_url
    from elsewhere.settings import load
    from elsewhere.store.redis.connection import connect

    connection = connect(server_url(load()))
    try:
        yield connection
    finally:
        connection.close()


def server_time(connection: redis.Redis) -> float:
    """What time it is by the server's clock, in seconds since the epoch."""
    from elsewhere.store.redis.connection import answering

    with answering(connection):
        seconds, microseconds = connection.time()
    return seconds + microseconds / 1e6
