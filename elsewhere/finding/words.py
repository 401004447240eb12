"""Lists of words with operators in them, such as ``["best", "-debug"]`` or ``["__$all", "a", "b"]``."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from elsewhere.contract.errors import UsageError
from elsewhere.contract.query import Words
from elsewhere.finding.similar import similar

MARK = "__$"
EVERY = {"__$all": True, "__$and": True, "__$any": False, "__$or": False}
"""Operators, and whether all words after one must be there, rather than one of them."""
NOT = "__$not"


@dataclass(frozen=True)
class Group:
    """Words that stand after one operator."""

    every: bool
    wanted: tuple[str, ...]
    unwanted: tuple[str, ...]
    """Words that ``__$not`` stands before."""

    def holds(self, there: Collection[str]) -> bool:
        """Whether it does for a task that has these words."""
        answers = [word in there for word in self.wanted] + [word not in there for word in self.unwanted]
        return all(answers) if self.every else any(answers)


@dataclass(frozen=True)
class Asked:
    """A condition on a set of words."""

    every: bool
    """Whether all groups must hold, rather than one of them."""
    groups: tuple[Group, ...]
    never: tuple[str, ...]
    """Words that must not be there in any case."""

    def holds(self, there: Collection[str]) -> bool:
        """Whether it does for a task that has these words."""
        if any(word in there for word in self.never):
            return False
        answers = [group.holds(there) for group in self.groups]
        return not answers or (all(answers) if self.every else any(answers))


def read_words(name: str, values: object) -> Asked:
    """What a list of words under ``name`` asks for.

    An operator holds for all words up to the next one; before the first it is ``__$or``. The first
    one (or ``__$or``, where a word stands before it) also joins the groups. ``__$not`` negates the
    next word in its group; ``-WORD`` excludes the word in any case.

    Raises:
        UsageError: it is no list of texts, or an operator that there is not, or without a word.
    """
    every: bool | None = None
    groups: list[tuple[bool, list[str], list[str]]] = [(False, [], [])]
    never: list[str] = []
    negated = False
    for word in texts(name, values):
        if negated:
            if word.startswith(MARK):
                raise _without_word(name)
            groups[-1][2].append(word)
            negated = False
        elif word == NOT:
            negated = True
        elif word.startswith(MARK):
            groups.append((_operator(name, word), [], []))
            every = groups[-1][0] if every is None else every
            continue
        elif word.startswith("-") and len(word) > 1:
            never.append(word[1:])
            continue
        else:
            groups[-1][1].append(word)
        every = False if every is None else every
    if negated:
        raise _without_word(name)
    filled = tuple(
        Group(all_of_them, tuple(wanted), tuple(unwanted))
        for all_of_them, wanted, unwanted in groups
        if wanted or unwanted
    )
    return Asked(bool(every), filled, tuple(never))


def for_indexes(asked: Iterable[Asked]) -> tuple[Words, list[Asked]]:
    """Conditions that must all hold, as far as the store's indexes know such, and the others."""
    all_of: list[str] = []
    any_of: list[str] = []
    none_of: list[str] = []
    others: list[Asked] = []
    for one in asked:
        none_of += one.never
        if one.every or len(one.groups) < 2:
            left = []
            for group in one.groups:
                single = len(group.wanted) + len(group.unwanted) == 1
                if group.every or single:
                    all_of += group.wanted
                    none_of += group.unwanted
                elif not group.unwanted and not any_of:
                    any_of += group.wanted
                else:
                    left.append(group)
            if left:
                others.append(Asked(True, tuple(left), ()))
        else:
            others.append(one)
    return Words(*(tuple(dict.fromkeys(words)) for words in (all_of, any_of, none_of))), others


def texts(name: str, values: object) -> list[str]:
    """A list of texts, or a single one, under ``name``.

    Raises:
        UsageError: it is neither.
    """
    if values is None:
        return []
    listed = [values] if isinstance(values, str) or not isinstance(values, Iterable) else list(values)
    found = []
    for value in listed:
        # A member of an enumeration of texts, such as a status, stands for its text.
        text = getattr(value, "value", value)
        if not isinstance(text, str):
            raise UsageError(f"{name} must be texts, not {value!r:.80}", f'Write {name}=["…", "…"].')
        found.append(text)
    return found


def _operator(name: str, word: str) -> bool:
    if word not in EVERY:
        raise UsageError(
            f"{name}: there is no operator {word!r}", similar(word, [*EVERY, NOT], "Operators are")
        )
    return EVERY[word]


def _without_word(name: str) -> UsageError:
    return UsageError(f"{name}: after {NOT!r} a word is missing", f'Write ["{NOT}", "WORD"].')
