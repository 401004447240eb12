"""A wheel made on the spot, and a package index of it that can be taken away and brought back."""

from __future__ import annotations

import http.server
import os
import threading
import time
import zipfile
from pathlib import Path


def make_wheel(folder: Path, name: str, *, payload: int = 0) -> Path:
    """A wheel of package ``name`` 1.0 with a module that says so, and ``payload`` random bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{name}/__init__.py", "WORD = 'installed'\n")
        if payload:
            wheel.writestr(f"{name}/payload.bin", os.urandom(payload))
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        files = [f"{name}/__init__.py", *([f"{name}/payload.bin"] if payload else [])]
        listed = [*files, f"{info}/METADATA", f"{info}/WHEEL", f"{info}/RECORD"]
        wheel.writestr(f"{info}/RECORD", "".join(f"{file},,\n" for file in listed))
    return path


class PackageIndex:
    """An index on the loopback that serves the wheels of one folder, while it is up.

    It keeps its port over ``down`` and ``up``. ``delay`` seconds pass before each answer.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.delay = 0.0
        self.asked = threading.Event()
        self._server: http.server.ThreadingHTTPServer | None = None
        self._port = 0
        self.up()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/simple/"

    def up(self) -> None:
        """Answer from now on."""
        index = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                index.asked.set()
                time.sleep(index.delay)
                index.answer(self)

            def do_HEAD(self) -> None:
                self.do_GET()

            def log_message(self, format: str, *arguments: object) -> None:
                """Say nothing."""

        http.server.ThreadingHTTPServer.allow_reuse_address = True
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", self._port), Handler)
        self._server.daemon_threads = True
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def down(self) -> None:
        """Refuse connections from now on; safe to repeat."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        parts = [part for part in request.path.split("/") if part]
        if len(parts) == 2 and parts[0] == "simple":
            names = [path.name for path in self.folder.glob(f"{parts[1].replace('-', '_')}-*.whl")]
            links = "".join(f'<a href="/files/{name}">{name}</a>\n' for name in names)
            body, kind = links.encode(), "text/html"
            code = 200 if names else 404
        elif len(parts) == 2 and parts[0] == "files":
            body, kind, code = (self.folder / parts[1]).read_bytes(), "application/octet-stream", 200
        else:
            body, kind, code = b"", "text/plain", 404
        request.send_response(code)
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        if request.command == "GET":
            request.wfile.write(body)
