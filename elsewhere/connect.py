"""From settings to the store that they name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elsewhere import settings as resolving

if TYPE_CHECKING:
    from elsewhere.settings import Settings
    from elsewhere.store.protocol import Store


def open_store(settings: Settings | None = None) -> Store:
    """Connect to the server that the settings name, or else to this user's embedded one.

    The server is asked once for a sign of life, so that one that is not there is known now,
    within 3 s. The embedded server is started where it does not run yet.

    Raises:
        ServerUnreachable: nothing answers at the URL.
        ServerUnfit: the server is too old, or refuses to work.
        MissingDependency: no URL is set, and the embedded server is not installed.
        ConfigurationError: the settings cannot be understood.
    """
    return open_url(server_url(settings or resolving.load()))


def open_url(url: str) -> Store:
    """Connect to the server at ``url``, as ``open_store`` does.

    Raises:
        ServerUnreachable: nothing answers there.
        ServerUnfit: the server is too old, or refuses to work.
        ConfigurationError: it is no URL of a server.
    """
    from elsewhere.store.redis import RedisStore
    from elsewhere.store.redis.connection import answering

    store = RedisStore(url)
    with answering(store.connection):
        store.connection.ping()
    return store


def server_url(settings: Settings) -> str:
    """URL of the server that the settings name, or of this user's embedded one, which then runs.

    Raises:
        MissingDependency: no URL is set, and the embedded server is not installed.
    """
    if settings.redis_url is not None:
        return settings.redis_url
    from elsewhere.store.embedded import ensure_server

    return ensure_server(settings.folders.server, settings.folders.server_socket)
