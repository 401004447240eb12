"""Durations, moments and sizes: what people write, and what is refused in words."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from elsewhere.contract.errors import UsageError
from elsewhere.quantity import moment, seconds, size


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0), ("90", 90), ("90s", 90), ("0.5", 0.5), ("10m", 600), ("2h", 7200), ("1.5h", 5400),
        ("1h30m", 5400), ("1d 2h", 93600), ("2D", 172800),
    ],
)  # fmt: skip
def test_a_duration_is_seconds_or_has_units(text: str, expected: float) -> None:
    assert seconds("--timeout", text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("8GiB", 8 << 30), ("8 gib", 8 << 30), ("8G", 8 << 30), ("8GB", 8 * 10**9), ("1.5k", 1536),
        ("512MiB", 512 << 20), ("100", 100), ("100B", 100), ("1TiB", 1 << 40),
    ],
)  # fmt: skip
def test_a_size_says_whether_it_counts_in_thousands(text: str, expected: int) -> None:
    assert size("--memory-limit", text) == expected


def test_a_moment_is_local_unless_it_names_its_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC-3")  # in POSIX's words: three hours ahead
    time.tzset()
    try:
        assert moment("--at", "2096-10-02T10:06:40") == 4e9
        assert moment("--at", "2096-10-02 10:06:40") == 4e9
    finally:
        monkeypatch.undo()
        time.tzset()
    assert moment("--at", "2096-10-02T07:06:40Z") == 4e9
    assert moment("--at", "2096-10-02T09:06:40+02:00") == 4e9


@pytest.mark.parametrize(
    ("read", "text"),
    [
        *((seconds, text) for text in ("", "soon", "-5", "1h30", "h", "10 minutes", "1e3", "nan", "9" * 400)),
        *((size, text) for text in ("", "much", "-1", "8i", "8iB", "8GiBB", "0", "0.1B", "9" * 400)),
        *((moment, text) for text in ("", "tomorrow", "22:00", "2030-13-01T00:00", "4000000000000")),
    ],
)
def test_what_is_none_of_them_is_refused_with_an_example(
    read: Callable[[str, str], float], text: str
) -> None:
    with pytest.raises(UsageError) as refused:
        read("--option", text)
    assert refused.value.what.startswith("--option: ")
    assert "--option" in refused.value.next_step
