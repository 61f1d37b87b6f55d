"""A pretrained body under a new head: described without its weights, begun from them each time, taken away whole."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from engine import api
from engine.errors import EngineError
from engine.specs import RunSpec
from tests.support.bert_folders import random_tensors, write_bert_folder

pytestmark = [pytest.mark.tensorflow, pytest.mark.usefixtures("import_in_process")]


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunSpec:
    """Sixty short reviews and a tiny body."""
    monkeypatch.setenv("LATHE_DATA_DIRS", str(tmp_path))
    folder = write_bert_folder(tmp_path / "model", pooling="mean")
    good = [f"film {number} was a very good one, great story, never boring" for number in range(30)]
    bad = [f"the plot of number {number} was bad, very long and sad, hate" for number in range(30)]
    rows = pd.DataFrame({"text": good + bad, "label": ["good"] * 30 + ["bad"] * 30})
    rows.to_csv(tmp_path / "reviews.csv", index=False)
    spec = api.tuned_spec(f"folder:{folder}", api.import_data([tmp_path / "reviews.csv"]).id, method="full")
    return spec.edit({"training.epochs": 2, "training.batch_size": 16})


def test_defaults_fit_source_and_data(spec: RunSpec) -> None:
    preprocessing: Any = spec.data.preprocessing
    assert preprocessing.sequence_length == 16  # the longest review has 13 to 15 pieces and marks, in whole eights
    assert preprocessing.ngrams == 0
    assert preprocessing.learned_from == spec.model.source  # type: ignore[attr-defined]
    with pytest.raises(EngineError, match="There is no method guess"):
        api.tuned_spec(preprocessing.learned_from, spec.data.dataset, method="guess")


def test_a_description_reads_no_weights(spec: RunSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.finetuning.sources.safetensors import Stored
    from engine.models.describe import describe

    def refuse(stored: Stored) -> np.ndarray:
        raise AssertionError(f"{stored.file} was read")

    monkeypatch.setattr(Stored, "read", refuse)
    description = describe(spec)
    names = [layer.name for layer in description.layers]
    assert {"embed_tokens", "block1_attention", "block2_reduce", "head_logits"} <= set(names)
    pooler = 16 * 16 + 16
    assert description.parameters == sum(a.size for a in random_tensors().values()) - pooler + 16 * 2 + 2
    assert description.flops > 0


def test_every_run_begins_from_the_source(spec: RunSpec) -> None:
    """A compiled model that is kept gets the source's weights again, not those that an earlier run left."""
    from engine.training.compiling import compiled_steps, forget_all
    from engine.training.warmth import encoded_data

    forget_all()
    encoded = encoded_data(spec.data).keep()
    embeddings = random_tensors()["embeddings.word_embeddings.weight"]
    kept = []
    for seed in (0, 1, 0):
        with compiled_steps(spec.edit({"seed": seed}), encoded) as stepper:
            layer = stepper.settings.core.get_layer
            np.testing.assert_array_equal(np.asarray(layer("embed_tokens").embeddings.value), embeddings)
            kept.append(np.asarray(layer("head_logits").kernel.value))
            for variable in stepper.settings.core.trainable_variables:
                variable.assign(variable * 0.0)
    np.testing.assert_array_equal(kept[0], kept[2])
    assert np.abs(kept[0] - kept[1]).max() > 0
    forget_all()


def test_a_run_is_taken_away_whole(spec: RunSpec, tmp_path: Path) -> None:
    """Encoder and exported model need the source no more, and read raw texts to the same numbers."""
    import keras
    import tensorflow as tf

    from engine.data.load import load
    from engine.specs import Part
    from engine.training.context import LocalContext, Outcome
    from engine.training.job import execute
    from engine.training.predictor import Predictor

    context = LocalContext(tmp_path / "run")
    assert execute(spec, context) is Outcome.FINISHED
    prepared = load(spec.data)
    (tmp_path / "model").rename(tmp_path / "gone")
    predictor = Predictor.load(context.run_dir)
    positions = prepared.parts[Part.TEST]
    predicted = predictor.predict(prepared, positions)
    assert predicted.shape == (len(positions), 2)
    full = keras.saving.load_model(context.run_dir / "model" / "model.keras", compile=False)
    texts = tf.constant(list(prepared.texts(positions)))
    np.testing.assert_allclose(np.asarray(full({"text": texts})), predicted, atol=1e-5)


def test_what_does_not_fit_is_told_before_any_time_is_spent(spec: RunSpec) -> None:
    from engine.models.describe import describe

    with pytest.raises(EngineError, match="reads texts of 3 to 24 tokens, got a length of 25"):
        describe(spec.edit({"data.preprocessing.sequence_length": 25}))
    with pytest.raises(EngineError, match="come from one source"):
        spec.edit({"model.source": "package:other"})
    both = {"model.source": "package:no-such", "data.preprocessing.learned_from": "package:no-such"}
    tree = spec.model_dump(mode="json")
    for path, value in both.items():
        *parents, last = path.split(".")
        place = tree
        for parent in parents:
            place = place[parent]
        place[last] = value
    with pytest.raises(EngineError, match="There is no pretrained source package:no-such"):
        describe(RunSpec.parse(tree))


def test_a_folder_outside_of_the_open_ones_is_not_read(spec: RunSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATHE_DATA_DIRS", "")
    with pytest.raises(EngineError, match="not in a folder that Lathe may read"):
        api.source(spec.model.source)  # type: ignore[attr-defined]


def test_a_resumed_run_ends_bit_for_bit_like_an_undisturbed_one(spec: RunSpec, tmp_path: Path) -> None:
    """With texts in the order of their lengths and padding cut off, stopped in the middle of an epoch."""
    from engine.training import checkpoints
    from engine.training.compiling import compiled_steps, forget_all
    from engine.training.context import LocalContext, Outcome
    from engine.training.fit import Fit
    from engine.training.warmth import encoded_data

    class StopsAfterTwo(LocalContext):
        calls = 0

        def stop_requested(self) -> bool:
            self.calls += 1
            return self.calls > 2

    changes = {"model.method": {"kind": "lora"}, "training.batch_size": 8, "training.steps_per_execution": 1}
    lora = spec.edit(changes)
    encoded = encoded_data(lora.data).keep()
    assert encoded.train.lengths is not None

    def train(context: LocalContext) -> tuple[Outcome, list[np.ndarray]]:
        with compiled_steps(lora, encoded) as stepper:
            resumed = checkpoints.newest(context.run_dir / "checkpoints")
            result = Fit(lora, encoded, stepper, context, resumed=resumed).run()
            return result.outcome, stepper.state()["model"]

    forget_all()
    finished, expected = train(LocalContext(tmp_path / "whole"))
    stopped, _ = train(StopsAfterTwo(tmp_path / "parts"))
    forget_all()
    resumed, weights = train(LocalContext(tmp_path / "parts"))
    assert [finished, stopped, resumed] == [Outcome.FINISHED, Outcome.STOPPED, Outcome.FINISHED]
    for one, other in zip(weights, expected, strict=True):
        np.testing.assert_array_equal(one, other)
    forget_all()
