"""Lower blocks learn more slowly, and thaw one after another."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tuning_cases import tuning_spec

pytestmark = pytest.mark.tensorflow


def test_each_block_learns_at_a_share_of_the_rate_of_the_one_above() -> None:
    from engine.finetuning.rates import Rates

    rates = Rates(np.array([3, 2, 1, 0]), decay=0.5)
    np.testing.assert_allclose(rates.at(0.0), [0.125, 0.25, 0.5, 1.0])


def test_blocks_thaw_from_the_top_at_equal_distances() -> None:
    from engine.finetuning.rates import Rates

    rates = Rates(np.array([2, 1, 0]), decay=1.0, thaw_fraction=0.5)
    assert rates.at(0.0).tolist() == [0.0, 0.0, 1.0]
    assert rates.at(0.25).tolist() == [0.0, 1.0, 1.0]
    assert rates.at(0.49).tolist() == [0.0, 1.0, 1.0]
    assert rates.at(0.5).tolist() == [1.0, 1.0, 1.0]


def one_step(spec: Any, encoded: Any, share: float = 1.0) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], float]:
    """The weights before and after one step, and the norm of the gradient."""
    from engine.training.compiling import compiled_steps, forget_all
    from engine.training.steps import NORM, Chunk

    forget_all()
    rows = np.arange(16)
    chunk = Chunk(encoded.train.take(rows), encoded.train.targets[rows], np.ones(16, np.float32), 16)
    with compiled_steps(spec, encoded) as stepper:
        names = [v.path for v in stepper.settings.model.variables]
        before = dict(zip(names, stepper.state()["model"], strict=True))
        sums = stepper.train(chunk, np.full(1, 0.01, np.float32), np.zeros(1, np.float32), np.array([share]))
        after = dict(zip(names, stepper.state()["model"], strict=True))
    return before, after, float(sums[NORM])


def test_a_decay_of_1_is_none(tiny_bert: Path, encoded_texts: Any) -> None:
    from engine.finetuning.rates import rates_of
    from engine.training.compiling import _build

    spec = tuning_spec(tiny_bert, {"kind": "full", "layer_decay": 1.0})
    core, _ = _build(spec, encoded_texts)
    assert rates_of(spec, core) is None  # the very program of a run without rates


@pytest.mark.parametrize("optimizer", ["adamw", "sgd", "rmsprop"])
def test_a_lower_rate_shortens_the_step(optimizer: str, tiny_bert: Path, encoded_texts: Any) -> None:
    """Fused updates (Adam, SGD) and Keras' own (RMSprop): all are in proportion to the rate."""
    change: dict[str, Any] = {"training__optimizer": {"kind": optimizer}, "training__clip_norm": 0.0}
    change |= {"model__dropout": 0.0}
    plain = tuning_spec(tiny_bert, {"kind": "full", "layer_decay": 1.0}, **change)
    slow = tuning_spec(tiny_bert, {"kind": "full", "layer_decay": 0.5}, **change)
    start, whole, norm = one_step(plain, encoded_texts)
    _, part, same_norm = one_step(slow, encoded_texts)
    assert norm == pytest.approx(same_norm, rel=1e-6)
    shares = {"head_logits/kernel": 1.0, "block2_expand/kernel": 0.5, "block1_expand/kernel": 0.25}
    for path, share in (shares | {"embed_positions/table": 0.125}).items():
        np.testing.assert_allclose(part[path] - start[path], share * (whole[path] - start[path]), atol=2e-7)


def test_what_has_not_thawed_stays_and_has_no_part_in_the_norm(tiny_bert: Path, encoded_texts: Any) -> None:
    spec = tuning_spec(tiny_bert, {"kind": "gradual", "thaw_fraction": 0.5}, model__dropout=0.0)
    before, after, norm = one_step(spec, encoded_texts, share=0.0)
    moved = {path for path in before if not np.array_equal(before[path], after[path])}
    assert moved == {"head_logits/kernel", "head_logits/bias"}
    head = tuning_spec(tiny_bert, {"kind": "head"}, model__dropout=0.0)
    _, _, head_norm = one_step(head, encoded_texts)
    assert norm == pytest.approx(head_norm, rel=1e-4)
    _, _, whole_norm = one_step(spec, encoded_texts, share=0.9)
    assert whole_norm > norm
