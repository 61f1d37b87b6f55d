"""Forms draw themselves from any document, and give back nothing but valid documents."""

from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from engine.specs.base import Document
from engine.specs.cleaning import CleaningStep
from engine.specs.models import ModelSpec
from engine.specs.split import SplitSpec
from engine.specs.training import LossSpec, OptimizerSpec, ScheduleSpec, TrainingSpec

pytestmark = pytest.mark.slow  # each draws a page


def training_form() -> None:
    import streamlit as st

    from engine.specs.training import TrainingSpec
    from pages.widgets import forms

    spec = st.session_state.get("spec", TrainingSpec())
    st.session_state["spec"] = forms.draw(spec, key="training")
    st.session_state["drawn"] = st.session_state["spec"]


def split_form() -> None:
    import streamlit as st

    from engine.specs.split import StratifiedSplit
    from pages.widgets import forms

    spec = st.session_state.get("spec", StratifiedSplit())
    st.session_state["spec"] = forms.draw(spec, key="split", options={"group_column": ["age", "sex"]})


def drawn(script: Callable[[], None]) -> AppTest:
    test = AppTest.from_function(script, default_timeout=30).run()
    assert not test.exception
    return test


def by_label(widgets: Any, label: str) -> Any:
    return next(widget for widget in widgets if widget.label == label)


def test_untouched_form_gives_the_document_back() -> None:
    assert drawn(training_form).session_state["spec"] == TrainingSpec()


def test_numbers_have_their_bounds_and_units() -> None:
    batch = by_label(drawn(training_form).number_input, "Batch size (examples)")
    assert (batch.min, batch.max, batch.value) == (1, 4096, 64)


def test_a_changed_number_is_in_the_document() -> None:
    test = drawn(training_form)
    by_label(test.number_input, "Epochs").set_value(7).run()
    assert test.session_state["spec"].epochs == 7
    by_label(test.number_input, "Epochs").set_value(9).run()
    assert test.session_state["spec"].epochs == 9


def test_factors_are_typed_as_people_write_them() -> None:
    test = drawn(training_form)
    by_label(test.text_input, "Learning rate").set_value("3e-4").run()
    assert test.session_state["spec"].optimizer.learning_rate == pytest.approx(3e-4)


@pytest.mark.parametrize(("typed", "sentence"), [("fast", "Expected a number"), ("-1", "Must be"), ("", "Enter")])
def test_a_bad_value_is_named_below_its_field_and_the_last_good_document_stays(typed: str, sentence: str) -> None:
    test = drawn(training_form)
    by_label(test.text_input, "Learning rate").set_value(typed).run()
    assert not test.exception
    assert test.session_state["spec"] == TrainingSpec()
    assert any(sentence in caption.value for caption in test.caption)


def test_choosing_another_kind_draws_its_fields() -> None:
    test = drawn(training_form)
    by_label(test.selectbox, "Optimizer").select("sgd").run()
    assert test.session_state["spec"].optimizer.kind == "sgd"
    assert by_label(test.number_input, "Momentum").value == 0.9


def test_required_columns_come_from_the_data() -> None:
    test = drawn(split_form)
    test.selectbox[0].select("grouped").run()
    assert test.session_state["spec"].group_column == "age"
    by_label(test.selectbox, "Group column").select("sex").run()
    assert test.session_state["spec"].group_column == "sex"


def test_what_does_not_fit_together_is_said() -> None:
    test = drawn(split_form)
    by_label(test.number_input, "Validation share").set_value(0.5).run()
    by_label(test.number_input, "Test share").set_value(0.5).run()
    assert test.session_state["spec"].test_fraction == 0.15
    assert any("at most 0" in caption.value for caption in test.caption)


def test_a_document_changed_elsewhere_shows_its_new_values() -> None:
    test = drawn(training_form)
    by_label(test.number_input, "Epochs").set_value(7).run()
    test.session_state["spec"] = TrainingSpec(epochs=33)
    test.run()
    assert by_label(test.number_input, "Epochs").value == 33


def test_conditions_hide_fields_that_mean_nothing() -> None:
    test = drawn(training_form)
    assert any(field.label.startswith("Patience") for field in test.number_input)
    by_label(test.toggle, "Early stopping").set_value(False).run()
    assert not any(field.label.startswith("Patience") for field in test.number_input)
    assert test.session_state["spec"].early_stopping.enabled is False


def any_form() -> None:
    import importlib

    import streamlit as st

    from pages.widgets import forms

    module, name, kind = st.session_state["which"]
    base = getattr(importlib.import_module(module), name)
    options = {"column": ["age", "sex"], "group_column": ["age", "sex"], "time_column": ["age", "sex"], "kind": [kind]}
    st.session_state["made"] = forms.draw_new(base, key="new", title="Kind", options=options)


EVERY = [
    (base.__module__, base.__name__, kind)
    for base in (OptimizerSpec, LossSpec, ScheduleSpec, SplitSpec, CleaningStep, ModelSpec)
    for kind in base.alternatives
]
NEEDS_TYPING = {"relabel", "drop_columns"}  # nobody can guess what is to be renamed or dropped


@pytest.mark.parametrize("which", EVERY, ids=lambda which: which[2])
def test_every_alternative_of_every_choice_can_be_drawn(which: tuple[str, str, str]) -> None:
    test = AppTest.from_function(any_form, default_timeout=30)
    test.session_state["which"] = which
    test.run()
    assert not test.exception
    made = test.session_state["made"]
    assert made is None if which[2] in NEEDS_TYPING else isinstance(made, Document)
    assert made is None or made.kind == which[2]
