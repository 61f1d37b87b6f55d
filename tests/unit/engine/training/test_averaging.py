"""The averaging momentum rises to its limit."""

from engine.training.averaging import momentum_at


def test_it_rises_and_stays_at_its_limit() -> None:
    assert momentum_at(0.99, 0) == 0.1  # (1 + 0) / (10 + 0)
    assert momentum_at(0.99, 90) == 91 / 100
    assert momentum_at(0.99, 100_000) == 0.99


def test_zero_takes_the_newest_weights() -> None:
    assert momentum_at(0.0, 50) == 0.0
