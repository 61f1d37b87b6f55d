"""L2-SP adds its gradient for what is pretrained, and nothing for the head."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tuning_cases import tuning_spec

pytestmark = pytest.mark.tensorflow


def step_from(spec: Any, encoded: Any, shift: float) -> dict[str, np.ndarray]:
    """How far one step of plain descent goes from weights that were moved away from the source."""
    from engine.training.compiling import compiled_steps
    from engine.training.steps import Chunk

    rows = np.arange(16)
    chunk = Chunk(encoded.train.take(rows), encoded.train.targets[rows], np.ones(16, np.float32), 16)
    with compiled_steps(spec, encoded) as stepper:
        names = [v.path for v in stepper.settings.model.variables]
        moved = [a + shift if a.dtype == np.float32 else a for a in stepper.state()["model"]]
        stepper.load_state({"model": moved})
        stepper.train(chunk, np.full(1, 0.1, np.float32), np.zeros(1, np.float32))
        return {n: b - a for n, a, b in zip(names, moved, stepper.state()["model"], strict=True)}


def test_the_pull_is_in_proportion_to_the_distance(tiny_bert: Path, encoded_texts: Any) -> None:
    change: dict[str, Any] = {"training__optimizer": {"kind": "sgd", "momentum": 0.0}, "training__clip_norm": 0.0}
    change |= {"model__dropout": 0.0}
    plain = tuning_spec(tiny_bert, {"kind": "full", "layer_decay": 1.0}, **change)
    pulled = plain.edit({"model.l2_sp": 0.5})
    without, with_pull = step_from(plain, encoded_texts, 0.01), step_from(pulled, encoded_texts, 0.01)
    for path in ("block1_expand/kernel", "embed_tokens/embeddings", "pooler_dense/bias"):
        # rate · α · distance
        np.testing.assert_allclose(with_pull[path] - without[path], -0.1 * 0.5 * 0.01, atol=2e-6)
    np.testing.assert_allclose(with_pull["head_logits/kernel"], without["head_logits/kernel"], atol=1e-7)


def test_it_is_turned_without_a_new_program(tiny_bert: Path, encoded_texts: Any) -> None:
    from engine.training.compiling import compilations

    spec = tuning_spec(tiny_bert, {"kind": "full", "layer_decay": 1.0}, model__dropout=0.0, model__l2_sp=0.5)
    first = step_from(spec, encoded_texts, 0.01)
    before = compilations()
    second = step_from(spec.edit({"model.l2_sp": 2.0}), encoded_texts, 0.01)
    assert compilations() == before
    assert not np.array_equal(first["block1_expand/kernel"], second["block1_expand/kernel"])
