"""Robust accuracy: on a linear model of two classes it is known how far each example may be moved."""

import numpy as np
import pytest

pytestmark = pytest.mark.tensorflow


def test_a_linear_model_falls_where_its_margins_end() -> None:
    """An example stays right while its margin is more than ε · ‖w‖₁ (the dual norm of L∞)."""
    import keras

    from engine.evaluation.robustness import ATTACKS, _attacked
    from engine.training.adversarial import Values

    draw = np.random.default_rng(0)
    x = draw.normal(size=(60, 5)).astype(np.float32)
    kernel = draw.normal(size=(5, 2)).astype(np.float32)
    numbers = keras.Input((5,), name="numbers")
    model = keras.Model({"numbers": numbers}, keras.layers.Dense(2, use_bias=False)(numbers))
    model.set_weights([kernel])
    across = kernel[:, 1] - kernel[:, 0]
    answers = (x @ across > 0).astype(np.int32)
    answers[:6] = 1 - answers[:6]  # some are wrong from the beginning
    margins = np.where(answers == 1, 1, -1) * (x @ across)
    strengths = (0.0, 0.1, 0.3, 0.9)
    expected = [int((margins > strength * np.abs(across).sum()).sum()) for strength in strengths]
    batches = [({"numbers": x[:40]}, answers[:40]), ({"numbers": x[40:]}, answers[40:])]
    found = _attacked(model, Values("numbers"), batches, strengths)
    assert found == dict.fromkeys(ATTACKS, expected)
    assert expected[0] == 54
    assert expected[-1] < 30


def test_shares_have_wilsons_interval() -> None:
    from engine.evaluation.robustness import _share

    found = _share(9, 10)  # Wilson (1927), worked out in Newcombe (1998) and many textbooks
    assert (found.value, round(found.low, 3), round(found.high, 3)) == (0.9, 0.596, 0.982)
