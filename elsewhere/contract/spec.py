"""The task spec: everything that must be rebuilt to run a task elsewhere, frozen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Blob:
    """Bytes kept by the store under their own hash; a spec holds the reference only."""

    sha256: str
    size: int
    """Size in bytes."""


@dataclass(frozen=True)
class Source:
    """Where the tree of files comes from.

    The tree is ``commit`` (from ``bundle``, then from ``repository``) without what is ``absent``,
    with the files of ``lfs`` filled in, ``diff`` applied, ``untracked`` laid over it, and its
    ``submodules`` in their places. A script that stands in no repository has no commit: it is
    carried whole in ``untracked``.
    """

    repository: str | None = None
    """URL to fetch from, never with credentials; None when the repository has no remote."""
    commit: str | None = None
    """Full hash of the commit that was checked out."""
    branch: str | None = None
    """For people only: the branch's name at capture; None when HEAD was detached."""
    identity: str | None = None
    """What the repository is cached under where it has no URL: the hash of its first commit."""
    bundle: Blob | None = None
    """Git bundle of the commits that no remote has."""
    diff: Blob | None = None
    """Uncommitted changes, staged and unstaged, as one binary git patch with a/ and b/ prefixes."""
    untracked: Blob | None = None
    """What neither commit nor diff gives, as an uncompressed tar: regular files, and after them
    symbolic links whose targets stay inside the tree. Each takes the place of what stands there."""
    lfs: Blob | None = None
    """Paths, each ended by a zero byte, of the files that git-lfs had filled in at the desk with the
    content that the commit points to. All other pointers stay pointers."""
    absent: tuple[str, ...] = ()
    """Files of the commit that were not checked out at the desk, though git takes them for
    unchanged (a sparse checkout), and folders of such, ended by a slash."""
    submodules: tuple[Submodule, ...] | None = None
    """Those that were checked out at the desk; all others are empty folders. None: nobody looked;
    the commit's own are meant, as its ``.gitmodules`` says."""


@dataclass(frozen=True)
class Submodule:
    """A repository inside of a repository's tree, as it stood at the desk."""

    path: str
    """Relative to the root of the tree that it is in, with forward slashes."""
    source: Source
    """Its own tree; ``commit`` is what was checked out, whatever the outer commit asks for."""


@dataclass(frozen=True)
class RecordedFile:
    """A requirements, project or lock file that the repository held at capture."""

    path: str
    """Relative to the root of the tree, with forward slashes."""
    sha256: str


@dataclass(frozen=True)
class LocalPackage:
    """A package whose source is in the tree, to be installed from the rebuilt tree."""

    path: str
    """Folder of its ``pyproject.toml`` or ``setup.py``, relative to the root of the tree."""
    editable: bool = True
    extras: tuple[str, ...] = ()


@dataclass(frozen=True)
class Packages:
    """What the environment must hold."""

    python: str = ""
    """Version of the interpreter at capture, such as ``3.11.7``; "" means any."""
    requirements: tuple[str, ...] = ()
    """Pinned requirement lines of what the script imports."""
    freeze: tuple[str, ...] = ()
    """Every distribution that was installed at capture, pinned; used as constraints."""
    files: tuple[RecordedFile, ...] = ()
    """What the repository itself says about its packages: recorded, not preferred."""
    origin: str = ""
    """Where the environment's packages come from: ``recorded`` (``requirements`` above),
    ``requirements`` (files of the tree), ``lock`` (a lock file of the tree), ``existing:PATH`` (an
    environment that the agent's machine has), ``none``; "" leaves it to the agent, which takes what
    was recorded, else what the tree has."""
    requirements_files: tuple[str, ...] = ()
    """Which files of the tree ``requirements`` means; none means the usual ones."""
    local: tuple[LocalPackage, ...] = ()
    """Packages of the tree itself that were installed at capture."""
    no_build_isolation: tuple[str, ...] = ()
    """Names of packages that need the others, such as torch, to be there when they are built."""


@dataclass(frozen=True)
class Image:
    """The container image to run in."""

    name: str
    arguments: tuple[str, ...] = ()
    setup_script: str = ""


@dataclass(frozen=True)
class Entry:
    """How the run is started inside the tree."""

    script: str
    """Path of the script relative to the root of the tree, or a module's dotted name."""
    kind: Literal["script", "module"] = "script"
    working_directory: str = "."
    """Relative to the root of the tree, with forward slashes."""
    arguments: tuple[str, ...] = ()
    """The command line after the script's name."""
    variables: tuple[str, ...] = ()
    """Its environment variables, as ``NAME=VALUE``. No secrets: whoever sees the task sees them."""
    function: str = ""
    """The name under which the script gave this run a function (``Task.create_function_task``): it is
    run up to there, calls that function with the parameters of section ``Function``, and ends. "" for
    a run of the whole script."""


@dataclass(frozen=True)
class Needs:
    """What a slot must offer before an agent may take the task."""

    gpus: int = 0
    """Whole GPUs; with ``gpu_memory_bytes``, how many GPUs so much memory is needed on (0 means 1)."""
    tags: tuple[str, ...] = ()
    memory_bytes: int = 0
    gpu_memory_bytes: int = 0
    """Memory of a GPU; 0 asks for whole GPUs, more for a share that others may fill up."""


@dataclass(frozen=True)
class TaskSpec:
    """Everything that must be rebuilt, frozen at capture."""

    entry: Entry
    source: Source = field(default_factory=Source)
    packages: Packages = field(default_factory=Packages)
    image: Image | None = None
    needs: Needs = field(default_factory=Needs)
