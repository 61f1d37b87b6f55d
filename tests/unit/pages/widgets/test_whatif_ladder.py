"""The positions of a knob."""

from typing import Any

import pytest

from engine.specs.knobs import Knob
from pages.widgets.whatif_ladder import ladder


def knob(value: Any, **fields: Any) -> Knob:
    fields = {"kind": "int" if isinstance(value, int) else "float"} | fields
    return Knob(path="a.b", value=value, **fields)


def test_a_learning_rate_turns_in_the_steps_people_think_in() -> None:
    steps = ladder(knob(0.001, scale="log", low=1e-6, high=10.0))
    assert {1e-5, 1e-4, 0.0005, 0.0007, 0.0015, 0.002, 0.003, 0.1} <= set(steps)
    assert steps == sorted(steps)
    assert len(steps) < 41


def test_zero_is_a_position_where_it_is_allowed() -> None:
    assert ladder(knob(1e-4, scale="log", low=0.0, high=1.0))[0] == 0.0
    assert ladder(knob(0.0, scale="log", low=0.0, high=1.0))[:2] == [0.0, 1e-6]


def test_a_batch_size_turns_in_halves_and_doubles() -> None:
    assert ladder(knob(64, scale="log", low=1, high=4096)) == [4, 8, 16, 32, 64, 128, 256, 512, 1024]


def test_even_steps_over_a_short_range() -> None:
    assert ladder(knob(0.3, low=0.0, high=0.9, step=0.05))[:3] == [0.0, 0.05, 0.1]
    assert ladder(knob(2, low=1, high=8)) == [1, 2, 3, 4, 5, 6, 7, 8]


def test_a_bound_far_out_of_reach_does_not_stretch_the_knob() -> None:
    steps = ladder(knob(1.0, low=0.0, high=1000.0))
    assert steps[0] == 0.0
    assert max(steps) <= 100
    assert 2.0 in steps


@pytest.mark.parametrize(
    "given",
    [
        knob(0.123, low=0.0, high=1.0),
        knob(0.00123, scale="log", low=1e-6, high=10.0),
        knob(37, scale="log", low=1, high=4096),
        knob(0, low=0, high=2**31 - 1),
        knob(5.0),
        knob(0.0),
        knob(-3.0),
        knob(1, low=1, high=1),
    ],
)
def test_the_present_value_is_a_position_and_none_leaves_the_bounds(given: Knob) -> None:
    steps = ladder(given, (given.value,))
    assert given.value in steps
    assert all(given.low is None or step >= given.low for step in steps)
    assert all(given.high is None or step <= given.high for step in steps)
    assert len(steps) == len(set(steps)) <= 60


def test_a_value_from_a_link_is_a_position_too() -> None:
    assert 0.00171 in ladder(knob(0.001, scale="log", low=1e-6, high=10.0), (0.00171,))
