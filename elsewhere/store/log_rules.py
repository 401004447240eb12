"""What every store holds of logs: who may append what, how much is kept, how a cut is marked."""

from __future__ import annotations

from elsewhere.contract.task import LogChunk, LogKind

CAP_BYTES = 64 * 1024 * 1024
"""How much of a task's log is held."""
ENTRY_COST = 64
"""Bytes that a chunk counts beyond its data, so that tiny chunks are bounded as well."""


def check_appendable(sequence: int, kind: LogKind, skipped: int) -> None:
    """Refuse what no attempt may append.

    Raises:
        ValueError: a number is below 1, or the kind is ``end``, which comes with the task's end.
    """
    if not 0 <= skipped < sequence:
        raise ValueError(f"chunks are numbered from 1, not {sequence} after {skipped} given up")
    if kind == "end":
        raise ValueError("the end chunk is written by whatever ends the task")


def check_numbered(sequence: int | None, attempt: int | None) -> None:
    """Refuse a number that is nobody's.

    Raises:
        ValueError: the number is below 1, or there is no attempt whose it could be.
    """
    if sequence is not None and (attempt is None or sequence < 1):
        raise ValueError(f"{sequence} is no number of a write of attempt {attempt}")


def gap(task_id: str, sequence: int, expected: int) -> ValueError:
    """The error for a number that leaves a gap."""
    return ValueError(f"writes of task {task_id}: number {expected} comes next, not {sequence}")


def cut_note(position: str, attempt: int, cut: int, time: float) -> LogChunk:
    """The chunk that stands where the cap has cut the log; ``position`` is the last one cut."""
    text = f"[{cut} bytes of this log were cut: it had grown over its cap]\n"
    return LogChunk(position, "note", attempt, text.encode(), time)
