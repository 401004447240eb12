"""A private index is asked with the agent's password, which nobody sees."""

from __future__ import annotations

import base64
import os
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agent.environment import uv as uv_module
from agent.environment.config import PackagesConfig, configured
from agent.environment.index import Index, carries_credentials
from elsewhere.contract.errors import BuildError, ConfigurationError
from elsewhere.contract.spec import Packages
from elsewhere.settings import find_folders

if TYPE_CHECKING:
    from .conftest import Box

Versions = Callable[..., list[str]]
PASSWORD = "pass-Word"


class PrivateIndex:
    """A simple index that lets in one user, and looks at all command lines at each request."""

    def __init__(self, wheels: Path) -> None:
        self.seen: list[str] = []
        expected = "Basic " + base64.b64encode(f"me:{PASSWORD}".encode()).decode()
        index = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                index.look()
                if self.headers.get("Authorization") != expected:
                    self.answer(401, b"", {"WWW-Authenticate": 'Basic realm="x"'})
                    return
                parts = self.path.strip("/").split("/")
                if parts[0] == "simple":
                    found = sorted(wheels.glob(f"{parts[1]}-*.whl"))
                    links = "".join(f'<a href="/files/{path.name}">{path.name}</a>' for path in found)
                    self.answer(200 if found else 404, links.encode(), {"Content-Type": "text/html"})
                else:
                    self.answer(200, (wheels / parts[1]).read_bytes(), {})

            do_HEAD = do_GET

            def answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://me:{PASSWORD}@127.0.0.1:{self.server.server_port}/simple"

    def look(self) -> None:
        for process in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                self.seen.append(process.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
            except OSError:
                continue


@pytest.fixture
def index(box: Box, monkeypatch: pytest.MonkeyPatch) -> Iterator[PrivateIndex]:
    for tool in ("UV", "PIP"):
        monkeypatch.delenv(f"{tool}_NO_INDEX")
        monkeypatch.delenv(f"{tool}_FIND_LINKS")
    index = PrivateIndex(box.wheels)
    yield index
    index.server.shutdown()
    index.server.server_close()


@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_an_index_with_a_password_is_asked_and_the_password_is_nowhere(
    installer: str,
    box: Box,
    index: PrivateIndex,
    versions_in: Versions,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    if installer == "pip":
        monkeypatch.setattr(uv_module, "find", lambda: tmp_path / "no uv")
    environment = box.rebuild(packages=Packages(requirements=("toytwo==1.0",)), index_url=index.url)
    assert versions_in(environment, "toytwo", "toyone") == ["1.0", "2.0"]
    assert any(" pip " in line and str(environment.folder) in line for line in index.seen)
    assert not any(PASSWORD in line for line in index.seen)
    with pytest.raises(BuildError) as caught:
        box.rebuild(packages=Packages(requirements=("nosuch==1.0",)), index_url=index.url)
    assert PASSWORD not in str(caught.value) + repr(caught.value) + "".join(box.notes)
    for file in box.folder.rglob("*"):
        if file.is_file() and not file.is_symlink() and "pip" not in file.parts:
            assert PASSWORD.encode() not in file.read_bytes(), file


def test_an_extra_index_of_the_agent_is_asked_as_well(
    box: Box, index: PrivateIndex, versions_in: Versions
) -> None:
    # The public index stands for itself: one that nobody has.
    config = {"index_url": index.url.replace("/simple", "/none"), "extra_index_urls": (index.url,)}
    environment = box.rebuild(packages=Packages(requirements=("toyone==1.0",)), **config)
    assert versions_in(environment, "toyone") == ["1.0"]


def test_an_index_that_a_file_names_yields_to_the_agents_own(box: Box, index: PrivateIndex) -> None:
    box.write("requirements.txt", "--index-url http://127.0.0.1:9/simple\ntoyone==1.0\n")
    box.rebuild(index_url=index.url)
    assert any("this agent has an index of its own" in note for note in box.notes)


def test_what_an_index_hides_is_hidden_in_every_form() -> None:
    index = Index("https://me:s%2Fcret@host/simple")
    line = index.hide("GET https://me:s%2Fcret@host/ failed for s/cret and s%2Fcret")
    assert "cret" not in line
    assert "cret" not in repr(index) + repr(PackagesConfig(index_url=index.url))


@pytest.mark.parametrize(
    ("text", "carried"),
    [
        ("https://host/simple", False), ("https://me@host/simple", True), ("https://a:b@host/simple", True),
        ("git+ssh://git@host/repo.git@v1", False), ("git+https://token@host/r", True),
        ("name @ https://host/a@b.whl", False),
    ],
)  # fmt: skip
def test_credentials_are_told_from_what_looks_like_them(text: str, carried: bool) -> None:
    assert carries_credentials(text) is carried


def test_the_settings_are_read_once_and_a_wrong_one_is_told_without_its_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("ELSEWHERE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ELSEWHERE_HOME", str(tmp_path))
    folders = find_folders()
    assert configured(folders) == PackagesConfig()
    folders.config_file.parent.mkdir(parents=True)
    folders.config_file.write_text(
        'index_patience = 7\n[packages]\norigin = "lock"\nindex_url = "https://a:b@host/simple"\n'
        'extra_index_urls = ["https://one", "https://two"]\nno_build_isolation = ["flash-attn"]\n'
    )
    config = configured(folders)
    assert (config.origin, config.index_patience, config.python_policy) == ("lock", 7, "minor")
    assert config.extra_index_urls == ("https://one", "https://two")
    monkeypatch.setenv("ELSEWHERE_INDEX_PATIENCE", "8")
    monkeypatch.setenv("ELSEWHERE_PACKAGES_ORIGIN", "existing:/opt/env")
    monkeypatch.setenv("ELSEWHERE_PACKAGES_EXTRA_INDEX_URLS", "https://three, https://four")
    config = configured(folders)
    assert (config.index_patience, config.origin) == (8, "existing:/opt/env")
    assert config.extra_index_urls == ("https://three", "https://four")
    wrong_ones = {
        "ORIGIN": ("existing:venvs/torch", r"\[packages\] origin: packages cannot come from"),
        "PYTHON_POLICY": ("newest", "POLICY must be one of exact, minor, any$"),
        "INDEX_PATIENCE": ("soon", "must be a whole number from 0 on, not a str$"),
    }
    for name, (value, message) in wrong_ones.items():
        with monkeypatch.context() as wrong:
            wrong.setenv(f"ELSEWHERE_PACKAGES_{name}", value)
            with pytest.raises(ConfigurationError) as caught:
                configured(folders)
            assert re.search(message, caught.value.what)
