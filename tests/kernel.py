"""A real notebook kernel, spoken to as a notebook does."""

from __future__ import annotations

import queue
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager

PATIENCE_SECONDS = 90


@dataclass
class Output:
    """What came of one cell."""

    stdout: str = ""
    stderr: str = ""
    error: str = ""
    """The class of the exception that ended it."""
    traceback: list[str] = field(default_factory=list)


class Kernel:
    """Runs cells, in ``folder``."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._manager = KernelManager()
        # Of this very interpreter, whatever kernels the machine has besides.
        self._manager._kernel_spec = KernelSpec(
            argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"], language="python"
        )
        own = {"IPYTHONDIR": str(folder.parent / "ipython"), "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
        self._manager.start_kernel(cwd=str(folder), env={**environment, **own})
        self._client = self._manager.blocking_client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=PATIENCE_SECONDS)

    def __enter__(self) -> Kernel:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)

    def begin(self, text: str, cell: str = "") -> str:
        """Have a cell run, which may have an id; the number of the request."""
        content = {"code": text, "silent": False, "store_history": True, "allow_stdin": False}
        message = self._client.session.msg(
            "execute_request", content, metadata={"cellId": cell} if cell else {}
        )
        self._client.shell_channel.send(message)
        return str(message["header"]["msg_id"])

    def until(self, request: str, text: str) -> Output:
        """What a cell has said when it has said ``text``."""
        return self._read(request, text)

    def run(self, text: str, cell: str = "") -> Output:
        """Run a cell to its end."""
        return self._read(self.begin(text, cell), None)

    def interrupt(self, request: str) -> Output:
        """Press the button that interrupts, until it does; the rest of the cell that was begun.

        Python loses an interrupt that comes while it destroys an object.
        """
        return self._read(request, None, interrupts=True)

    def _read(self, request: str, text: str | None, *, interrupts: bool = False) -> Output:
        output = Output()
        if interrupts:
            self._manager.interrupt_kernel()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            try:
                message = self._client.get_iopub_msg(timeout=10 if interrupts else 1)
            except queue.Empty:
                assert self._manager.is_alive(), f"the kernel has gone: {output}"
                if interrupts:
                    self._manager.interrupt_kernel()
                continue
            if message["parent_header"].get("msg_id") != request:
                continue
            content = message["content"]
            if message["msg_type"] == "stream":
                setattr(output, content["name"], getattr(output, content["name"]) + content["text"])
                if text is not None and text in output.stdout:
                    return output
            elif message["msg_type"] == "error":
                output.error, output.traceback = content["ename"], content["traceback"]
            elif message["msg_type"] == "status" and content["execution_state"] == "idle":
                return output
        raise AssertionError(f"waited in vain: {output}")
