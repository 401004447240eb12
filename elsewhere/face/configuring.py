"""A task's configurations: files and values that a script reads as a whole."""

from __future__ import annotations

from elsewhere.face.face import Face, misuse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any, TypeVar

    from elsewhere.contract.write import ConfigurationSet

    Connected = TypeVar("Connected", "dict[Any, Any]", "list[Any]", str, Path)

_SUFFIXES = {"dictionary": ".json", "file": ""}
"""Words for types that are no suffixes."""


class Configuring(Face):
    """Configurations of a task, by name, up to 8 MiB each."""

    def connect_configuration(
        self,
        configuration: Connected,
        name: str | None = None,
        description: str | None = None,
        ignore_remote_overrides: bool = False,
    ) -> Connected:
        """Keep a configuration with the task; in an attempt, take what the task holds in its place.

        At a desk the very same object or path comes back, and the configuration is kept as it is
        now. In an attempt a dict or list is emptied, filled with what the task holds, and comes
        back; for a path comes that of another file with the same name, whose bytes are those that
        the task holds, and which is gone when the process ends. Where the task holds none of that
        name, it is as at a desk. A server that is away is waited for, a minute at most.

        Values are kept as JSON text that a person can edit. Where the script's own has a tuple, a
        path, a member of an enumeration, a number of numpy or a whole number as a key, what comes
        back has one, too. Connecting another one under the same name takes the place of the first.

        Args:
            configuration: A dict, a list, or the path of a file, which need not be there in an attempt.
            name: Left out, ``General``.
            description: What it is, in words.
            ignore_remote_overrides: Go on with the script's own in an attempt, too, and keep that.

        Raises:
            UsageError: a file that cannot be read, more than 8 MiB, or what JSON cannot hold: the
                message says where it stands.
            ParameterError: what the task holds cannot be read, or is a list where the script has a dict.
            ServerUnreachable: nobody can say what the task holds.
        """
        from elsewhere.configurations.connecting import checked_name, connect

        known: dict[str, Any] = self.__dict__.setdefault("_connected", {})
        kept: Connected = connect(
            self._place,
            configuration,
            checked_name(name),
            description or "",
            known,
            ignore_kept=ignore_remote_overrides,
        )
        return kept

    def get_configuration_object(self, name: str) -> str | None:
        """The text of a configuration; None where there is none of that name.

        Bytes that are no UTF-8 are in it as Python keeps them in names of files (``surrogateescape``).
        """
        from elsewhere.configurations.reading import as_text

        kept = self._place.configuration(name)
        return None if kept is None else as_text(kept)

    def get_configuration_objects(self) -> dict[str, str]:
        """The texts of all configurations, by their names."""
        texts = {name: self.get_configuration_object(name) for name in self._place.configurations()}
        return {name: text for name, text in texts.items() if text is not None}

    def get_configuration_object_as_dict(self, name: str) -> dict[Any, Any] | list[Any] | None:
        """The dict or list that a configuration says; None where there is none of that name.

        Read are JSON, TOML, and YAML where PyYAML is installed.

        Raises:
            ParameterError: it is none of them; or neither dict nor list.
            MissingDependency: nothing here reads its format.
        """
        from elsewhere.configurations.reading import as_value

        kept = self._place.configuration(name)
        return None if kept is None else as_value(kept)

    def set_configuration_object(
        self,
        name: str,
        config_text: str | None = None,
        description: str | None = None,
        config_type: str | None = None,
        config_dict: dict[Any, Any] | list[Any] | None = None,
    ) -> None:
        """Keep a configuration under a name, in place of one that is there.

        Args:
            name: The configuration's name.
            config_text: Its text; or
            config_dict: a dict or list, which is kept as JSON text.
            description: What it is, in words. Left out, what was said before stays.
            config_type: What the text is, such as ``yaml``. Left out, what it was before; text that
                is new is taken for JSON.

        Raises:
            UsageError: both text and dict, or none of them; or what ``connect_configuration`` refuses.
        """
        from elsewhere.configurations.connecting import checked_name
        from elsewhere.contract.write import ConfigurationSet, check_size

        if (config_text is None) == (config_dict is None):
            raise misuse(
                f"the configuration {name!r} is to be set by a text or a dict, and by one of them only",
                "Pass config_text or config_dict.",
            )
        name = checked_name(name)
        data = _data(name, config_text, config_dict)
        check_size(name, len(data))
        before = None
        if description is None or config_type is None:
            before = self._place.configuration(name)
        if description is None:
            description = "" if before is None else before.description
        suffix = ".json" if config_dict is not None else _suffix(config_type, before)
        self._place.write(ConfigurationSet(name, data, suffix, description))

    def delete_configuration(self, name: str) -> None:
        """Drop the configuration of that name, if there is one."""
        from elsewhere.contract.write import ConfigurationDeleted

        self._place.write(ConfigurationDeleted(name))


def _data(name: str, text: str | None, value: dict[Any, Any] | list[Any] | None) -> bytes:
    from elsewhere.configurations.text import encode_value

    if isinstance(text, str):
        try:
            return text.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError as error:
            raise misuse(
                f"the text of the configuration {name!r} is no Unicode: {error}", "Correct it."
            ) from None
    if isinstance(value, (dict, list)):
        return encode_value(name, value)
    strange = value if text is None else text
    raise misuse(
        f"the configuration {name!r} cannot be set by a {type(strange).__name__}",
        "Pass a text as config_text, or a dict or list as config_dict.",
    )


def _suffix(config_type: str | None, before: ConfigurationSet | None) -> str:
    if config_type is None:
        return ".json" if before is None else before.suffix
    return _SUFFIXES.get(config_type, f".{config_type.lstrip('.')}" if config_type else "")
