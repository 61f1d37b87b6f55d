"""Fields that can be searched, and the ranges with which their search begins."""

import pytest

from engine.specs import RunSpec
from engine.specs.knobs import Knob
from engine.specs.search import FloatRange, IntRange, Options, SearchSpec
from pages.widgets.tuning_fields import (
    Field,
    as_options,
    as_range,
    dimension_for,
    holding,
    range_around,
    searchable,
    started_with,
    text_of,
)

RATE, KIND, MOMENTUM = "training.optimizer.learning_rate", "training.optimizer.kind", "training.optimizer.momentum"


@pytest.fixture(scope="module")
def spec() -> RunSpec:
    return RunSpec.parse(
        {
            "data": {"dataset": "0" * 16, "task": "image_classification", "preprocessing": {"kind": "image"}},
            "model": {"kind": "cnn"},
        }
    )


def test_every_field_begins_with_a_dimension_that_holds_its_value_and_makes_valid_documents(spec: RunSpec) -> None:
    fields = searchable(spec)
    assert len(fields) > 30
    for path, field in fields.items():
        dimension = dimension_for(field)
        value = field.knob.value
        if isinstance(dimension, Options):
            assert value in [list(v) if isinstance(v, list) else v for v in dimension.values], path
            tried = dimension.values
        else:
            assert dimension.low < dimension.high, path  # type: ignore[attr-defined]
            assert value == 0 or dimension.low <= value <= dimension.high, path  # type: ignore[attr-defined]
            tried = (dimension.low, dimension.high)  # type: ignore[attr-defined]
        assert any(_is_valid(spec, path, value) for value in tried), path


def _is_valid(spec: RunSpec, path: str, value: object) -> bool:
    spec.edit({path: value})
    return True


def test_a_log_field_spans_a_factor_of_ten_to_both_sides() -> None:
    assert range_around(Knob(path="x", kind="float", value=1e-3, low=1e-6, high=10.0, scale="log")) == (
        1e-4,
        1e-2,
        "log",
    )


def test_a_log_field_at_zero_gets_ends_above_zero() -> None:
    low, high, scale = range_around(Knob(path="x", kind="float", value=0.0, low=0.0, high=1.0, scale="log"))
    assert 0 < low < high <= 1
    assert scale == "log"


def test_ends_stay_within_the_bounds_after_rounding() -> None:
    low, high, _scale = range_around(Knob(path="x", kind="float", value=0.999, low=0.0, high=0.9999))
    assert 0.0 <= low < 0.999 <= high <= 0.9999


def test_the_fields_of_other_kinds_depend_on_the_kind(spec: RunSpec) -> None:
    search = SearchSpec(dimensions=(Options(path=KIND, values=("adamw", "sgd", "rmsprop")),))
    assert MOMENTUM not in searchable(spec)
    found = searchable(spec, search)
    assert found[MOMENTUM].when == {KIND: ("sgd", "rmsprop")}
    assert found[RATE].when == {}
    assert dimension_for(found[MOMENTUM]).when == {KIND: ("sgd", "rmsprop")}


def test_a_kind_that_the_document_does_not_take_brings_no_fields(spec: RunSpec) -> None:
    search = SearchSpec(dimensions=(Options(path="model.kind", values=("cnn", "text_cnn")),))
    assert set(searchable(spec, search)) == set(searchable(spec))


def test_range_and_choice_turn_into_each_other(spec: RunSpec) -> None:
    field = searchable(spec)[RATE]
    choice = as_options(field, FloatRange(path=RATE, low=1e-4, high=1e-2, scale="log"))
    assert choice.values == (1e-4, 1e-3, 1e-2)
    back = as_range(field, choice)
    assert (back.low, back.high, back.scale) == (1e-4, 1e-2, "log")  # type: ignore[attr-defined]
    whole = as_options(searchable(spec)["training.epochs"], IntRange(path="training.epochs", low=2, high=3))
    assert whole.values == (2, 3)


def test_variants_are_tried_first_and_their_fields_are_searched_wide_enough(spec: RunSpec) -> None:
    made = started_with(spec, [{RATE: 0.5}, {KIND: "lion", RATE: 1e-3}])
    assert made.search is not None
    assert made.search.start_points == ({RATE: 0.5}, {KIND: "lion", RATE: 1e-3})
    rate, kind = made.search.dimensions
    assert rate.low <= 1e-3 < rate.high == 0.5  # type: ignore[attr-defined]
    assert "lion" in kind.values  # type: ignore[attr-defined]
    assert started_with(made, [{RATE: 0.5}]).search == made.search


def test_a_log_range_that_must_hold_zero_becomes_a_choice() -> None:
    field = Field(Knob(path="d", kind="float", value=1e-4, low=0.0, high=1.0, scale="log"), {})
    widened = holding(field, dimension_for(field), 0.0)
    assert isinstance(widened, Options)
    assert 0.0 in widened.values


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (True, "yes"), (0.00123456, "0.001235"), ([16, 32], "16 · 32"), (64, "64"), ("relu", "ReLU")],
)
def test_values_as_people_read_them(value: object, text: str) -> None:
    assert text_of(value) == text
