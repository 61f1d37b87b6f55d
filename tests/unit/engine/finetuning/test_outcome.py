"""What a fine-tuned run gained, forgot and moved, on runs that are really trained."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tuning_cases import sentences

from engine import api
from engine.specs import Part, RunSpec
from engine.store.home import run_dir
from tests.support.finished_runs import finished_run

pytestmark = pytest.mark.tensorflow


@pytest.fixture
def texts(import_in_process: None) -> str:
    return api.import_text(sentences().to_csv(index=False), name="sentences").id


def tuned_texts(folder: Path, dataset: str, method: str, **changes: Any) -> RunSpec:
    spec = api.tuned_spec(f"folder:{folder}", dataset, method=method)
    return spec.edit({"training.epochs": 2, "training.optimizer.learning_rate": 0.01, **changes})


def test_before_is_a_linear_model_on_the_features_of_the_resting_body(tiny_bert: Path, texts: str) -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from engine.finetuning.drift import untouched
    from engine.finetuning.linear_probe import STRENGTHS
    from engine.finetuning.representations import Body
    from engine.store.home import cache_dir
    from engine.training.warmth import encoded_data

    spec = tuned_texts(tiny_bert, texts, "lora")
    run = finished_run(spec)
    record = api.fine_tuning(run)
    found = record.before_after
    assert found is not None
    encoded = encoded_data(spec.data)
    body, prepared = Body(untouched(spec, encoded.encoder)), encoded.prepared
    parts = {part: np.asarray(prepared.parts[part]) for part in (Part.TRAIN, Part.TEST)}
    known, unseen = (body.features(encoded.encoder.encode(prepared, rows)) for rows in parts.values())
    truth = {part: np.asarray(prepared.target)[rows] for part, rows in parts.items()}
    models = [
        make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=500)).fit(known, truth[Part.TRAIN])
        for c in STRENGTHS
    ]
    scores = [model.score(unseen, truth[Part.TEST]) for model in models]
    assert any(found.before.value == pytest.approx(score) for score in scores)
    evaluation = api.evaluation(run)
    assert found.after.value == pytest.approx(evaluation.metrics["accuracy"].value)
    right = api.predictions(run)
    right_after = int((right["truth"] == right["prediction"]).sum())
    right_before = round(found.before.value * found.rows)
    assert found.only_after - found.only_before == right_after - right_before
    assert (found.rows, found.fitted_rows) == (len(parts[Part.TEST]), len(parts[Part.TRAIN]))

    # Another seed asks the same of the same body, and finds the answer.
    finished_run(spec.edit({"seed": 1}))
    assert len(list(cache_dir().glob("before-*.npy"))) == 1


def test_blocks_tell_how_far_they_moved_and_a_resting_body_did_not(tiny_bert: Path, texts: str) -> None:
    moved = finished_run(tuned_texts(tiny_bert, texts, "full"))
    record, points = api.fine_tuning(moved), api.drift(moved)
    assert [block.name for block in record.blocks] == ["embed", "block1", "block2"]
    assert all(block.drift and block.drift > 0 for block in record.blocks)
    assert all(block.cka is not None and 0 < block.cka < 1 for block in record.blocks)
    assert [point.epoch for point in points] == [1, 2]
    assert record.trainable_parameters == record.parameters
    assert record.saved_bytes == (run_dir(moved) / "model" / "core.keras").stat().st_size
    assert record.forgetting is None
    assert not record.notices

    resting = api.fine_tuning(finished_run(tuned_texts(tiny_bert, texts, "head")))
    assert [block.drift for block in resting.blocks] == [0.0, 0.0, 0.0]
    assert [block.cka for block in resting.blocks] == pytest.approx([1.0, 1.0, 1.0])
    assert resting.trainable_parameters == 16 * 2 + 2
    assert resting.step_bytes < record.step_bytes
    assert 4 * resting.trainable_parameters <= resting.saved_bytes < record.saved_bytes


def test_what_cannot_be_measured_is_said_and_costs_nothing_else(
    tiny_bert: Path, texts: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: Any, **options: Any) -> None:
        raise ValueError("no such probe")

    monkeypatch.setattr("engine.finetuning.before.fit_and_predict", broken)
    run = finished_run(tuned_texts(tiny_bert, texts, "bitfit"))
    record = api.fine_tuning(run)
    assert record.before_after is None
    assert record.blocks
    assert [notice["message"] for notice in record.notices] == [
        "One comparison could not be worked out; the log says why."
    ]
    assert any("no such probe" in line for line in api.log(run))


def test_a_run_from_random_weights_has_no_such_record(texts: str) -> None:
    from engine.errors import EngineError, ErrorKind

    run = finished_run(api.default_spec(texts).edit({"training.epochs": 1}))
    assert api.drift(run) == []
    with pytest.raises(EngineError) as error:
        api.fine_tuning(run)
    assert error.value.kind is ErrorKind.NOT_FOUND
