"""All that a user asks for over what was captured, as one value."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from elsewhere.contract.errors import UsageError
from elsewhere.contract.spec import Entry, Image, Packages, TaskSpec
from elsewhere.wish.needs import NeedsWish
from elsewhere.wish.source import SourceWish


@dataclass(frozen=True)
class Wish:
    """Asked for; everything that is left out stays as it was captured."""

    image: Image | None = None
    origin: str = ""
    requirements_files: tuple[str, ...] = ()
    """As the user named them, from the folder that the run starts in."""
    no_build_isolation: tuple[str, ...] = ()
    without_image: bool = False
    """Whether there shall be none; ``image`` is None then."""
    requirements: tuple[str, ...] | None = None
    """Lines in place of the recorded ones; empty leaves packages to what the tree says of them."""
    whole_freeze: bool = False
    """Whether all that was installed at capture is required, and not what the script imports."""
    ignored: tuple[str, ...] = ()
    """Canonical names that are not taken from what was recorded."""
    added: tuple[str, ...] = ()
    """Lines beside the recorded ones, each in place of what is recorded of the same name."""
    source: SourceWish | None = None
    needs: NeedsWish | None = None

    @property
    def payloads(self) -> tuple[bytes, ...]:
        """Bytes that a fulfilled spec refers to beside the captured ones: they go into the store first."""
        return (self.source.diff,) if self.source is not None and self.source.diff else ()

    def with_packages_of(self, other: Wish) -> Wish:
        """This wish with what the other asks of packages."""
        return replace(
            self,
            origin=other.origin,
            requirements_files=other.requirements_files,
            no_build_isolation=other.no_build_isolation,
            requirements=other.requirements,
        )

    def over(self, standing: Wish) -> Wish:
        """This wish over one of the whole process, which has packages alone."""
        # Where packages come from is one question: what this wish says of it counts alone.
        decided = bool(self.origin or self.requirements_files) or self.requirements is not None
        return replace(
            self,
            requirements=self.requirements if decided else standing.requirements,
            whole_freeze=self.whole_freeze or (standing.whole_freeze and not decided),
            ignored=(*standing.ignored, *self.ignored),
            added=(*standing.added, *self.added) if self.requirements is None else self.added,
        )

    def fulfilled(
        self, spec: TaskSpec, root: Path | None = None, working_directory: Path | None = None
    ) -> TaskSpec:
        """The spec with all that is asked for.

        Where another source is asked for, its repository may be asked which commit that is.

        Args:
            spec: What was captured.
            root: Of the spec's tree where it stands here; None where it does not, and files are
                named from its root.
            working_directory: The folder that files are named from; None is this process's own.

        Raises:
            CaptureError: another source is asked for, and it is not there.
            UsageError: a requirements file or script is not there, or not in the tree.
        """
        files = self.requirements_files
        if root is not None:
            files = tuple(_inside((working_directory or Path.cwd()) / name, root) for name in files)
        spec = replace(spec, packages=self._packages(spec.packages, files))
        if self.image is not None or self.without_image:
            spec = replace(spec, image=self.image)
        if self.source is not None:
            source, entry = self.source.source_of(spec.source), self.source.entry_of(spec.entry)
            if root is not None and self.source.entry_point and source == spec.source:
                _require_script(entry, root)
            spec = replace(spec, source=source, entry=entry)
        if self.needs is not None:
            spec = replace(spec, needs=self.needs.over(spec.needs))
        return spec

    def _packages(self, packages: Packages, files: tuple[str, ...]) -> Packages:
        packages = replace(
            packages,
            origin=self.origin or packages.origin,
            requirements_files=files or packages.requirements_files,
            no_build_isolation=self.no_build_isolation or packages.no_build_isolation,
        )
        if self.whole_freeze:
            packages = replace(packages, requirements=packages.freeze, origin="recorded")
        if self.requirements == ():
            packages = replace(packages, requirements=(), freeze=(), local=(), origin=self.origin)
        elif self.requirements is not None:
            packages = _required(replace(packages, requirements=(), origin="recorded"), self.requirements)
        else:
            packages = _without(packages, self.ignored)
        return _required(packages, self.added)


def _without(packages: Packages, names: tuple[str, ...]) -> Packages:
    if not names:
        return packages
    from elsewhere.wish.requirement import name_of

    kept = tuple(line for line in packages.requirements if name_of(line) not in names)
    return replace(packages, requirements=kept)


def _required(packages: Packages, lines: tuple[str, ...]) -> Packages:
    """``packages`` with these lines; what else was known of the same names counts no more."""
    if not lines:
        return packages
    from elsewhere.wish.requirement import name_of

    # Of two lines with one name the later one is meant, unless they are parted by their markers.
    named = {name_of(line): line for line in lines if ";" not in line}
    names = {name_of(line) for line in lines} - {""}
    own = [line for line in lines if ";" in line or not name_of(line) or named[name_of(line)] == line]
    others = [line for line in packages.requirements if name_of(line) not in names]
    return replace(
        packages,
        requirements=tuple(dict.fromkeys([*others, *own])),
        freeze=tuple(line for line in packages.freeze if name_of(line) not in names),
    )


def _require_script(entry: Entry, root: Path) -> None:
    if entry.kind == "script" and not (root / entry.script).is_file():
        raise UsageError(
            f"the entry point {entry.script} is not in {root}", "Name a script of the repository."
        )


def _inside(path: Path, root: Path) -> str:
    # Of the last part only the folder is resolved: a link is a file of the tree like any other.
    place = path.parent.resolve() / path.name
    if not place.is_file():
        raise UsageError(f"{path} is not there", "Name requirements files from the folder you start in.")
    if not place.is_relative_to(root.resolve()):
        raise UsageError(
            f"{path} lies outside {root}, and does not travel with the run", "Copy it into the repository."
        )
    return place.relative_to(root.resolve()).as_posix()
