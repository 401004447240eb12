"""A registry on this machine: just enough of the protocol to hand out one small image, or to refuse."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


class _Image:
    """An image of one layer with one file, and a setting of each kind."""

    def __init__(self) -> None:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as tar:
            tar.addfile(tarfile.TarInfo("a-file"), io.BytesIO())
        layer = gzip.compress(packed.getvalue(), mtime=0)
        settings = json.dumps(
            {
                "architecture": "amd64", "os": "linux",
                "config": {"Env": ["A=1", "B=x=y"], "Entrypoint": ["/entry", "point"]},
                "rootfs": {"type": "layers", "diff_ids": [_digest(packed.getvalue())]},
            }
        ).encode()  # fmt: skip
        self.blobs = {_digest(data): data for data in (layer, settings)}
        self.manifest = json.dumps(
            {
                "schemaVersion": 2, "mediaType": _MANIFEST,
                "config": {
                    "mediaType": "application/vnd.docker.container.image.v1+json",
                    "size": len(settings), "digest": _digest(settings),
                },
                "layers": [
                    {
                        "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",
                        "size": len(layer), "digest": _digest(layer),
                    }
                ],
            }
        ).encode()  # fmt: skip


class _Registry(BaseHTTPRequestHandler):
    image = _Image()

    def do_GET(self) -> None:
        if self.path == "/v2/":
            self._answer(200, b"{}")
        elif "/private/" in self.path:
            self._answer(401, b'{"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]}')
        elif "/public/" in self.path and "/manifests/" in self.path and "nosuch" not in self.path:
            self._answer(200, self.image.manifest, _MANIFEST)
        elif (digest := self.path.rpartition("/")[2]) in self.image.blobs:
            self._answer(200, self.image.blobs[digest], "application/octet-stream")
        else:
            self._answer(404, b'{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}')

    do_HEAD = do_GET

    def _answer(self, status: int, body: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
        if kind == _MANIFEST:
            self.send_header("Docker-Content-Digest", _digest(body))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


MANIFEST_DIGEST = _digest(_Registry.image.manifest)


@contextmanager
def registry() -> Iterator[str]:
    """``HOST:PORT`` of a registry that serves while the block runs."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Registry)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
