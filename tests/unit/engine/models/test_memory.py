"""Memory of a training step and of the machine."""

import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from model_cases import document, image_shape

pytestmark = pytest.mark.tensorflow


def model() -> Any:
    from engine.models.build import build_core

    return build_core(document("image", {"kind": "mlp", "units": [10], "dropout": 0.0}), image_shape(8, 1, 3))


@pytest.mark.parametrize(
    ("optimizer", "copies"),  # weights, gradients, and what each optimizer keeps
    [
        ({"kind": "sgd", "momentum": 0.0}, 2),
        ({"kind": "sgd", "momentum": 0.9}, 3),
        ({"kind": "adamw"}, 4),
        ({"kind": "lion"}, 3),
        ({"kind": "rmsprop"}, 3),
        ({"kind": "rmsprop", "momentum": 0.5}, 4),
    ],
)
def test_weights_gradients_optimizer_and_activations(optimizer: dict[str, Any], copies: int) -> None:
    from engine.models.memory import training_bytes

    spec = document("image", {"kind": "mlp"}, **{"training.optimizer": optimizer, "training.batch_size": 5})
    built = model()
    weights = 64 * 10 + 10 + 10 * 3 + 3
    assert built.count_params() == weights
    # image, scaled image, hidden, activation, logits; and the largest once more for its gradient
    activations = 64 + 64 + 10 + 10 + 3 + 64
    assert training_bytes(built.layers, weights, 0, spec.training) == 4 * (weights * copies + 5 * activations)


def test_optimizer_slots_match_keras() -> None:
    import keras

    from engine.models.memory import OPTIMIZER_SLOTS

    makers = {"adam": "Adam", "adamw": "AdamW", "lion": "Lion", "rmsprop": "RMSprop", "sgd": "SGD"}
    for kind, name in makers.items():
        weight = keras.Variable([[0.0] * 7] * 3)
        optimizer = getattr(keras.optimizers, name)()
        optimizer.build([weight])
        slots = sum(variable.shape == (3, 7) for variable in optimizer.variables)
        assert slots == OPTIMIZER_SLOTS[kind], kind


def test_more_examples_need_more_and_half_precision_less() -> None:
    from engine.models.memory import training_bytes

    layers = model().layers
    spec = document("image", {"kind": "mlp"})
    sizes = [training_bytes(layers, 0, 0, spec.edit({"training.batch_size": size}).training) for size in (16, 64, 256)]
    assert sizes[1] == 4 * sizes[0]
    assert sizes[2] == 16 * sizes[0]
    half = spec.edit({"training.batch_size": 16, "training.precision": "mixed_bfloat16"})
    assert training_bytes(layers, 0, 0, half.training) == sizes[0] // 2


def test_available_is_what_the_machine_has() -> None:
    from engine.models.memory import available_bytes

    assert available_bytes() > 0
    import shutil

    if shutil.which("nvidia-smi") is None:
        assert available_bytes() <= psutil.virtual_memory().total


def test_what_lies_before_the_first_layer_that_learns_leaves_nothing_behind() -> None:
    from engine.models.build import build_core
    from engine.models.memory import step_memory

    spec = document("image", {"kind": "mlp", "units": [10, 20], "dropout": 0.0}, **{"training.batch_size": 5})
    frozen = build_core(spec.edit({"training.frozen_layers": 2}), image_shape(8, 1, 3))
    learns = 20 * 3 + 3
    held = step_memory(frozen.layers, learns, frozen.count_params() - learns, spec.training)
    assert held.activations == 4 * 5 * (3 + 3)  # the logits, and their gradient
    assert held.gradients == 4 * learns
    assert held.optimizer == 2 * held.gradients
    assert held.weights == 4 * frozen.count_params()
    assert held.total == held.weights + held.gradients + held.optimizer + held.activations
