"""What an environment holds, and the key that stands for exactly that."""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass

from agent.credentials import without_credentials
from agent.environment.installer import INDEX_VARIABLES
from agent.environment.interpreter import Interpreter
from elsewhere.contract.errors import BuildError
from elsewhere.contract.spec import Packages

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_COMMENT = re.compile(r"(?:^|\s)#.*\Z")
_PINNED = re.compile(r"[a-z0-9-]+(?:\[[^\]]*\])?(?:===?[^*,;]+|@.+?)(?:;.*)?\Z")


@dataclass(frozen=True)
class Content:
    """Everything that decides what an environment holds."""

    interpreter: Interpreter
    index_options: tuple[str, ...]
    requirements: tuple[str, ...]
    """Normalised and sorted: the order in which a desk lists them changes nothing."""
    constraints: tuple[str, ...]

    @classmethod
    def of(cls, packages: Packages, interpreter: Interpreter, index_options: tuple[str, ...]) -> Content:
        """The content that ``packages`` ask for on ``interpreter``.

        Raises:
            BuildError: a requirement is more than one line.
        """
        requirements = _normalised(packages.requirements)
        # Nothing to install needs no constraints: all such tasks share one environment.
        constraints = _constraints(packages.freeze) if requirements else ()
        return cls(interpreter, index_options, requirements, constraints)

    @property
    def pinned(self) -> bool:
        """Whether each requirement says one exact version or place."""
        return all(_PINNED.match(line) for line in self.requirements)

    @property
    def key(self) -> str:
        """32 hexadecimal digits; the same for the same content, whatever the credentials."""
        variables = {name: os.environ[name] for name in INDEX_VARIABLES if name in os.environ}
        facts = [
            self.interpreter.implementation,
            self.interpreter.version,
            self.interpreter.platform,
            [without_credentials(option) for option in self.index_options],
            {name: without_credentials(value) for name, value in sorted(variables.items())},
            self.requirements,
            self.constraints,
        ]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]


def _normalised(lines: tuple[str, ...]) -> tuple[str, ...]:
    found = set()
    for line in lines:
        if "\n" in line or "\r" in line:
            raise BuildError(
                f"a requirement holds more than one line: {line!r:.80}", "Submit the task again."
            )
        text = _COMMENT.sub("", line).strip()
        if text:
            found.add(_normal(text))
    return tuple(sorted(found))


def _normal(line: str) -> str:
    name = _NAME.match(line)
    if name is None:
        return line
    canonical = re.sub(r"[-_.]+", "-", name[0]).lower()
    rest = line[name.end() :].strip()
    if rest.startswith("@") or "@" in rest.partition(";")[0]:
        return f"{canonical} {rest}" if rest.startswith("@") else f"{canonical}{rest}"
    versions, semicolon, marker = rest.partition(";")
    versions = re.sub(r"\s+", "", versions)
    return f"{canonical}{versions}; {marker.strip()}" if semicolon else f"{canonical}{versions}"


def _constraints(freeze: tuple[str, ...]) -> tuple[str, ...]:
    """The lines of a freeze that say a version; places on the desk's disk mean nothing here."""
    lines = _normalised(freeze)
    return tuple(line for line in lines if "==" in line and "@" not in line and not line.startswith("-"))
