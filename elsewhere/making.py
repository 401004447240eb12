"""Tasks that are made without running anything: of a script here, a repository elsewhere, or another task."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final, NamedTuple

from elsewhere.contract.edit import Edit
from elsewhere.contract.errors import UsageError
from elsewhere.contract.spec import Entry, Source, TaskSpec
from elsewhere.contract.task import USUAL_TYPE, NewTask
from elsewhere.names import checked
from elsewhere.submission import insist
from elsewhere.wish import Wish, asked_image
from elsewhere.wish.packages import asked_packages, lines_of_file
from elsewhere.wish.source import SourceWish, asked_source, inside, module_words

if TYPE_CHECKING:
    from elsewhere.contract.task import JSONValue, TaskRecord
    from elsewhere.store.protocol import Store

_AS_ARGUMENT: Final = "Give such as ('lr', 0.1) or 'lr=0.1'."


@dataclass(frozen=True)
class Asked:
    """What ``Task.create`` was asked for, as it was given."""

    project: str | None = None
    name: str | None = None
    type: str | None = None
    repository: str | os.PathLike[str] | None = None
    branch: str | None = None
    commit: str | None = None
    script: str | os.PathLike[str] | None = None
    working_directory: str | os.PathLike[str] | None = None
    packages: bool | str | Sequence[str] | None = None
    requirements_file: str | os.PathLike[str] | None = None
    image: str | None = None
    image_arguments: str | Sequence[str] | None = None
    setup_script: str | Sequence[str] | None = None
    arguments: Mapping[str, JSONValue] | Iterable[str | tuple[str, JSONValue]] = ()
    base: str | None = None
    """Id of the task to begin with, or the beginning of one."""
    module: str | None = None


class Made(NamedTuple):
    """A draft that was made."""

    record: TaskRecord
    notes: tuple[str, ...]
    """Warnings of the capture, for a person."""


@dataclass(frozen=True)
class _Parts:
    """What a task is made of, found."""

    spec: TaskSpec
    project: str
    name: str
    payloads: tuple[bytes, ...] = ()
    notes: tuple[str, ...] = ()
    root: Path | None = field(default=None)
    """Of the tree, where it stands here."""


def make(store: Store, asked: Asked) -> Made:
    """Make the draft.

    Nothing is made of what makes no sense: whatever can be wrong is found out first.

    Raises:
        UsageError: two things contradict each other, or one cannot be understood.
        CaptureError: the script or repository is not there, or cannot be captured.
        TaskNotFound: there is no task to begin with.
    """
    asked = replace(asked, project=checked("project", asked.project), name=checked("task", asked.name))
    _refuse_contradictions(asked)
    overrides = overrides_of(asked.arguments)
    if asked.base is not None:
        return Made(_of_task(store, asked, overrides), ())
    wish = _wish(asked)
    parts = _parts(asked)
    spec = wish.fulfilled(parts.spec, parts.root, Path.cwd())
    for payload in (*parts.payloads, *wish.payloads):
        insist(partial(store.put_blob, payload))
    new = NewTask(
        asked.project or parts.project,
        asked.name or parts.name,
        spec,
        overrides,
        tuple(overrides),
        type=asked.type or USUAL_TYPE,
    )
    task_id = uuid.uuid4().hex
    return Made(insist(lambda: store.create(new, task_id=task_id)), parts.notes)


def tell(notes: Iterable[str]) -> None:
    """Say on stderr what a capture has to say."""
    for note in notes:
        sys.stderr.write(f"elsewhere: note: {note}\n")


def overrides_of(
    arguments: Mapping[str, JSONValue] | Iterable[str | tuple[str, JSONValue]],
) -> dict[str, JSONValue]:
    """Parameters of section ``Args`` from pairs such as ``("lr", 0.1)`` or texts such as ``lr=0.1``.

    A text is typed where it is written just as JSON is, as on the command line.

    Raises:
        UsageError: one of them is neither, or has no name.
    """
    from elsewhere.parameters.overrides import typed

    items: Iterable[object] = arguments.items() if isinstance(arguments, Mapping) else arguments
    if isinstance(arguments, str):
        items = [arguments]
    found: dict[str, JSONValue] = {}
    for item in items:
        name, value = _argument(item)
        key = name.strip().lstrip("-").removeprefix("Args/")
        if not key:
            raise UsageError(f"argparse_args: {item!r:.80} has no name", _AS_ARGUMENT)
        found[f"Args/{key}"] = typed(value) if isinstance(value, str) else _plain(key, value)
    return found


def _plain(name: str, value: object) -> JSONValue:
    """A value as a person would write it: the parser says elsewhere what type it has."""
    from elsewhere.parameters.typed import Unkeepable, pack

    try:
        return pack(value).value
    except Unkeepable as error:
        raise UsageError(f"argparse_args: {name!r} cannot be kept: {error}", _AS_ARGUMENT) from None


def _argument(item: object) -> tuple[str, object]:
    if isinstance(item, str) and "=" in item:
        name, _, text = item.partition("=")
        return name, text
    if isinstance(item, (tuple, list)) and len(item) == 2 and isinstance(item[0], str):
        return item[0], item[1]
    raise UsageError(f"argparse_args: {item!r:.80} is no argument with a value", _AS_ARGUMENT)


def _refuse_contradictions(asked: Asked) -> None:
    if asked.script is not None and asked.module is not None:
        raise UsageError("a script and a module are given: a run begins with one of them", "Leave one out.")
    if asked.requirements_file is not None and asked.packages not in (None, False):
        raise UsageError("packages and requirements_file both say what is to be installed", "Leave one out.")
    if asked.repository is not None and asked.base is None and asked.script is None and asked.module is None:
        raise UsageError("a repository is given, and nothing of it to run", "Give script= or module=, too.")
    if asked.repository is None and asked.base is None and (asked.branch or asked.commit):
        raise UsageError(
            "a branch or commit is given, but no repository: a script here is captured as it stands",
            "Give repo=, too, or leave them out.",
        )


def _wish(asked: Asked) -> Wish:
    """Packages and image; the source is the business of who makes the spec."""
    wish = Wish(image=asked_image(asked.image, asked.image_arguments, asked.setup_script))
    here = asked.base is None and _is_here(asked)
    packages = asked.packages
    if asked.requirements_file is not None:
        file = asked.requirements_file
        lines = asked_packages(file) if here else Wish(requirements=lines_of_file(file))
        return wish.with_packages_of(lines)
    if packages is True:
        if not here:
            raise UsageError(
                "packages=True records what is installed here, and the script is elsewhere",
                "Give a list of requirements, or leave it out: the agent takes what the repository says.",
            )
        return wish
    if packages is False:
        return wish.with_packages_of(asked_packages([])) if here else wish
    if packages is None:
        return wish
    if isinstance(packages, str) and packages:
        raise UsageError(f"packages={packages!r:.60} is no list", "Give a list of requirement lines.")
    return wish.with_packages_of(asked_packages(packages) if packages else Wish(origin="none"))


def _is_here(asked: Asked) -> bool:
    """Whether the tree is a folder of this machine, to be captured as it stands."""
    if asked.repository is None:
        return asked.script is not None or asked.module is not None
    from elsewhere.capture.remote import checked_address, is_working_copy

    named = asked.branch is not None or asked.commit is not None
    return not named and is_working_copy(checked_address(os.fspath(asked.repository)))


def _parts(asked: Asked) -> _Parts:
    if asked.script is None and asked.module is None:
        if asked.project is None or asked.name is None:
            raise UsageError(
                "there is nothing to name the task after",
                "Give project_name and task_name, or what is to run: script, module or base_task_id.",
            )
        return _Parts(TaskSpec(Entry("")), asked.project, asked.name)
    return _parts_here(asked) if _is_here(asked) else _parts_elsewhere(asked)


def _parts_here(asked: Asked) -> _Parts:
    from elsewhere.capture import capture
    from elsewhere.settings import load

    settings = load()
    script, arguments = _entry(asked)
    top = None if asked.repository is None else Path(asked.repository).expanduser().resolve()
    file = None if asked.module is not None else Path(script).expanduser()
    root = top or _root((file.parent if file is not None else Path.cwd()).resolve())
    folder = _folder(asked.working_directory, root)
    if file is not None:
        # What is nowhere is told by the capture, with what is there.
        places = [*(() if top is None else (top / file,)), file, folder / file]
        file = next((place for place in places if place.is_file()), places[0]).absolute()
    captured = capture(
        script if file is None else file,
        arguments,
        working_directory=folder,
        kind="script" if asked.module is None else "module",
        untracked_limit=settings.untracked_limit,
        bundle_limit=settings.bundle_limit,
    )
    if top is not None and captured.root != top:
        raise UsageError(f"{script} is not in the repository {top}", "Name a script of it, from its root.")
    name = Path(script).stem if asked.module is None else script.rpartition(".")[2]
    return _Parts(captured.spec, captured.root.name, name, captured.payloads, captured.notes, captured.root)


def _parts_elsewhere(asked: Asked) -> _Parts:
    wish = _source_wish(asked)
    script, arguments = _entry(asked)
    entry = replace(wish.entry_of(Entry("")), arguments=arguments)
    source = wish.source_of(Source())
    name = PurePosixPath(script).stem if asked.module is None else script.rpartition(".")[2]
    project = (source.repository or "").rstrip("/").replace(":", "/").rpartition("/")[2].removesuffix(".git")
    return _Parts(TaskSpec(entry, source), project, name)


def _entry(asked: Asked) -> tuple[str, tuple[str, ...]]:
    """The script or module, and what follows it on the command line."""
    if asked.module is not None:
        name, *arguments = module_words(asked.module)
        return name, tuple(arguments)
    return os.fspath(asked.script or ""), ()


def _source_wish(asked: Asked) -> SourceWish:
    entry = None if asked.script is None else os.fspath(asked.script)
    folder = None if asked.working_directory is None else os.fspath(asked.working_directory)
    if asked.module is not None:
        entry = f"-m {asked.module}"
    return asked_source(asked.repository, asked.branch, asked.commit, None, folder, entry)


def _root(folder: Path) -> Path:
    """The root of the repository that a folder is in; itself where there is none."""
    return next((home for home in (folder, *folder.parents) if os.path.lexists(home / ".git")), folder)


def _folder(given: str | os.PathLike[str] | None, root: Path) -> Path:
    if given is None:
        return root
    path = Path(given).expanduser()
    folder = path if path.is_absolute() else root / inside(os.fspath(given), "working directory")
    if not folder.is_dir():
        raise UsageError(f"the working directory {folder} is not there", "Name a folder, from the root.")
    return folder


def _of_task(store: Store, asked: Asked, overrides: dict[str, JSONValue]) -> TaskRecord:
    """A clone of another task, with all that is given in place of its own."""
    base = store.get(store.resolve(asked.base or ""))
    wish = _wish(asked)
    source = _source_wish(asked)
    if source != SourceWish():
        wish = replace(wish, source=source)
    spec = wish.fulfilled(base.spec)
    if asked.module is not None and (arguments := _entry(asked)[1]):
        spec = replace(spec, entry=replace(spec.entry, arguments=arguments))
    for payload in wish.payloads:
        store.put_blob(payload)
    made = store.clone(base.id, name=asked.name, project=asked.project)
    if spec != base.spec or asked.type is not None:
        store.edit(made.id, Edit(spec=spec, type=asked.type))
    if overrides:
        names = tuple(dict.fromkeys((*made.overrides, *overrides)))
        store.set_parameters(made.id, overrides, overrides=names)
    return store.get(made.id)
