"""The key that stands for exactly what an environment holds."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from agent.environment.index import Index
from agent.environment.interpreter import Interpreter
from agent.environment.recipe import Recipe


@dataclass(frozen=True)
class Content:
    """Everything that decides what an environment holds."""

    recipe: Recipe
    interpreter: Interpreter
    index: Index

    @property
    def key(self) -> str:
        """32 hexadecimal digits; the same for the same content, whatever the credentials.

        What the tree's own packages are is no part of it: they are in the attempt's layer.
        """
        own = self.interpreter
        python = [own.implementation, "" if self.recipe.brings_python else own.version, own.platform]
        facts = [python, self.index.facts(), self.recipe.facts()]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]
