"""One parse by ``argparse``: what is stored is laid over what the command line says."""

from __future__ import annotations

from argparse import REMAINDER
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from elsewhere.parameters import actions, hook
from elsewhere.parameters.actions import Action, Parser
from elsewhere.parameters.cast import Refused, cast
from elsewhere.parameters.ledger import SECTION, counts, refuse_unknown
from elsewhere.parameters.values import ABSENT, Absent, plain, same

if TYPE_CHECKING:
    from elsewhere.contract.task import JSONValue
    from elsewhere.store.relay import Given

_STABLE = (None, str, int, float, bool)
"""Types that read the text of their own result as that result."""


class Parse:
    """One parse by a parser and the subparsers that it hands on to."""

    def __init__(self, parser: Parser, given: Given | None) -> None:
        self.root = parser
        self.typed: list[tuple[Action, str, object]] = []
        self._stored = given.parameters if given else {}
        self._by_hand = frozenset(given.overrides) if given else frozenset()
        self._given = given
        self._texts = getattr(parser, actions.TEXTS, False)
        if self._texts:
            self._stored = {name: self._stored[name] for name in self._by_hand}
        self._parsers: list[Parser] = []
        self._cast: dict[str, Any] = {}
        self._changed: list[tuple[Any, str, Any, Any]] = []

    def concerned(self) -> bool:
        """Whether the parser, or one below it, knows any stored name."""
        return any(
            SECTION + dest in self._stored
            for member in actions.family(self.root)
            for dest in actions.valued(member)
        )

    def enter(self, parser: Parser) -> None:
        """Prepare ``parser``, which takes part from here on, unless it is somebody else's."""
        if any(parser is member for member in self._parsers):
            return
        if not any(parser is member for member in actions.family(self.root)):
            return  # parsed by a type or an action of the user's
        self._parsers.append(parser)
        for dest, group in actions.valued(parser).items():
            if SECTION + dest in self._stored:
                self._relax(group)
            if SECTION + dest in self._by_hand:
                self._put_default(parser, dest, group)
        for exclusive in parser._mutually_exclusive_groups:
            if exclusive.required and any(SECTION + a.dest in self._stored for a in exclusive._group_actions):
                self._change(exclusive, "required", False)

    def settle(self, namespace: Any, strict: bool) -> None:
        """Make ``namespace`` hold what is stored, and refuse what the parser does not know."""
        self._choose_subcommands(namespace)
        declared = self._declared()
        for dest, (parser, group) in declared.items():
            name = SECTION + dest
            if name not in self._stored or (group and actions.is_subcommand(group[0])):
                continue
            if name not in self._by_hand and self._holds(namespace, dest, group, self._stored[name]):
                continue
            setattr(namespace, dest, self._value(parser, dest, group))
        if self._hands_on():
            hook.starts(self._words(namespace))
        elif strict:
            refuse_unknown(self._given, {SECTION + dest for dest in declared}, self.root.error)

    def values(self, namespace: Any) -> dict[str, JSONValue]:
        """What the parse resulted in, by name; what no JSON value or text stands for is left out."""
        found: dict[str, JSONValue] = {}
        if self._texts:
            return found
        for dest, (_, group) in self._declared().items():
            value = self._plain(getattr(namespace, dest, ABSENT), group)
            if counts(SECTION + dest) and not isinstance(value, Absent):
                found[SECTION + dest] = value
        return found

    def news(self, values: Mapping[str, JSONValue]) -> dict[str, JSONValue]:
        """Of ``values``, those that the store does not hold yet.

        What was set by hand stays as it was said where its type is the user's own: another
        attempt casts it again, and such a type need not take its own result.
        """
        declared = self._declared()
        return {
            name: value
            for name, value in values.items()
            if not (name in self._stored and same(self._stored[name], value))
            and not (name in self._by_hand and not _stable(declared[name[len(SECTION) :]][1]))
        }

    def used(self) -> list[str]:
        """Names set by hand that the parsers knew."""
        return [SECTION + dest for dest in self._declared() if SECTION + dest in self._by_hand]

    def restore(self) -> None:
        """Give the user's parsers back as they were."""
        while self._changed:
            holder, attribute, before, ours = self._changed.pop()
            if getattr(holder, attribute) is ours:  # not what the user's own code set meanwhile
                setattr(holder, attribute, before)

    def _declared(self) -> dict[str, tuple[Parser, list[Action]]]:
        found: dict[str, tuple[Parser, list[Action]]] = {}
        for parser in self._parsers:
            found.update({dest: (parser, []) for dest in parser._defaults})
            found.update({dest: (parser, group) for dest, group in actions.valued(parser).items()})
        return found

    def _hands_on(self) -> bool:
        """Whether a parser takes all that follows, as a launcher's does: another program may know it."""
        return any(action.nargs == REMAINDER for parser in self._parsers for action in parser._actions)

    def _words(self, namespace: Any) -> list[str]:
        """The positionals, of several words the first: one of them is the program that a launcher starts."""
        positionals = [a for parser in self._parsers for a in parser._actions if not a.option_strings]
        values = [getattr(namespace, action.dest, None) for action in positionals]
        return [str(value[0] if isinstance(value, list) else value) for value in values if value]

    def _relax(self, group: list[Action]) -> None:
        for action in group:
            if action.required:
                self._change(action, "required", False)

    def _put_default(self, parser: Parser, dest: str, group: list[Action]) -> None:
        if actions.is_subcommand(group[0]):
            return
        value = self._value(parser, dest, group)
        for action in group:
            # Argparse casts a default that is text once more; and what a positional of several
            # values defaults to, it may check against the choices as one.
            if action.option_strings and (not isinstance(value, str) or action.type in (None, str)):
                self._change(action, "default", value)

    def _value(self, parser: Parser, dest: str, group: list[Action]) -> Any:
        if dest not in self._cast:
            name = SECTION + dest
            stored = self._stored[name]
            try:
                self._cast[dest] = (
                    cast(parser, group, stored, by_hand=name in self._by_hand) if group else stored
                )
            except Refused as refusal:
                self.root.error(f"parameter {name}: {refusal}")
        return self._cast[dest]

    def _choose_subcommands(self, namespace: Any) -> None:
        position = 0
        while position < len(self._parsers):  # choosing one may let another take part
            for dest, group in actions.valued(self._parsers[position]).items():
                if actions.is_subcommand(group[0]) and self._stored.get(SECTION + dest) is not None:
                    self._choose(self._parsers[position], group[0], namespace)
            position += 1

    def _choose(self, parser: Parser, action: Action, namespace: Any) -> None:
        name = SECTION + action.dest
        wanted, real = self._stored[name], getattr(namespace, action.dest, None)
        choices: Mapping[Any, Parser] = action.choices  # type: ignore[assignment]
        if not isinstance(wanted, str) or wanted not in choices:
            listed = ", ".join(map(repr, choices))
            self.root.error(f"parameter {name}: invalid choice: {wanted!r} (choose from {listed})")
        if real is None:
            action(parser, namespace, [wanted])
        elif choices[real] is not choices[wanted]:
            self.root.error(
                f"parameter {name}: the command line chose {real!r}, whose arguments are not those of"
                f" {wanted!r}; submit the script with {wanted!r} on its command line"
            )

    def _holds(self, namespace: Any, dest: str, group: list[Action], stored: JSONValue) -> bool:
        value = self._plain(getattr(namespace, dest, ABSENT), group)
        return not isinstance(value, Absent) and same(value, stored)

    def _plain(self, value: object, group: list[Action]) -> JSONValue | Absent:
        if isinstance(value, Absent):
            return ABSENT
        listed = bool(group) and any(actions.gathers(a) or actions.holds_lists(a) for a in group)
        if listed and isinstance(value, (list, tuple)):
            items = [self._plain(item, group) for item in value]
            return ABSENT if any(isinstance(item, Absent) for item in items) else items  # type: ignore[return-value]
        if isinstance(value, str) and all(action.type in (None, str) for action in group):
            return plain(value)
        if isinstance(value, str):
            text = self._text_of(value, group)
            return plain(value if text is None else text)
        return plain(value, lambda each: self._text_of(each, group))

    def _text_of(self, value: object, group: list[Action]) -> str | None:
        made = [(text, result) for action, text, result in self.typed if action in group]
        for text, result in made:
            if result is value:
                return text
        for text, result in made:
            if type(result) is type(value) and _equal(result, value):
                return text
        return None

    def _change(self, holder: Any, attribute: str, value: Any) -> None:
        self._changed.append((holder, attribute, getattr(holder, attribute), value))
        setattr(holder, attribute, value)


def _stable(group: list[Action]) -> bool:
    return all(action.type in _STABLE for action in group)


def _equal(one: object, other: object) -> bool:
    try:
        return bool(one == other)
    except Exception:  # noqa: BLE001 - comparing a user's objects is the user's code
        return False
