"""Arguments and options that several commands take, declared once."""

from __future__ import annotations

from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on stdout, and errors as JSON on stderr.")]
TaskId = Annotated[str, typer.Argument(metavar="ID", help="The task's id, or the first digits of it.")]
QueueName = Annotated[str, typer.Argument(metavar="QUEUE", help="Name of the queue.")]
