"""A proxy on the loopback that does to a connection what networks do: cut, slow, silence, hold."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

CHUNK_BYTES = 64 * 1024
CHUNKS_UNDER_WAY = 256
"""How much one connection may have under way in one direction, before its sender has to wait."""

Way = Literal["up", "down"]
"""``up`` is towards the server, ``down`` towards the client."""


@dataclass(eq=False)
class _Link:
    """One client's connection and its way to the server."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    torn: bool = False
    """Bytes of it are missing: it can never work again."""

    def abort(self) -> None:
        for writer in (self.client, self.server):
            with contextlib.suppress(Exception):
                writer.transport.abort()


class FaultProxy:
    """Passes TCP connections on to a server (a Unix socket, or a port), until told to do worse.

    It has a thread and a port of its own, and all methods may be called from any thread; what
    they do has been done when they return. ``restore`` ends whatever was begun before.

    - ``cut``: connections are reset, new ones are closed at once.
    - ``black_hole``: connections stand and are accepted, but nothing passes, for good.
    - ``swallow_answers``: the server hears and does all, but its answers vanish.
    - ``hold``: nothing passes, and all of it arrives when the link is restored.
    - ``delay``: what passes takes so long, each way; any number of bytes may be under way.
    """

    def __init__(self, server: Path | tuple[str, int]) -> None:
        self._server = server
        self._loop = asyncio.new_event_loop()
        self._links: set[_Link] = set()
        self._jobs: set[asyncio.Task[None]] = set()
        self._accepts = True
        self._swallows: frozenset[Way] = frozenset()
        self._delay: dict[Way, float] = {"up": 0.0, "down": 0.0}
        self._passing = asyncio.Event()
        self._passing.set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault proxy", daemon=True)
        self._thread.start()
        self.port: int = self._call(self._listen())

    def url(self, database: int = 0) -> str:
        """URL of a database of the server, by way of this proxy."""
        return f"redis://127.0.0.1:{self.port}/{database}"

    @property
    def connections(self) -> int:
        """How many connections stand."""
        return len(self._links)

    # --- faults --------------------------------------------------------------------

    def cut(self) -> None:
        """Reset all connections, and close each new one at once."""
        self._do(self._cut)

    def black_hole(self) -> None:
        """Accept, and pass nothing on, either way, for good."""
        self._do(lambda: self._swallow(frozenset({"up", "down"})))

    def swallow_answers(self) -> None:
        """Pass on what clients say, and nothing of what the server answers."""
        self._do(lambda: self._swallow(frozenset({"down"})))

    def hold(self) -> None:
        """Pass nothing on until the link is restored; then all of it arrives."""
        self._do(self._passing.clear)

    def delay(self, *, up: float = 0.0, down: float = 0.0) -> None:
        """Let what passes take so many seconds more, each way."""
        self._do(lambda: self._delay.update(up=up, down=down))

    def restore(self) -> None:
        """Pass everything on again, at once. Connections that have lost something are reset."""
        self._do(self._restore)

    # --- life ----------------------------------------------------------------------

    def close(self) -> None:
        """Reset all connections, and give the port back."""
        if self._thread.is_alive():
            self._call(self._close())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(10)
            self._loop.close()

    def __enter__(self) -> FaultProxy:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    # --- within the loop's thread --------------------------------------------------

    def _call(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def _do(self, change: Callable[[], object]) -> None:
        async def work() -> None:
            change()

        self._call(work())

    async def _listen(self) -> int:
        self._listener = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=CHUNK_BYTES)
        return int(self._listener.sockets[0].getsockname()[1])

    def _cut(self) -> None:
        self._accepts = False
        for link in self._links:
            link.abort()

    def _swallow(self, ways: frozenset[Way]) -> None:
        self._swallows = ways

    def _restore(self) -> None:
        self._accepts = True
        self._swallows = frozenset()
        self._delay.update(up=0.0, down=0.0)
        self._passing.set()
        for link in self._links:
            if link.torn:
                link.abort()

    async def _close(self) -> None:
        self._listener.close()
        for job in self._jobs:
            job.cancel()
        for link in self._links:
            link.abort()
        await asyncio.sleep(0)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._jobs.add(task)
        try:
            if self._accepts:
                await self._join(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._jobs.discard(task)
            with contextlib.suppress(Exception):
                writer.transport.abort()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if isinstance(self._server, Path):
            upstream = await asyncio.open_unix_connection(str(self._server), limit=CHUNK_BYTES)
        else:
            upstream = await asyncio.open_connection(*self._server, limit=CHUNK_BYTES)
        link = _Link(writer, upstream[1])
        self._links.add(link)
        ways = [
            asyncio.ensure_future(self._pass("up", reader, upstream[1], link)),
            asyncio.ensure_future(self._pass("down", upstream[0], writer, link)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            link.abort()
            self._links.discard(link)

    async def _pass(
        self, way: Way, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, link: _Link
    ) -> None:
        """Copy one direction until either end is gone; reading goes on while chunks are under way."""
        line: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(CHUNKS_UNDER_WAY)
        sending = asyncio.ensure_future(self._send(way, line, writer, link))
        try:
            data = b"-"
            while data and not sending.done():
                data = await reader.read(CHUNK_BYTES)
                await line.put((time.monotonic(), data))
            await sending
        finally:
            sending.cancel()

    async def _send(
        self, way: Way, line: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter, link: _Link
    ) -> None:
        while True:
            came, data = await line.get()
            await asyncio.sleep(max(0.0, came + self._delay[way] - time.monotonic()))
            await self._passing.wait()
            if way in self._swallows:
                # The end of a connection vanishes, too: whoever hung up is not heard of.
                link.torn = True
            elif data:
                writer.write(data)
                await writer.drain()
            else:
                return
