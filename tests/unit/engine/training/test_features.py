"""A resting body is run once; its head learns from what came out."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "finetuning" / "methods"))
from tuning_cases import encoded_sentences, tuning_spec, write_tiny_bert

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = write_tiny_bert(tmp_path_factory.mktemp("sources") / "bert")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LATHE_DATA_DIRS", str(folder.parent))
        yield folder


@pytest.fixture
def readable(source: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LATHE_DATA_DIRS", str(source.parent))
    return source


class Counting:
    """Counts how often a stepper's body is run."""

    def __init__(self, stepper: Any) -> None:
        self.calls, self._features = 0, stepper.features
        stepper.features = self

    def __call__(self, inputs: Any) -> Any:
        self.calls += 1
        return self._features(inputs)


def run(spec: Any, encoded: Any, folder: Path) -> tuple[Any, int]:
    from engine.training.compiling import compiled_steps
    from engine.training.context import LocalContext
    from engine.training.job import train

    with compiled_steps(spec, encoded) as stepper:
        counting = Counting(stepper)
        try:
            train(spec, encoded, stepper, LocalContext(folder))
        finally:
            del stepper.features  # type: ignore[attr-defined]
        return stepper, counting.calls


def test_the_body_is_run_once_whatever_the_epochs(readable: Path, tmp_path: Path) -> None:
    spec = tuning_spec(readable, {"kind": "head"}, training__epochs=4)
    encoded = encoded_sentences(spec)
    rows = len(encoded.train) + len(encoded.validation)
    _, calls = run(spec, encoded, tmp_path / "one")
    assert calls <= -(-rows // 64) + 1
    _, again = run(spec.edit({"training.optimizer.learning_rate": 0.02}), encoded, tmp_path / "two")
    assert again == 0  # the features stayed with the rows


def test_head_and_features_give_what_the_whole_model_gives(readable: Path, tmp_path: Path) -> None:
    """The saved core, loaded again, on encoded rows."""
    import keras

    import engine.models.layers  # noqa: F401
    from engine.training.saving import CORE, save_model

    spec = tuning_spec(readable, {"kind": "head"})
    encoded = encoded_sentences(spec)
    stepper, _ = run(spec, encoded, tmp_path / "run")
    inputs = encoded.validation.take(np.arange(8))
    expected = stepper.predict(stepper.features(inputs))
    np.testing.assert_array_equal(stepper.predict(inputs), expected)
    folder = save_model(tmp_path / "run", spec, stepper.settings.core, encoded)
    loaded = keras.saving.load_model(folder / CORE, compile=False)
    np.testing.assert_allclose(np.asarray(loaded(inputs, training=False)), expected, atol=1e-5)


def test_raw_rows_train_the_head_as_features_do(readable: Path) -> None:
    """A probe hands rows in as they are."""
    from engine.training.compiling import compiled_steps
    from engine.training.features import with_features
    from engine.training.steps import Chunk

    spec = tuning_spec(readable, {"kind": "head"}, model__dropout=0.0)
    encoded = encoded_sentences(spec)
    ends = []
    for features in (False, True):
        with compiled_steps(spec, encoded) as stepper:
            rows = with_features(encoded, stepper, lambda done, total: True) if features else encoded
            assert rows is not None
            indices = np.arange(16)
            chunk = Chunk(rows.train.take(indices), encoded.train.targets[indices], np.ones(16, np.float32), 16)
            stepper.train(chunk, np.full(1, 0.1, np.float32), np.zeros(1, np.float32))
            ends.append(stepper.state()["model"])
    for one, other in zip(*ends, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_a_stop_while_features_are_worked_out_is_heard(readable: Path) -> None:
    from engine.training.compiling import compiled_steps
    from engine.training.features import with_features

    spec = tuning_spec(readable, {"kind": "head"})
    encoded = encoded_sentences(spec)
    with compiled_steps(spec, encoded) as stepper:
        assert with_features(encoded, stepper, lambda done, total: done < 64) is None


def test_a_run_that_was_stopped_ends_as_one_that_was_not(readable: Path, tmp_path: Path) -> None:
    from engine.training.compiling import compiled_steps
    from engine.training.context import LocalContext, Outcome
    from engine.training.job import train

    spec = tuning_spec(readable, {"kind": "head"}, training__epochs=6, training__steps_per_execution=2)
    encoded = encoded_sentences(spec)

    class Stops(LocalContext):
        asked = 0

        def stop_requested(self) -> bool:
            self.asked += 1
            return self.asked == 8

    with compiled_steps(spec, encoded) as stepper:
        train(spec, encoded, stepper, LocalContext(tmp_path / "whole"))
        expected = stepper.state()["model"]
    with compiled_steps(spec, encoded) as stepper:
        assert train(spec, encoded, stepper, Stops(tmp_path / "parts")).outcome is Outcome.STOPPED
    with compiled_steps(spec, encoded) as stepper:
        result = train(spec, encoded, stepper, LocalContext(tmp_path / "parts"))
        assert result.outcome is Outcome.FINISHED
        found = stepper.state()["model"]
    assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))
