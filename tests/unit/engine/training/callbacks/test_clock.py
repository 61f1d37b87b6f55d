"""Shares of a run by steps or by time."""

import time
from collections.abc import Callable

import pytest

from engine.training.callbacks.clock import Clock


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets the time, in seconds."""
    moment = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: moment[0])

    def set_to(seconds: float) -> None:
        moment[0] = seconds

    return set_to


def test_without_a_limit_the_steps_count(now: Callable[[float], None]) -> None:
    clock = Clock(planned_steps=100, limit_s=0.0)
    now(1000.0)
    assert clock.shares(50, 3) == pytest.approx([0.50, 0.51, 0.52])
    assert not clock.is_over
    assert clock.seconds_left(50) == pytest.approx(1000.0)
    assert clock.total_steps(50) == 100


def test_a_limit_that_binds_sets_the_pace(now: Callable[[float], None]) -> None:
    clock = Clock(planned_steps=1000, limit_s=10.0)
    now(5.0)  # 100 steps in 5 s: 200 fit into the limit
    assert clock.share(100) == pytest.approx(0.5)
    assert clock.shares(100, 3) == pytest.approx([0.5, 0.505, 0.51])
    assert clock.total_steps(100) == 200
    assert clock.seconds_left(100) == pytest.approx(5.0)
    now(10.0)
    assert clock.is_over
    assert clock.share(200) == 1.0


def test_earlier_attempts_count(now: Callable[[float], None]) -> None:
    clock = Clock(planned_steps=100, limit_s=10.0, spent_s=8.0, done_steps=40)
    now(1.0)
    assert clock.spent_s == pytest.approx(9.0)
    assert clock.step_s(50) == pytest.approx(0.1)
    now(2.0)
    assert clock.is_over


def test_a_limit_that_does_not_bind_leaves_the_schedule_to_the_steps(now: Callable[[float], None]) -> None:
    clock = Clock(planned_steps=100, limit_s=100.0)
    now(2.0)  # the first step was slow: by time alone, two of a hundred would be done
    assert clock.share(1) == pytest.approx(0.01)
    now(6.0)  # ten steps in 6 s: 60 s in all
    assert not clock.limit_binds(10)
    assert clock.shares(10, 2) == pytest.approx([0.10, 0.11])
