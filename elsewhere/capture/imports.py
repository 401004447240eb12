"""What a script imports: its closure over the repository's own modules, read and never run."""

from __future__ import annotations

import ast
import importlib.util
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_STANDARD = sys.stdlib_module_names | {"__main__", "__future__"}
_ABSENCE = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})
_DYNAMIC = frozenset({"import_module", "__import__"})
_COMPOUND = tuple(
    getattr(ast, name)
    for name in (
        "FunctionDef", "AsyncFunctionDef", "ClassDef", "If", "For", "AsyncFor", "While", "With", "AsyncWith",
        "Try", "TryStar", "Match",
    )
    if hasattr(ast, name)  # TryStar is new in Python 3.11.
)  # fmt: skip


@dataclass(frozen=True)
class Import:
    """One import, as it is written."""

    name: str
    """Absolute and dotted; the last part may be a module or something in one."""
    guarded: bool
    """The code goes on without it: it stands in a ``try`` that catches its absence."""


@dataclass
class Closure:
    """Everything that is imported, directly or by way of own modules."""

    foreign: dict[str, set[str]] = field(default_factory=dict)
    """Third-party names: for each top-level name the dotted names that are imported under it."""
    needed: set[str] = field(default_factory=set)
    """Those top-level names that the code does not go on without."""
    files: set[Path] = field(default_factory=set)
    """Own modules that were read, the entry included."""
    required: set[Path] = field(default_factory=set)
    """Those of them whose absence the code that imports them does not catch."""
    notes: list[str] = field(default_factory=list)


def close_over(
    entry: Path, roots: Sequence[Path], installed: Callable[[str], bool], text: bytes | None = None
) -> Closure:
    """Follow the imports of ``entry`` through the modules below ``roots``.

    Names are looked up as Python does: a module or package of the first root (the script's own
    folder) hides the standard library, one of the other roots does not; a folder without
    ``__init__.py`` yields to an installed package. Where it depends on the path at run time
    whether an own module or an installed one is meant, both are taken.

    Args:
        entry: file that is run.
        roots: folders that own modules are imported from, the script's own first.
        installed: whether a top-level name is installed.
        text: what the entry holds, where no such file stands.
    """
    closure = Closure(files={entry}, required={entry})
    waiting: list[tuple[Path, str]] = [(entry, _package_of_entry(entry, roots))]
    while waiting:
        path, package = waiting.pop()
        for found in _read(path, package, closure, text if path == entry else None):
            own = _resolve(found, roots, installed, closure)
            for module, module_package in own:
                if not found.guarded:
                    closure.required.add(module)
                if module not in closure.files:
                    closure.files.add(module)
                    waiting.append((module, module_package))
    return closure


def _package_of_entry(entry: Path, roots: Sequence[Path]) -> str:
    # Run with -m, a module knows its package; run as a script, it has none, and no relative import.
    for root in roots:
        if entry.is_relative_to(root):
            parents = entry.relative_to(root).parts[:-1]
            if parents and all(part.isidentifier() for part in parents):
                return ".".join(parents)
    return ""


def _resolve(
    found: Import, roots: Sequence[Path], installed: Callable[[str], bool], closure: Closure
) -> list[tuple[Path, str]]:
    top = found.name.partition(".")[0]
    first, others = roots[:1], roots[1:]
    own = _walk(found.name, first, regular=True)
    if own or top in _STANDARD:
        return own
    own = _walk(found.name, others, regular=True)
    foreign = installed(top)
    if not own:
        own = _walk(found.name, roots, regular=False)
    if foreign or not own:
        closure.foreign.setdefault(top, set()).add(found.name)
        if not found.guarded:
            closure.needed.add(top)
    return own


def _walk(name: str, roots: Sequence[Path], *, regular: bool) -> list[tuple[Path, str]]:
    """Files that importing ``name`` loads from the first root that has its top level.

    Args:
        name: dotted; parts at its end that are no modules are taken for what is in one.
        roots: where to look.
        regular: whether the top level must be a module or a package with ``__init__.py``.
    """
    top, *rest = name.split(".")
    for root in roots:
        module, package = root / f"{top}.py", root / top
        if (package / "__init__.py").is_file() or (not regular and _is_namespace(package, rest)):
            return list(_descend(package, top, rest))
        if module.is_file():
            return [(module, "")]
    return []


def _is_namespace(folder: Path, rest: Sequence[str]) -> bool:
    if not folder.is_dir():
        return False
    # Data and log folders often have the name of a package: only one with modules counts.
    if rest and ((folder / rest[0]).is_dir() or (folder / f"{rest[0]}.py").is_file()):
        return True
    return next(folder.glob("*.py"), None) is not None


def _descend(folder: Path, dotted: str, rest: Sequence[str]) -> Iterator[tuple[Path, str]]:
    start = folder / "__init__.py"
    if start.is_file():
        yield start, dotted
    if not rest:
        return
    name, *deeper = rest
    if name == "*":
        return
    if (folder / name).is_dir():
        yield from _descend(folder / name, f"{dotted}.{name}", deeper)
    elif (folder / f"{name}.py").is_file():
        yield folder / f"{name}.py", dotted


def _read(path: Path, package: str, closure: Closure, text: bytes | None) -> list[Import]:
    if path.suffix not in ("", ".py", ".pyw"):
        return []
    try:
        source = path.read_bytes() if text is None else text
        with warnings.catch_warnings():
            # A doubtful escape in the user's string is no news here.
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OSError) as error:
        reason = f"{error.msg}, line {error.lineno}" if isinstance(error, SyntaxError) else str(error)
        closure.notes.append(f"{path} cannot be read as Python ({reason}): what it imports is not known.")
        return []
    found = list(_imports(tree.body, package, guarded=False))
    # Walking every expression costs much more than walking the statements, and is rarely needed.
    if any(name.encode() in source for name in _DYNAMIC):
        found += _dynamic_imports(tree)
    return found


def _imports(statements: Sequence[ast.stmt], package: str, *, guarded: bool) -> Iterator[Import]:
    for statement in statements:
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                yield Import(alias.name, guarded)
        elif isinstance(statement, ast.ImportFrom):
            module = _absolute(statement, package)
            if module:
                for alias in statement.names:
                    yield Import(f"{module}.{alias.name}", guarded)
        elif isinstance(statement, ast.If) and _is_for_type_checkers(statement.test):
            yield from _imports(statement.orelse, package, guarded=guarded)
        elif isinstance(statement, _COMPOUND):
            yield from _nested_imports(statement, package, guarded=guarded)


def _nested_imports(statement: ast.stmt, package: str, *, guarded: bool) -> Iterator[Import]:
    handlers = getattr(statement, "handlers", ())
    caught = any(_catches_absence(handler) for handler in handlers)
    yield from _imports(getattr(statement, "body", ()), package, guarded=guarded or caught)
    for handler in handlers:
        # What stands in for an absent module may be absent itself where that one is there.
        absent = caught and _catches_absence(handler)
        yield from _imports(handler.body, package, guarded=guarded or absent)
    for part in ("orelse", "finalbody"):
        yield from _imports(getattr(statement, part, ()), package, guarded=guarded)
    for case in getattr(statement, "cases", ()):
        yield from _imports(case.body, package, guarded=guarded)


def _absolute(statement: ast.ImportFrom, package: str) -> str | None:
    if not statement.level:
        return statement.module
    parts = package.split(".") if package else []
    if statement.level > len(parts):
        return None
    base = parts[: len(parts) - statement.level + 1]
    return ".".join([*base, statement.module] if statement.module else base)


def _is_for_type_checkers(test: ast.expr) -> bool:
    name = test.attr if isinstance(test, ast.Attribute) else getattr(test, "id", "")
    return name == "TYPE_CHECKING"


def _catches_absence(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(isinstance(kind, ast.Name) and kind.id in _ABSENCE for kind in kinds)


def _dynamic_imports(tree: ast.Module) -> Iterator[Import]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _called_name(node.func) in _DYNAMIC:
            literals = [part.value for part in (*node.args, *(word.value for word in node.keywords))
                        if isinstance(part, ast.Constant) and isinstance(part.value, str)]  # fmt: skip
            name = literals[0] if literals else ""
            if name.startswith(".") and len(literals) > 1:
                try:
                    name = importlib.util.resolve_name(name, literals[1])
                except ImportError:
                    name = ""
            if name and not name.startswith("."):
                yield Import(name, guarded=False)


def _called_name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
