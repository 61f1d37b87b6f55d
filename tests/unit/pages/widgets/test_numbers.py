"""Numbers read as people write them."""

import math

import pytest

from pages.widgets import numbers


@pytest.mark.parametrize(
    ("value", "shown"), [(0, "0"), (1234, "1,234"), (25_600_000, "25.6 M"), (86_567_656, "86.6 M"), (12_345, "12.3 k")]
)
def test_short(value: float, shown: str) -> None:
    assert numbers.short(value) == shown


@pytest.mark.parametrize(("value", "shown"), [(0, "0 B"), (999, "999 B"), (1_200_000_000, "1.2 GB"), (5e13, "50 TB")])
def test_size(value: float, shown: str) -> None:
    assert numbers.size(value) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(None, "–"), (0.05, "50 ms"), (2.0, "2 s"), (2.34, "2.3 s"), (59.6, "1 min 0 s"), (200, "3 min 20 s"),
     (3725, "1 h 2 min"), (200_000, "2 d 7 h"), (math.inf, "–"), (math.nan, "–")],
)  # fmt: skip
def test_duration(seconds: float | None, shown: str) -> None:
    assert numbers.duration(seconds) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [(0.92134, "0.9213"), (47600.4, "47,600"), (0, "0"), (1e-5, "1e-05"), (None, "–")]
)
def test_figure(value: float | None, shown: str) -> None:
    assert numbers.figure(value) == shown


def test_ago() -> None:
    now = 1_800_000_000.0
    assert numbers.ago(now - 10, now) == "just now"
    assert numbers.ago(now - 60, now) == "1 minute ago"
    assert numbers.ago(now - 7200, now) == "2 hours ago"
    assert numbers.ago(now - 3 * 86400, now) == "3 days ago"
    assert numbers.ago(now - 30 * 86400, now).count("-") == 2
