"""What was typed into a search space."""

import pytest
from pydantic import ValidationError

from engine.specs.search import FloatRange, Options
from pages.widgets.tuning_space import arranged, parsed, sentence


@pytest.mark.parametrize(("typed", "value"), [("1e-4", 1e-4), (" 0,5 ", 0.5), ("64", 64.0)])
def test_numbers_as_people_type_them(typed: str, value: float) -> None:
    assert parsed(typed, whole=False).value == value


@pytest.mark.parametrize("typed", ["", "a", "nan", "inf", "1..2"])
def test_what_is_no_number_is_said(typed: str) -> None:
    assert "Expected a number" in parsed(typed, whole=False).problem


def test_whole_numbers_are_whole() -> None:
    assert parsed("16", whole=True).value == 16
    assert "whole number" in parsed("16.5", whole=True).problem


def test_what_others_depend_on_stands_before_them() -> None:
    child = FloatRange(path="m", low=0, high=1, when={"kind": ("sgd",)})
    parent = Options(path="kind", values=("sgd", "adam"))
    assert [dimension.path for dimension in arranged((child, parent))] == ["kind", "m"]


def test_a_condition_on_a_field_that_is_gone_is_dropped() -> None:
    child = FloatRange(path="m", low=0, high=1, when={"kind": ("sgd",)})
    assert arranged((child,))[0].when == {}


def test_two_that_depend_on_each_other_do_not_hang() -> None:
    one = Options(path="a", values=(1, 2), when={"b": (1,)})
    two = Options(path="b", values=(1, 2), when={"a": (1,)})
    assert {dimension.path for dimension in arranged((one, two))} == {"a", "b"}


def test_a_refusal_names_the_field_by_its_title() -> None:
    with pytest.raises(ValidationError) as refused:
        FloatRange(path="training.optimizer.learning_rate", low=0.0, high=0.1, scale="log")
    text = sentence(refused.value.errors()[0], {"training.optimizer.learning_rate": "Learning rate"})
    assert text.startswith("Learning rate")
    assert "training" not in text
