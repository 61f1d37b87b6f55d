"""AdaLoRA's importance, ranks and budget against the PEFT library, recorded by tests/references/adalora_peft.py."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tuning_cases import family_body, tuning_spec

from engine.errors import EngineError
from engine.specs.finetuning import AdaLora

pytestmark = pytest.mark.tensorflow

FIXTURE = Path(__file__).parents[3] / "fixtures" / "adalora_peft.npz"
NAMES, STEPS, RATE = ("first", "second", "third"), 50, 0.05
SPEC = AdaLora(
    initial_rank=4,
    rank=2,
    alpha=8.0,
    warmup_fraction=0.1,
    final_fraction=0.2,
    interval_steps=3,
    beta_1=0.85,
    beta_2=0.8,
)


@pytest.fixture(scope="module")
def recorded() -> dict[str, np.ndarray]:
    with np.load(FIXTURE, allow_pickle=False) as arrays:
        return dict(arrays)


def tuned_stack(recorded: dict[str, np.ndarray]) -> Any:
    """Three dense layers with the recorded weights."""
    import keras

    from engine.finetuning.linear import TunedDense
    from engine.finetuning.methods.adalora import Singular

    x = inputs = keras.Input((6,))
    for name in NAMES:
        x = TunedDense(recorded[f"weight_{name}"].shape[0], change=Singular(4, 8.0), name=name)(x)
    model = keras.Model(inputs, x)
    for name in NAMES:
        layer = model.get_layer(name)
        layer._kernel.assign(recorded[f"weight_{name}"].T)
        layer.bias.assign(recorded[f"bias_{name}"])
        layer.change.p.assign(recorded[f"start_{name}_A"].T)
        layer.change.values.assign(recorded[f"start_{name}_E"][:, 0])
        layer.change.q.assign(recorded[f"start_{name}_B"].T)
    return model


def test_the_product_is_that_of_peft(recorded: dict[str, np.ndarray]) -> None:
    np.testing.assert_allclose(np.asarray(tuned_stack(recorded)(recorded["x"])), recorded["outputs"], atol=1e-5)


def test_budgets_are_those_of_peft(recorded: dict[str, np.ndarray]) -> None:
    from engine.finetuning.allocation import KEEP_ALL, Allocator

    schedule = Allocator([None] * 3, SPEC).schedule(STEPS)  # type: ignore[list-item]
    for step in range(1, STEPS + 1):
        cut, learns = schedule.at(step)
        if recorded["masks"][step - 1]:
            assert cut == 12 - recorded["budget"][step - 1], step
        else:
            assert cut == KEEP_ALL
        assert learns == (step < 40)


def test_scores_and_ranks_are_those_of_peft(recorded: dict[str, np.ndarray]) -> None:
    from engine.finetuning.allocation import Allocator

    model = tuned_stack(recorded)
    allocator = Allocator([model.get_layer(name).change for name in NAMES], SPEC)
    plan = allocator.plan(np.arange(STEPS) / STEPS, STEPS)
    parts = [f"{name}_{part}" for name in NAMES for part in ("A", "E", "B")]

    def turned(name: str, array: np.ndarray) -> np.ndarray:
        return array[:, 0] if name.endswith("_E") else array.T

    for step in range(STEPS):
        gradients = [turned(part, recorded[f"gradient_{part}"][step]) for part in parts]
        for variable, gradient in zip(allocator.learning, gradients, strict=True):
            variable.assign_sub(RATE * gradient)
        singles, resting = allocator.updated(
            [v.value for v in allocator.learning],
            gradients,
            [v.value for v in allocator.resting],
            plan[step, 0],
            plan[step, 1] > 0.5,
        )
        for variable, value in zip(allocator.learning[1::3], singles, strict=True):
            variable.assign(value)
        for variable, value in zip(allocator.resting, resting, strict=True):
            variable.assign(value)
        for number, name in enumerate(NAMES):
            np.testing.assert_allclose(singles[number], recorded[f"values_{name}"][step], atol=1e-6, err_msg=str(step))
            if step + 1 >= 40:
                continue
            for place, part in enumerate(("A", "E", "B")):
                importance, uncertainty = resting[7 * number + 2 * place : 7 * number + 2 * place + 2]
                expected = turned(f"{name}_{part}", recorded[f"importance_{name}_{part}"][step])
                np.testing.assert_allclose(importance, expected, atol=1e-7, rtol=1e-5)
                expected = turned(f"{name}_{part}", recorded[f"uncertainty_{name}_{part}"][step])
                np.testing.assert_allclose(uncertainty, expected, atol=1e-7, rtol=1e-5)
    for name in NAMES:
        kept = np.asarray(model.get_layer(name).change.kept)
        np.testing.assert_array_equal(kept > 0.5, recorded[f"pattern_{name}"][0].reshape(-1))
    ranks = [model.get_layer(name).change.rank_left() for name in NAMES]
    assert sum(ranks) == 6
    assert len(set(ranks)) > 1  # the budget went to some more than to others


def test_a_run_ends_with_its_budget(tiny_bert: Path, encoded_texts: Any, tmp_path: Path) -> None:
    """In the compiled step: as many λ are left as there shall be, and those of others are 0."""
    from engine.training.compiling import compiled_steps
    from engine.training.context import LocalContext
    from engine.training.job import train

    fields = {"kind": "adalora", "initial_rank": 4, "rank": 2, "interval_steps": 2}
    spec = tuning_spec(tiny_bert, fields, training__epochs=4)
    with compiled_steps(spec, encoded_texts) as stepper:
        train(spec, encoded_texts, stepper, LocalContext(tmp_path))
        allocator = stepper.settings.allocator
    assert allocator is not None
    left = [change.rank_left() for change in allocator.changes]
    assert sum(left) == 2 * len(left)
    for change in allocator.changes:
        np.testing.assert_array_equal(np.asarray(change.values) != 0.0, np.asarray(change.kept) > 0.5)


def test_the_penalty_is_the_mean_distance_from_orthogonal_vectors() -> None:
    from engine.finetuning.methods import apply

    body, _ = family_body("bert")
    tuned = apply(AdaLora(initial_rank=3, rank=2, targets="attention", orthogonality=0.2), body, seed=1)
    apart = []
    for variable in tuned.trainable_variables:
        value = np.asarray(variable, np.float64)
        if variable.name in ("adalora_p", "adalora_q"):
            vectors = value.T if variable.name == "adalora_p" else value
            apart.append(np.linalg.norm(vectors @ vectors.T - np.eye(3)))
    assert len(apart) == 8
    assert float(sum(tuned.losses)) == pytest.approx(0.2 * np.mean(apart), rel=1e-5)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"initial_rank": 4, "rank": 5}, "takes ranks away"),
        ({"warmup_fraction": 0.6, "final_fraction": 0.4}, "leave no time"),
        ({"initial_rank": 40, "rank": 4}, "more than the matrix"),
    ],
)
def test_what_makes_no_sense_is_refused(fields: dict[str, Any], sentence: str) -> None:
    from engine.finetuning.methods import apply

    with pytest.raises(EngineError, match=sentence):
        apply(AdaLora(**fields), family_body("bert")[0], seed=1)
