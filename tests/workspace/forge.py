"""A small forge on the loopback: git over http, git-lfs beside it, and a password in front of both."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class Forge:
    """Serves the bare repositories in ``folder``; what it saw is there for the tests to look at."""

    def __init__(self, folder: Path, user: str = "", password: str = "") -> None:
        self.folder = folder
        self.expected = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        self.guarded = bool(password)
        self.secret = password.encode()
        self.url = ""
        self.authorised = 0
        """How many requests came with the right password."""
        self.bodies: list[bytes] = []
        """What git asked for."""
        self.shown: list[str] = []
        """Processes of this machine in whose command line the password stood while git asked."""

    def look_for_the_secret(self) -> None:
        for command in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = command.read_bytes()
            except OSError:
                continue
            if self.secret and self.secret in words:
                self.shown.append(words.replace(b"\0", b" ").decode(errors="replace"))


@contextmanager
def serving(forge: Forge) -> Iterator[Forge]:
    """Serve until the block ends."""
    with _running(_smart_handler(forge)) as port:
        forge.url = f"http://127.0.0.1:{port}"
        yield forge


@contextmanager
def serving_files(folder: Path) -> Iterator[str]:
    """Serve the bare repositories in ``folder`` as what they are: files. Yields the URL."""

    class Files(SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(folder))

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with _running(Files) as port:
        yield f"http://127.0.0.1:{port}"


@contextmanager
def _running(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _smart_handler(forge: Forge) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._serve(b"")

        def do_POST(self) -> None:
            self._serve(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def _serve(self, body: bytes) -> None:
            forge.look_for_the_secret()
            if forge.guarded and self.headers.get("Authorization") != forge.expected:
                self._answer(401, b"who are you?", {"WWW-Authenticate": 'Basic realm="forge"'})
                return
            forge.authorised += 1
            forge.bodies.append(body)
            if "/info/lfs/objects/batch" in self.path:
                self._offer(json.loads(body))
            elif "/lfs-content/" in self.path:
                name = self.path.rpartition("/")[2]
                self._answer(200, (forge.folder / "content" / name).read_bytes(), {})
            else:
                self._run_git(body)

        def _offer(self, asked: dict[str, Any]) -> None:
            objects = []
            for wanted in asked["objects"]:
                if (forge.folder / "content" / wanted["oid"]).exists():
                    href = f"{forge.url}/lfs-content/{wanted['oid']}"
                    header = {"Authorization": forge.expected} if forge.guarded else {}
                    objects.append({**wanted, "actions": {"download": {"href": href, "header": header}}})
                else:
                    objects.append({**wanted, "error": {"code": 404, "message": "no such object"}})
            answer = json.dumps({"transfer": "basic", "objects": objects}).encode()
            self._answer(200, answer, {"Content-Type": "application/vnd.git-lfs+json"})

        def _run_git(self, body: bytes) -> None:
            path, _, query = self.path.partition("?")
            encoding = self.headers.get("Content-Encoding", "")
            done = subprocess.run(
                ["git", "http-backend"],
                input=body,
                capture_output=True,
                env={
                    "PATH": os.environ["PATH"],
                    "GIT_PROJECT_ROOT": str(forge.folder),
                    "GIT_HTTP_EXPORT_ALL": "1",
                    "GIT_CONFIG_NOSYSTEM": "1",
                    "GIT_CONFIG_GLOBAL": os.devnull,
                    "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                    "PATH_INFO": path,
                    "QUERY_STRING": query,
                    "REQUEST_METHOD": self.command,
                    "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                    "CONTENT_LENGTH": str(len(body)),
                    **({"HTTP_CONTENT_ENCODING": encoding} if encoding else {}),
                },
            )
            head, _, content = done.stdout.partition(b"\r\n\r\n")
            headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
            status = int(headers.pop("Status", "200").split()[0])
            self._answer(status, content, headers)

        def _answer(self, status: int, content: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    return Handler
