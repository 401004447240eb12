from __future__ import annotations

import pytest

from elsewhere.contract import errors


def classes() -> list[type[errors.ElsewhereError]]:
    return [
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, errors.ElsewhereError)
    ]


@pytest.mark.parametrize("kind", classes())
def test_every_error_says_what_happened_and_what_to_do(kind: type[errors.ElsewhereError]) -> None:
    error = kind("the thing broke", "Mend it.")
    assert str(error) == "the thing broke\nMend it."
    assert error.exit_code in range(1, 64)
    assert kind.__doc__


def test_the_exit_codes_that_scripts_rely_on_stay() -> None:
    codes = {kind.__name__: kind.exit_code for kind in classes()}
    assert {
        name: codes[name]
        for name in (
            "UsageError",
            "ServerUnreachable",
            "TaskNotFound",
            "IllegalMove",
            "LateWrite",
            "SchemaError",
        )
    } == {
        "UsageError": 2,
        "ServerUnreachable": 3,
        "TaskNotFound": 4,
        "IllegalMove": 5,
        "LateWrite": 6,
        "SchemaError": 7,
    }
