"""What if: before there is anything, a baseline, a turned knob, a shared link, pins."""

import pytest

from engine import api
from engine.specs import RunSpec


@pytest.fixture
def spec() -> RunSpec:
    record = api.import_sample("diabetes")
    return api.default_spec(record.id).model_copy(update={"name": "first"})


def test_without_anything_it_sends_to_the_data(screen) -> None:  # type: ignore[no-untyped-def]
    assert screen("whatif").button(key="whatif_empty").label == "Go to Data"


def test_the_design_is_proposed_as_baseline_and_probed(screen, spec) -> None:  # type: ignore[no-untyped-def]
    draft = api.save_draft(spec)
    test = screen("whatif", draft=draft)
    assert test.query_params["base"] == f"draft:{draft}"
    assert any("Nothing is changed yet" in text.value for text in test.markdown)
    assert "Learning rate" in [slider.label for slider in test.select_slider]
