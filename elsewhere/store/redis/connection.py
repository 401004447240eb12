"""Connections to the server: how long they wait, and what their failures are called."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

import redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, OutOfMemoryError, ReadOnlyError, RedisError, ResponseError
from redis.retry import Retry

from elsewhere.contract.errors import ConfigurationError, ServerUnfit, ServerUnreachable

# A command that cannot reach its server must have said so within 3 seconds, start of the process included.
CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 2.5


def connect(url: str) -> redis.Redis:
    """A client of the server at ``url`` (``redis://``, ``rediss://`` or ``unix://``).

    Nothing is sent before the first command. The client may be shared by threads. Commands
    are never repeated behind the caller's back: only the caller knows which may be.

    Raises:
        ConfigurationError: ``url`` is no URL of a server; the message shows it without password.
    """
    try:
        return redis.Redis.from_url(
            url,
            socket_connect_timeout=CONNECT_SECONDS,
            socket_timeout=ANSWER_SECONDS,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
            decode_responses=False,
        )
    except ValueError as error:
        raise ConfigurationError(
            f"{safe_url(url)} is no URL of a Redis server",
            "Write redis://HOST:PORT/DB, rediss://HOST:PORT/DB or unix:///PATH?db=DB.",
        ) from error


def patient(connection: redis.Redis, seconds: float) -> redis.Redis:
    """Another client of the same server whose commands may take ``seconds``, for blocking reads.

    It has connections of its own: close it when done.
    """
    pool = connection.connection_pool
    # What a pool adds for itself must not be handed to another one.
    own = ("maint_", "orig_", "himport", "event_dispatcher")
    settings = {name: value for name, value in pool.connection_kwargs.items() if not name.startswith(own)}
    settings |= {"socket_timeout": seconds, "protocol": 2, "retry": Retry(NoBackoff(), 0)}
    return redis.Redis.from_pool(redis.ConnectionPool(connection_class=pool.connection_class, **settings))


def safe_url(url: str) -> str:
    """``url`` without user name and password, fit for messages and logs."""
    try:
        parts = urlsplit(url)
        database = parse_qs(parts.query).get("db")
    except ValueError:
        return "the configured URL"
    query = f"?db={database[0]}" if database else ""
    if parts.scheme != "unix" and "@" in parts.path:
        # A password with an unquoted "/" has spilled over: all before the "@" is part of it.
        return f"{parts.scheme}://{parts.path.rpartition('@')[2]}{query}"
    return f"{parts.scheme or 'redis'}://{parts.netloc.rpartition('@')[2]}{parts.path}{query}"


def address(connection: redis.Redis) -> str:
    """The URL of a client's server, without user name and password."""
    settings = connection.connection_pool.connection_kwargs
    if "path" in settings:
        return f"unix://{settings['path']}?db={settings.get('db', 0)}"
    scheme = "rediss" if connection.connection_pool.connection_class is redis.SSLConnection else "redis"
    host, port = settings.get("host", "localhost"), settings.get("port", 6379)
    return f"{scheme}://{host}:{port}/{settings.get('db', 0)}"


@contextmanager
def answering(connection: redis.Redis) -> Iterator[None]:
    """Turn the failures of the server inside the block into errors of the contract.

    Raises:
        ServerUnreachable: it does not answer, or not in time, or refuses the credentials.
        ServerUnfit: it answers that it cannot write.
    """
    try:
        yield
    except AuthenticationError as error:
        raise ServerUnreachable(
            f"the server at {address(connection)} refuses the user name or password",
            "Correct them in ELSEWHERE_REDIS_URL.",
        ) from error
    except (redis.ConnectionError, redis.TimeoutError) as error:
        raise ServerUnreachable(
            f"no Redis server answers at {address(connection)}: {_cause(error)}"
        ) from error
    except OutOfMemoryError as error:
        raise ServerUnfit(
            f"the server at {address(connection)} is out of memory and stores nothing more",
            "Raise its `maxmemory`, or delete what is not needed any more.",
        ) from error
    except ReadOnlyError as error:
        raise ServerUnfit(
            f"the server at {address(connection)} is a read-only replica",
            "Point ELSEWHERE_REDIS_URL at the primary.",
        ) from error
    except ResponseError as error:
        _raise_unfit(error, connection)
        raise


def _raise_unfit(error: RedisError, connection: redis.Redis) -> None:
    if str(error).startswith(("NOAUTH", "NOPERM")):
        raise ServerUnreachable(
            f"the server at {address(connection)} does not let this user in",
            "Put a user name and password that may do this into ELSEWHERE_REDIS_URL.",
        ) from error
    if str(error).startswith("MISCONF"):
        raise ServerUnfit(
            f"the server at {address(connection)} cannot save its data to disk, so it refuses writes",
            "Look into its log: its disk may be full.",
        ) from error


def _cause(error: Exception) -> str:
    """Why, in few words: redis-py's own text may repeat the address."""
    if isinstance(error, redis.TimeoutError):
        return "it took too long"
    cause = error.__cause__ or error.__context__
    reason = getattr(cause, "strerror", None)
    return str(reason or error).rstrip(".")
