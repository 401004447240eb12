"""Sessions to import, recorded by the sink itself."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from pathlib import Path

from elsewhere.contract.edit import Edit, ParameterInfo, Property
from elsewhere.contract.spec import Blob, Entry, Source, Submodule, TaskSpec
from elsewhere.contract.status import Status
from elsewhere.contract.task import NewTask
from elsewhere.contract.write import (
    ConfigurationDeleted,
    ConfigurationSet,
    Edited,
    Happened,
    ParametersDeleted,
    ParametersReplaced,
    ParametersSet,
    Write,
)
from elsewhere.desk.ending import Ending
from elsewhere.offline.sink import FolderSink

DIFF, UNTRACKED = b"--- a/train.py\n", b"notes\0" * 100
COMPLETED = Ending(Status.COMPLETED, exit_code=0)

WRITES: tuple[Write, ...] = (
    ParametersReplaced({"Args/lr": 0.1, "Args/gone": 1, "General/nothing": None, "General/empty": {}}),
    ParametersSet({"Args/epochs": 90, "Args/nan": float("inf")}, by_hand=("Args/epochs",)),
    ParametersDeleted(("Args/gone",)),
    Edited(Edit(progress=50.0, add_tags=("late",), properties={"note": Property([1, None], "list")})),
    ConfigurationSet("model", b"layers: 3\n\x00\xff", ".yaml", "the model"),
    ConfigurationSet("gone", b"{}"),
    ConfigurationDeleted("gone"),
    Happened("environment", "first"),
    Edited(Edit(comment="the end", parameter_info={"Args/lr": ParameterInfo("float", "rate", ("0.1",))})),
    Happened("environment", "second"),
)


def blob(data: bytes) -> Blob:
    return Blob(hashlib.sha256(data).hexdigest(), len(data))


def new_task(**fields: object) -> NewTask:
    """A task whose blobs are in its source and in that of a submodule."""
    inner = Submodule("vendor", Source(commit="d" * 40, untracked=blob(UNTRACKED)))
    source = Source("https://example.org/work.git", "c" * 40, diff=blob(DIFF), submodules=(inner,))
    spec = TaskSpec(Entry("train.py", arguments=("--lr", "0.1")), source)
    return NewTask("digits", "svm", spec, {"Args/lr": 0.5}, tags=("early",), **fields)  # type: ignore[arg-type]


def record(
    folder: Path,
    writes: Sequence[Write] = WRITES,
    ending: Ending | None = COMPLETED,
    new: NewTask | None = None,
) -> Path:
    """A session in ``folder``: packed, or as a folder where it has no ending."""
    task_id = uuid.uuid4().hex
    sink = FolderSink(folder)
    sink.begin(task_id, "new", new or new_task(), (DIFF, UNTRACKED))
    for write in writes:
        sink.deliver([write])
    if ending is not None:
        sink.end(ending)
    sink.close()
    return folder / (task_id if ending is None else f"{task_id}.zip")
