"""What a server can do to its clients: be away, hang, be full, hold another version's data."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest
import redis

from elsewhere.contract import keys
from elsewhere.contract.errors import ConfigurationError, SchemaError, ServerUnfit, ServerUnreachable
from elsewhere.contract.task import NewTask
from elsewhere.store.redis import RedisStore
from elsewhere.store.redis.connection import address, connect, safe_url
from tests.conftest import start_server, valkey_binary


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://:secret@host:6379/0", "redis://host:6379/0"),
        ("rediss://ada:secret@host/1", "rediss://host/1"),
        ("redis://:sec@ret@host:1/0", "redis://host:1/0"),
        ("redis://:sec/ret@host:1/0", "redis://host:1/0"),
        ("unix:///run/s.sock?db=3&password=secret", "unix:///run/s.sock?db=3"),
        ("redis://host:1?password=secret", "redis://host:1"),
    ],
)
def test_a_shown_url_holds_no_password(url: str, shown: str) -> None:
    assert safe_url(url) == shown


def test_a_url_of_something_else_is_refused_without_its_password() -> None:
    with pytest.raises(ConfigurationError) as caught:
        connect("http://:secret@host/")
    assert "secret" not in str(caught.value)


def test_a_server_that_is_away_is_named_without_its_password() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        store = RedisStore(f"redis://ada:secret@127.0.0.1:{port}/0")
        with pytest.raises(ServerUnreachable) as caught:
            store.newest()
    assert f"redis://127.0.0.1:{port}/0" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert caught.value.exit_code == 3


def test_a_missing_socket_is_named() -> None:
    with pytest.raises(ServerUnreachable, match=r"/nowhere/s\.sock"):
        RedisStore("unix:///nowhere/s.sock").newest()


def test_a_server_that_hangs_is_given_up_within_three_seconds(new: NewTask) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        store = RedisStore(f"redis://127.0.0.1:{silent.getsockname()[1]}")
        began = time.monotonic()
        with pytest.raises(ServerUnreachable, match="too long"):
            store.create(new)
        assert time.monotonic() - began < 3


def test_wrong_passwords_full_and_read_only_servers_are_told_apart(tmp_path: Path, new: NewTask) -> None:
    server = start_server("own", valkey_binary(), tmp_path)
    try:
        url = f"unix://{server.socket}"
        store, raw = RedisStore(url), redis.Redis.from_url(url)
        task = store.create(new)
        raw.config_set("maxmemory", "1mb")
        raw.config_set("maxmemory-policy", "noeviction")
        with pytest.raises(ServerUnfit, match="out of memory"):
            store.enqueue(task.id, "q")
        raw.config_set("maxmemory", "0")
        raw.replicaof("127.0.0.1", "1")
        with pytest.raises(ServerUnfit, match="read-only"):
            store.enqueue(task.id, "q")
        raw.replicaof("NO", "ONE")
        raw.config_set("requirepass", "secret")
        with pytest.raises(ServerUnreachable) as caught:
            RedisStore(f"{url}?password=bad-guess").newest()
        assert "bad-guess" not in str(caught.value)
        with pytest.raises(ServerUnreachable):
            RedisStore(url).newest()
        assert store.enqueue(task.id, "q") == 0
    finally:
        server.process.terminate()
        server.process.wait(10)


def test_scripts_come_back_to_a_server_that_forgot_them(redis_url: str, new: NewTask) -> None:
    store = RedisStore(redis_url)
    store.create(new)
    store.connection.script_flush()
    assert store.create(new).project == "digits"


def test_a_client_made_by_the_caller_stays_the_callers(redis_url: str, new: NewTask) -> None:
    client = connect(redis_url)
    store = RedisStore(client)
    store.create(new)
    store.close()
    assert client.ping()
    assert address(client) == redis_url


def test_a_task_of_another_version_is_an_error_that_names_the_field(redis_url: str, new: NewTask) -> None:
    store = RedisStore(redis_url)
    task = store.create(new)
    store.connection.hset(keys.task(task.id), "spec", '{"schema":99,"TaskSpec":{}}')
    with pytest.raises(SchemaError, match=rf"task {task.id}: TaskSpec: stored with schema version 99"):
        store.get(task.id)
    store.connection.hset(keys.task(task.id), "attempt", "many")
    store.connection.hset(
        keys.task(task.id), "spec", store.connection.hget(keys.task(store.create(new).id), "spec")
    )
    with pytest.raises(SchemaError, match="attempt: cannot be read"):
        store.get(task.id)
