"""Adversarial training: closed forms on a linear model, the ball, and fits that become more robust."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engine.errors import EngineError
from engine.specs import RunSpec
from engine.specs.adversarial import AdversarialSpec

pytestmark = pytest.mark.tensorflow

STRENGTH = 0.1


@pytest.fixture(scope="module")
def linear() -> dict[str, Any]:
    """Softmax regression over 5 numbers, with rows, answers and the gradient of their loss by hand."""
    import keras

    draw = np.random.default_rng(0)
    x, answers = draw.normal(size=(7, 5)).astype(np.float32), draw.integers(0, 3, 7)
    numbers = keras.Input((5,), name="numbers")
    model = keras.Model({"numbers": numbers}, keras.layers.Dense(3)(numbers))
    kernel, bias = draw.normal(size=(5, 3)), draw.normal(size=3)
    model.set_weights([kernel, bias])
    logits = x @ kernel + bias
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    gradient = (shares - np.eye(3)[answers]) @ kernel.T
    return {"model": model, "x": x, "answers": answers, "gradient": gradient, "kernel": kernel, "bias": bias}


def attack(linear: dict[str, Any], kind: str, place: Any, **fields: Any) -> tuple[Any, Any]:
    from engine.models.live import LiveNumber
    from engine.training.adversarial import Attack
    from engine.training.steps_tensorflow import TensorFlowSurface

    spec = AdversarialSpec.alternatives[kind].model_validate({"kind": kind, "strength": STRENGTH, **fields})
    return Attack(spec, place, LiveNumber(STRENGTH, "strength")), TensorFlowSurface(linear["model"], 3)


def loss(targets: Any, outputs: Any) -> Any:
    import keras

    return keras.ops.sparse_categorical_crossentropy(targets, outputs, from_logits=True)


def loss_of(linear: dict[str, Any], x: np.ndarray) -> np.ndarray:
    logits = x @ linear["kernel"] + linear["bias"]
    return np.log(np.exp(logits).sum(1)) - logits[np.arange(len(x)), linear["answers"]]


def test_fgsm_is_the_sign_of_the_gradient(linear: dict[str, Any]) -> None:
    from engine.training.adversarial import Values

    made, surface = attack(linear, "fgsm", Values("numbers"), share=1.0)
    losses, outputs = made(surface, loss, {"numbers": linear["x"]}, linear["answers"])
    hard = linear["x"] + STRENGTH * np.sign(linear["gradient"])
    np.testing.assert_allclose(losses, loss_of(linear, hard), rtol=1e-4)
    np.testing.assert_allclose(outputs, linear["x"] @ linear["kernel"] + linear["bias"], rtol=1e-4, atol=1e-5)


def test_one_step_by_length_follows_the_gradient(linear: dict[str, Any]) -> None:
    from engine.training.adversarial import Values

    made, surface = attack(linear, "fgsm", Values("numbers", by_value=False), share=1.0)
    losses, _ = made(surface, loss, {"numbers": linear["x"]}, linear["answers"])
    length = np.linalg.norm(linear["gradient"], axis=1, keepdims=True)
    np.testing.assert_allclose(losses, loss_of(linear, linear["x"] + STRENGTH * linear["gradient"] / length), rtol=1e-4)


def test_many_steps_on_a_linear_model_of_two_classes_end_in_a_corner_of_the_ball(linear: dict[str, Any]) -> None:
    """For two classes the worst point is known: every value moves by ε against the margin (Madry et al. 2018)."""
    import keras

    from engine.training.adversarial import Values

    numbers = keras.Input((5,), name="numbers")
    model = keras.Model({"numbers": numbers}, keras.layers.Dense(2)(numbers))
    kernel, bias = linear["kernel"][:, :2], linear["bias"][:2]
    model.set_weights([kernel, bias])
    two = {**linear, "model": model, "kernel": kernel, "bias": bias, "answers": linear["answers"] % 2}
    made, surface = attack(two, "pgd", Values("numbers"), steps=10)
    losses, _ = made(surface, loss, {"numbers": two["x"]}, two["answers"])
    side = np.where(two["answers"] == 0, 1.0, -1.0)[:, None] * (kernel[:, 1] - kernel[:, 0])
    np.testing.assert_allclose(losses, loss_of(two, two["x"] + STRENGTH * np.sign(side)), rtol=1e-4)


@pytest.mark.parametrize("by_value", [True, False])
def test_changes_stay_in_the_ball_and_in_the_range(linear: dict[str, Any], by_value: bool) -> None:
    from engine.training.adversarial import Values

    place = Values("numbers", -1.0, 1.0, by_value=by_value)
    x = np.clip(linear["x"], -1.0, 1.0)
    inputs = {"numbers": x}
    made, surface = attack({**linear, "x": x}, "pgd", place, steps=7)
    start = surface.uniform(place.zero(surface, inputs)) * 5.0
    delta = np.asarray(
        made.climbed(
            surface, inputs, lambda y: loss(linear["answers"], y), place.ball(inputs, start, STRENGTH), 7, 0.05
        )
    )
    size = np.abs(delta) if by_value else np.linalg.norm(delta, axis=1)
    assert size.max() <= STRENGTH + 1e-6
    assert size.max() > 0.5 * STRENGTH
    assert np.abs(x + delta).max() <= 1.0 + 1e-6


def test_trades_is_the_loss_and_beta_times_the_divergence(linear: dict[str, Any]) -> None:
    from engine.training.adversarial import Values, divergence

    made, surface = attack(linear, "trades", Values("numbers"), steps=3, beta=2.0)
    inputs = {"numbers": linear["x"]}
    plain = linear["x"] @ linear["kernel"] + linear["bias"]
    losses, _ = made(surface, loss, inputs, linear["answers"])
    extra = (np.asarray(losses) - loss_of(linear, linear["x"])) / 2.0
    assert (extra > 0).all()
    # No point of the ball is further away than the dual norm allows; the corner of FGSM's kind is a lower bound.
    corner = linear["x"] + STRENGTH * np.sign(np.random.default_rng(1).normal(size=linear["x"].shape))
    random_corner = np.asarray(divergence(plain, corner @ linear["kernel"] + linear["bias"]))
    assert (extra >= random_corner - 1e-3).mean() > 0.8


def test_divergence_is_scipys() -> None:
    from scipy.stats import entropy

    from engine.training.adversarial import divergence

    first, second = np.random.default_rng(0).normal(size=(2, 4, 3))
    shares = [np.exp(each) / np.exp(each).sum(1, keepdims=True) for each in (first, second)]
    np.testing.assert_allclose(np.asarray(divergence(first, second)), entropy(*shares, axis=1), rtol=1e-5)


@pytest.fixture
def fitted(table_spec: Callable[..., RunSpec], encoded_for: Callable[[RunSpec], Any]) -> Callable[..., Any]:
    """Fits a table with an adversary: how it ended, how robust it is, its weights."""

    def fit(tmp_path: Any, adversary: dict[str, Any], **changes: Any) -> Any:
        changes = {"training__epochs": 20, "training__optimizer__learning_rate": 0.01, **changes}
        spec = table_spec(model__dropout=0.0, training__adversarial=adversary, **changes)
        return _fitted(tmp_path, spec, encoded_for(spec))

    return fit


def _fitted(tmp_path: Any, spec: RunSpec, encoded: Any) -> Any:
    from engine.training.compiling import compiled_steps
    from engine.training.context import LocalContext
    from engine.training.fit import Fit

    with compiled_steps(spec, encoded) as stepper:
        done = Fit(spec, encoded, stepper, LocalContext(tmp_path)).run()
        rows = encoded.validation.take(np.arange(len(encoded.validation)))
        state = stepper.state()["model"]
        return done, robust_accuracy(stepper.settings.model, rows, encoded.validation.targets), state


def robust_accuracy(model: Any, rows: dict[str, np.ndarray], answers: np.ndarray) -> float:
    """Under one step of the sign of the gradient, worked out here by TensorFlow alone."""
    import tensorflow as tf

    inputs = {name: tf.constant(value) for name, value in rows.items()}
    with tf.GradientTape() as tape:
        tape.watch(inputs["numbers"])
        logits = model(inputs, training=False)
        worst = tf.reduce_sum(tf.nn.sparse_softmax_cross_entropy_with_logits(answers, logits))
    moved = inputs["numbers"] + 0.4 * tf.sign(tape.gradient(worst, inputs["numbers"]))
    return float(np.mean(np.argmax(model({**inputs, "numbers": moved}, training=False), 1) == answers))


def test_a_model_becomes_more_robust_and_repeats_bit_for_bit(fitted: Any, tmp_path: Any) -> None:
    _, plain, _ = fitted(tmp_path / "plain", {"kind": "none"})
    for adversary in ({"kind": "pgd", "strength": 0.4, "steps": 3}, {"kind": "trades", "strength": 0.4, "steps": 3}):
        done, robust, first = fitted(tmp_path / adversary["kind"], adversary)
        assert robust > plain + 0.05, (adversary, plain, robust)
        assert np.isfinite(done.state.best.score)
    *_, second = fitted(tmp_path / "again", adversary)
    assert all(np.array_equal(one, two) for one, two in zip(first, second, strict=True))


def test_the_strength_is_turned_without_a_new_program(fitted: Any, tmp_path: Any) -> None:
    from engine.training.compiling import compilations

    fitted(tmp_path / "one", {"kind": "fgsm", "strength": 0.2})
    before = compilations()
    fitted(tmp_path / "two", {"kind": "fgsm", "strength": 0.4})
    assert compilations() == before


def test_texts_are_changed_in_their_vectors(tmp_path: Any) -> None:
    import keras

    from engine.training.adversarial import place_of

    tokens = keras.Input((6,), dtype="int32", name="tokens")
    vectors = keras.layers.Embedding(20, 4, name="embed_tokens")(tokens)
    model = keras.Model({"tokens": tokens}, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling1D()(vectors)))
    spec = RunSpec.parse(
        {
            "data": {"dataset": "0" * 16, "task": "text_classification", "preprocessing": {"kind": "text"}},
            "model": {"kind": "text_pool"},
            "training": {"adversarial": {"kind": "fgm"}},
        }
    )
    rows = np.array([[3, 4, 5, 0, 0, 0], [7, 8, 9, 10, 11, 12]], np.int32)
    answers = np.array([0, 1])
    made, surface = attack({"model": model}, "fgm", place_of(spec, model), share=1.0)
    losses, plain = made(surface, loss, {"tokens": rows}, answers)
    # By hand: the mean's gradient is the same in all places; padding has none.
    table, (kernel, bias) = model.get_layer("embed_tokens").get_weights()[0], model.layers[-1].get_weights()
    given = table[rows]
    logits = given.mean(1) @ kernel + bias
    np.testing.assert_allclose(plain, logits, rtol=1e-4, atol=1e-6)
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    slope = ((shares - np.eye(2)[answers]) @ kernel.T)[:, None] / 6 * (rows != 0)[..., None]
    slope *= STRENGTH / np.sqrt((slope**2).sum((1, 2), keepdims=True))
    moved = (given + slope).mean(1) @ kernel + bias
    expected = np.log(np.exp(moved).sum(1)) - moved[np.arange(2), answers]
    np.testing.assert_allclose(losses, expected, rtol=1e-4)
    for kind in ("freelb", "vat"):
        made, surface = attack({"model": model}, kind, place_of(spec, model))
        assert np.isfinite(np.asarray(made(surface, loss, {"tokens": rows}, answers)[0])).all()
    assert model.get_layer("embed_tokens")(rows).shape == (2, 6, 4)  # nothing is left behind


def test_what_does_not_fit_is_refused(table_spec: Callable[..., RunSpec]) -> None:
    with pytest.raises(EngineError, match="Choose one of none, fgm, freelb, vat"):
        RunSpec.parse(
            {
                "data": {"dataset": "0" * 16, "task": "text_classification", "preprocessing": {"kind": "text"}},
                "model": {"kind": "text_pool"},
                "training": {"adversarial": {"kind": "fgsm"}},
            }
        )
    with pytest.raises(EngineError, match="trades does not fit the task table_regression"):
        table_spec("table_regression", training__adversarial={"kind": "trades"})


def test_tables_over_bins_are_refused(fitted: Any, tmp_path: Any) -> None:
    with pytest.raises(EngineError, match="standardised numbers"):
        fitted(tmp_path, {"kind": "fgsm"}, data__preprocessing__number_encoding="piecewise_linear")
