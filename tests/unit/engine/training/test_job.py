"""The whole job: from a document to a saved model, predictions and an evaluation."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from engine import api
from engine.errors import EngineError, ErrorKind
from engine.specs import Part, RunSpec
from engine.training.context import LocalContext, Outcome

pytestmark = pytest.mark.tensorflow


def small(sample: str) -> RunSpec:
    spec = api.default_spec(api.import_sample(sample).id)
    return spec.edit({"model": {"kind": "mlp", "units": [16]}, "training.epochs": 3, "training.batch_size": 32})


def test_a_run_leaves_all_that_is_needed_to_use_it(tmp_path: Path) -> None:
    import keras

    from engine.data.load import apply, load
    from engine.training.job import execute
    from engine.training.predictor import Predictor

    spec = small("breast-cancer")
    context = LocalContext(tmp_path / "run")
    assert execute(spec, context) is Outcome.FINISHED
    phases = [line["phase"] for line in context.read("phases")]
    assert phases == ["preparing data", "building", "training", "evaluating"]
    assert context.history("test/accuracy")[-1][1] > 0.85

    model = context.run_dir / "model"
    assert RunSpec.parse((model / "spec.json").read_text()) == spec
    prepared = load(spec.data)
    positions = prepared.parts[Part.TEST]
    kept = pd.read_parquet(context.run_dir / "predictions" / "test.parquet").set_index("row")
    predicted = Predictor.load(context.run_dir).predict(prepared, positions)
    columns = [f"p_{code}" for code in range(len(prepared.classes))]
    rows = prepared.frame.index[positions]
    np.testing.assert_allclose(kept.loc[rows, columns].to_numpy(), predicted, atol=1e-5)

    # New rows, through the cleaning that was kept, give the same as the rows of the data set.
    from engine.data.cleaning import FittedCleaner

    cleaner = FittedCleaner.from_record(json.loads((model / "cleaner.json").read_text()))
    raw = api.rows(spec.data.dataset, limit=10_000).loc[rows].drop(columns=[spec.data.target])
    fresh = apply(spec.data, cleaner, raw, prepared.classes)
    np.testing.assert_allclose(Predictor.load(context.run_dir).predict(fresh), predicted, atol=1e-6)
    assert keras.saving.load_model(model / "model.keras", compile=False).count_params() > 0


def test_a_stopped_job_goes_on(tmp_path: Path) -> None:
    from engine.training.job import execute

    spec = small("diabetes")
    context = LocalContext(tmp_path / "run")
    context.request_stop()
    assert execute(spec, context) is Outcome.STOPPED
    assert execute(spec, LocalContext(tmp_path / "run")) is Outcome.FINISHED


def test_what_a_run_takes_is_estimated_before_and_measured_after(tmp_path: Path) -> None:
    from engine.models.costs import design_of, entries
    from engine.store.artifacts import read_cost_file
    from engine.training.job import execute

    spec = small("diabetes").edit({"training.epochs": 60})
    first = LocalContext(tmp_path / "run")
    first.request_stop()
    assert execute(spec, first) is Outcome.STOPPED
    context = LocalContext(tmp_path / "run")
    assert execute(spec, context) is Outcome.FINISHED
    report = read_cost_file(context.run_dir)
    assert report.estimated is not None
    assert report.measured is not None
    assert report.measured.memory_bytes > 10e6
    assert context.history("energy_wh")[-1][1] == pytest.approx(report.measured.energy_wh)
    assert context.history("peak_memory_bytes")[-1][1] == report.measured.memory_bytes
    again = LocalContext(tmp_path / "again")
    assert execute(spec.edit({"training.max_train_time_s": 2.0, "training.epochs": 10_000}), again) is Outcome.FINISHED
    assert [entry.design for entry in entries()][-1:] == [design_of(spec)]
    third = LocalContext(tmp_path / "third")
    assert execute(spec, third) is Outcome.FINISHED
    estimated = read_cost_file(third.run_dir).estimated
    assert estimated is not None
    assert estimated.source == "same_design"
    assert estimated.seconds is not None


def test_a_missing_parent_is_named(tmp_path: Path) -> None:
    from engine.training.job import execute

    spec = small("diabetes").edit({"parent_run": "gone"})
    with pytest.raises(EngineError) as caught:
        execute(spec, LocalContext(tmp_path / "run"))
    assert caught.value.kind is ErrorKind.NOT_FOUND
    assert "gone" in str(caught.value)


def test_predicting_without_a_model_says_so(tmp_path: Path) -> None:
    from engine.training.predictor import Predictor

    with pytest.raises(EngineError) as caught:
        Predictor.load(tmp_path)
    assert caught.value.kind is ErrorKind.NOT_FOUND
