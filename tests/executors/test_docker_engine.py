"""An engine is found, or its want is told; images are found, pulled, or their want is told."""

from __future__ import annotations

import http.server
import importlib.util
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from elsewhere.contract.errors import EngineUnavailable, ImageUnavailable, LaunchError
from executors.docker import DockerExecutor, Engine


def _load(name: str) -> ModuleType:
    specification = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


server = _load("registry")


@pytest.fixture(scope="module")
def registry() -> Iterator[str]:
    with server.registry() as address:
        yield address


@pytest.fixture
def engine(engine_url: str) -> Engine:
    return Engine(engine_url)


def test_no_engine_is_told_before_anything_is_launched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody")
    reason = DockerExecutor().available()
    assert reason == f"no container engine answers at unix://{tmp_path}/nobody"
    with pytest.raises(EngineUnavailable) as missing:
        Engine()
    assert isinstance(missing.value, LaunchError)
    assert "DOCKER_HOST" in missing.value.next_step


def test_a_socket_of_a_dead_engine_is_no_engine(tmp_path: Path) -> None:
    with socketserver.UnixStreamServer(str(tmp_path / "s"), http.server.BaseHTTPRequestHandler):
        pass
    with pytest.raises(EngineUnavailable):
        Engine(f"unix://{tmp_path}/s")


@pytest.mark.parametrize("url", ["ssh://box", "https://box:2376"])
def test_an_engine_of_another_machine_is_refused(url: str) -> None:
    with pytest.raises(EngineUnavailable, match="not on this machine"):
        Engine(url)


def test_an_engine_that_dies_later_is_told(tmp_path: Path) -> None:
    class Dying(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b'{"ApiVersion": "1.41"}' if "version" in self.path else b"OK"
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def address_string(self) -> str:
            return "engine"

        def log_message(self, format: str, *args: object) -> None: ...

    with socketserver.ThreadingUnixStreamServer(str(tmp_path / "s"), Dying) as mock:
        threading.Thread(target=mock.serve_forever, daemon=True).start()
        engine = Engine(f"unix://{tmp_path}/s")
        executor = DockerExecutor(engine)
        assert executor.available() is None
        mock.shutdown()
    assert executor.available() is not None
    with pytest.raises(EngineUnavailable, match="cannot be looked up"):
        engine.find("any", note=print)


def test_the_engine_is_found_by_its_variable(engine_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", engine_url)
    assert DockerExecutor().available() is None
    assert Engine().url == engine_url


def test_an_image_that_is_there_is_found_without_a_word(engine: Engine, base_image: str) -> None:
    lines: list[str] = []
    facts = engine.find(base_image, note=lines.append)
    assert lines == []
    assert facts.name == base_image
    assert facts.id.startswith("sha256:")
    assert facts.digest == facts.id
    assert engine.find(facts.id, note=lines.append).id == facts.id


def test_an_image_that_is_not_there_is_pulled_once(engine: Engine, registry: str) -> None:
    lines: list[str] = []
    name = f"{registry}/public/image:1"
    try:
        facts = engine.find(name, note=lines.append)
        assert lines[0] == f"pulling the image {name}"
        assert lines[-1] == f"pulled the image {name}"
        assert facts.digest == server.MANIFEST_DIGEST
        assert facts.environment == {"A": "1", "B": "x=y"}
        assert facts.entrypoint == ("/entry", "point")
        assert facts.architecture == "amd64"
        lines.clear()
        assert engine.find(name, note=lines.append) == facts
        assert lines == []
        engine.pull(name, note=lines.append)
        assert (lines[0], lines[-1]) == (f"pulling the image {name}", f"pulled the image {name}")
    finally:
        engine.client.remove_image(name)


def test_an_image_that_nobody_has_is_named(engine: Engine, registry: str) -> None:
    name = f"{registry}/public/nosuch:1"
    with pytest.raises(ImageUnavailable, match=f"{name} cannot be pulled"):
        engine.find(name, note=print)


def test_an_image_that_is_not_for_us_is_named(engine: Engine, registry: str) -> None:
    with pytest.raises(ImageUnavailable, match="does not give out the image") as refused:
        engine.find(f"{registry}/private/image:1", note=print)
    assert "docker login" in refused.value.next_step


def test_offline_an_image_that_is_missing_is_told_as_such(engine: Engine) -> None:
    with pytest.raises(ImageUnavailable, match="its registry cannot be reached") as offline:
        engine.find("127.0.0.1:9/any/image:1", note=print)
    assert "docker load" in offline.value.next_step


def test_an_id_that_is_gone_is_not_looked_for_in_a_registry(engine: Engine) -> None:
    with pytest.raises(ImageUnavailable, match="not in the engine any more"):
        engine.find(f"sha256:{'0' * 64}", note=print)
