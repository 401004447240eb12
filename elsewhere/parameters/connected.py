"""A dict that says what the script makes of it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from elsewhere.parameters import kinds
from elsewhere.parameters.branches import branch_of
from elsewhere.parameters.names import written

if TYPE_CHECKING:
    from elsewhere.parameters.connect import Connecting

_ABSENT = object()


class ConnectedDict(dict[Any, Any]):
    """What ``connect`` gives back for a dict: what is put into it, nested too, becomes a parameter.

    What is taken out of it stays one: the script has run with it. The dict that was connected is
    kept alike; what is put into that one directly, nobody hears. A copy, also by ``pickle``, is a
    plain dict.
    """

    __slots__ = ("_call", "_original", "_prefix")

    def __init__(self, original: dict[Any, Any], call: Connecting, prefix: str) -> None:
        super().__init__()
        self._original = original
        self._call = call
        self._prefix = prefix
        for key, item in original.items():
            super().__setitem__(key, self._wrapped(key, item))

    def __setitem__(self, key: Any, value: Any) -> None:
        name = f"{self._prefix}{written(key)}"
        if key not in self:
            value = self._call.first(name, value)
        super().__setitem__(key, self._wrapped(key, value))
        self._original[key] = value
        self._call.changed(name, value)

    def __delitem__(self, key: Any) -> None:
        super().__delitem__(key)
        self._original.pop(key, None)

    def __ior__(self, other: Any) -> ConnectedDict:  # type: ignore[misc]
        self.update(other)
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (plain(self),)

    def update(self, *others: Any, **named: Any) -> None:
        """As of a dict."""
        for key, value in dict(*others, **named).items():
            self[key] = value

    def setdefault(self, key: Any, default: Any = None) -> Any:
        """As of a dict."""
        if key not in self:
            self[key] = default
        return self[key]

    def pop(self, key: Any, default: Any = _ABSENT) -> Any:
        """As of a dict."""
        self._original.pop(key, None)
        return super().pop(key) if default is _ABSENT else super().pop(key, default)

    def popitem(self) -> tuple[Any, Any]:
        """As of a dict."""
        key, value = super().popitem()
        self._original.pop(key, None)
        return key, value

    def clear(self) -> None:
        """As of a dict."""
        super().clear()
        self._original.clear()

    def copy(self) -> dict[Any, Any]:
        """A plain dict with the same items."""
        return dict(self)

    def _wrapped(self, key: Any, value: Any) -> Any:
        # Only where each key is a parameter of its own: any other dict is one value.
        if type(value) is not dict or (value and branch_of(value) is None):
            return value
        return ConnectedDict(value, self._call, f"{self._prefix}{written(key)}/")


kinds.also(ConnectedDict, lambda value: kinds.raw_of(plain(value)) or ("", {}))


def teach_yaml() -> None:
    """Have PyYAML, where it is loaded, write a connected dict as the dict it is: it goes by exact types."""
    module: Any = sys.modules.get("yaml.representer")
    for representer in (module.SafeRepresenter, module.Representer) if module is not None else ():
        representer.add_representer(ConnectedDict, representer.represent_dict)


def plain(value: dict[Any, Any]) -> dict[Any, Any]:
    """A plain dict of plain dicts."""
    return {key: plain(item) if isinstance(item, ConnectedDict) else item for key, item in value.items()}
