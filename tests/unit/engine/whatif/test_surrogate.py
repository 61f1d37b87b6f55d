"""The surrogate against functions that are known, and its refusal where nothing was tried."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from engine.specs import RunSpec
from engine.specs.prediction import Effect
from engine.specs.probe import ProbeBudget
from engine.whatif.features import Table
from engine.whatif.observations import Group, Observation
from engine.whatif.surrogate import Forest, GaussianProcess, Points, Z, choose_model, effect_from, points_of

RATE, DROPOUT, ACTIVATION = "training.optimizer.learning_rate", "model.dropout", "model.activation"
BASE = RunSpec.parse(
    {
        "data": {"dataset": "0" * 16, "task": "table_classification", "preprocessing": {"kind": "table"}},
        "model": {"kind": "mlp"},
        "training": {"optimizer": {"kind": "adamw", "learning_rate": 1e-2}},
    }
)
NOISE = 0.004


def accuracy(changes: Mapping[str, Any]) -> float:
    """Best at a rate of 0.01 on the log scale; dropout costs linearly; tanh is a little worse."""
    rate = math.log10(changes.get(RATE, 1e-2)) + 2.0
    worse = 0.02 if changes.get(ACTIVATION) == "tanh" else 0.0
    return 0.9 - 0.06 * rate**2 - 0.1 * changes.get(DROPOUT, 0.1) - worse


def tried(count: int, draw: Callable[[np.random.Generator], Mapping[str, Any]], *, seeds: int = 1) -> Group:
    random = np.random.default_rng(3)
    observations = []
    for _ in range(count):
        changes = draw(random)
        for seed in range(seeds):
            value = accuracy(changes) + NOISE * random.standard_normal()
            observations.append(Observation(BASE.edit({**changes, "seed": seed}), value))
    return Group("probes", ProbeBudget(), observations)


def rate_and_dropout(random: np.random.Generator) -> dict[str, Any]:
    return {RATE: float(10 ** random.uniform(-3.5, -1.0)), DROPOUT: float(random.uniform(0.0, 0.5))}


@pytest.fixture(scope="module")
def known() -> Group:
    return tried(24, rate_and_dropout, seeds=2)


def effect(group: Group | None, changes: Mapping[str, Any]) -> Effect:
    return effect_from(BASE, BASE.edit(changes), group)


@pytest.mark.parametrize(
    "changes", [{RATE: 1e-3}, {RATE: 3e-2, DROPOUT: 0.3}, {DROPOUT: 0.45}, {RATE: 8e-4, DROPOUT: 0.2}]
)
def test_inside_what_was_tried_the_band_holds_the_truth(known: Group, changes: dict[str, Any]) -> None:
    found = effect(known, changes)
    assert found.inside
    assert found.predicted is not None
    assert found.difference is not None
    assert found.predicted.low <= accuracy(changes) <= found.predicted.high
    assert found.predicted.value == pytest.approx(accuracy(changes), abs=0.015)
    assert found.difference.value == pytest.approx(accuracy(changes) - accuracy({}), abs=0.02)
    assert found.predicted.high - found.predicted.low < 0.06  # a tenth of what the knobs can do would be useless
    assert found.error is not None
    assert found.guess_error is not None
    assert found.error < 0.5 * found.guess_error


def test_bands_hold_nine_in_ten_single_results(known: Group) -> None:
    """One fitted model, forty new runs within the ranges."""
    table = Table([observation.spec for observation in known.observations])
    model = choose_model(points_of(table, known.observations))
    random = np.random.default_rng(8)
    drawn = [
        {RATE: float(10 ** random.uniform(-3.2, -1.3)), DROPOUT: float(random.uniform(0.05, 0.45))} for _ in range(40)
    ]
    means, covariance = model.expect(table.rows([BASE.edit(changes) for changes in drawn]))
    values = np.array([accuracy(changes) + NOISE * random.standard_normal() for changes in drawn])
    widths = Z * np.hypot(np.sqrt(np.diag(covariance)) * model.factor, model.noise)
    assert np.mean(np.abs(values - means) <= widths) >= 0.8


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({RATE: 3.0}, "Learning rate 3 lies beyond what was tried"),
        ({RATE: 1e-6}, "Learning rate 1e-06 lies beyond"),
        ({ACTIVATION: "tanh"}, "Activation was never changed"),
        ({"training.optimizer.kind": "sgd"}, "sgd"),
    ],
)
def test_outside_it_refuses_and_names_the_knob(known: Group, changes: dict[str, Any], says: str) -> None:
    found = effect(known, changes)
    assert not found.inside
    assert found.predicted is None
    assert found.notice is not None
    assert says in found.notice["message"].format(**found.notice["values"])


def test_a_corner_between_the_ranges_that_nobody_went_to_is_outside() -> None:
    """Each knob is within its range, but never were both high at once."""

    def along_the_edges(random: np.random.Generator) -> dict[str, Any]:
        if random.random() < 0.5:
            return {RATE: float(10 ** random.uniform(-4, -1)), DROPOUT: 0.1}
        return {RATE: 1e-4, DROPOUT: float(random.uniform(0.0, 0.9))}

    found = effect(tried(30, along_the_edges), {RATE: 0.1, DROPOUT: 0.88})
    assert not found.inside
    assert found.notice is not None


def test_choices_are_learned_apart() -> None:
    def with_activation(random: np.random.Generator) -> dict[str, Any]:
        return {**rate_and_dropout(random), ACTIVATION: str(random.choice(["relu", "tanh"]))}

    found = effect(tried(40, with_activation), {ACTIVATION: "tanh"})
    assert found.difference is not None
    assert found.difference.value == pytest.approx(-0.02, abs=0.012)


def test_too_few_results_say_how_many_are_missing() -> None:
    found = effect(tried(3, rate_and_dropout), {DROPOUT: 0.2})
    assert found.missing == 5  # six, and two more for the second knob
    assert not found.inside
    assert found.notice is not None
    assert effect(None, {DROPOUT: 0.2}).missing == 6


def test_seeds_of_one_document_are_one_setting() -> None:
    found = effect(tried(3, rate_and_dropout, seeds=5), {DROPOUT: 0.2})
    assert found.points == 15
    assert found.missing == 5


def test_where_nothing_explains_the_results_it_says_so() -> None:
    random = np.random.default_rng(0)
    observations = [
        Observation(BASE.edit(rate_and_dropout(random)), 0.8 + 0.02 * random.standard_normal()) for _ in range(20)
    ]
    found = effect(Group("trials", None, observations), {DROPOUT: 0.25})
    assert found.notice is not None
    assert not found.inside or "guess" in found.notice["message"]


def test_left_out_errors_of_the_process_are_those_of_leaving_out() -> None:
    """Rasmussen & Williams (2006), equation 5.12, against refitting with the same kernel without the point."""
    random = np.random.default_rng(1)
    rows = random.random((12, 2))
    values = np.sin(3 * rows[:, 0]) + 0.1 * random.standard_normal(12)
    points = Points(rows, values, np.ones(12), None)
    model = GaussianProcess(points)
    kernel, scale = model._process.kernel_, values.std()
    errors = []
    for place in range(12):
        rest = np.arange(12) != place
        gram = kernel(rows[rest]) + 1e-8 * np.eye(11)  # the white part of the kernel is the noise
        weights = np.linalg.solve(gram, (values[rest] - values.mean()) / scale)
        guess = kernel(rows[place : place + 1], rows[rest]) @ weights
        errors.append(abs((values[place] - values.mean()) / scale - float(guess[0])) * scale)
    assert model.error == pytest.approx(np.mean(errors), rel=1e-4)


def test_a_step_is_answered_by_trees_and_a_slope_by_the_process() -> None:
    random = np.random.default_rng(5)
    rows = random.random((60, 4))
    smooth = Points(rows, rows @ np.array([1.0, -0.5, 0.2, 0.0]), np.ones(60), None)
    steps = Points(rows, np.floor(4 * rows[:, 0]) % 2 + np.floor(3 * rows[:, 1]), np.ones(60), None)
    assert choose_model(smooth).name == "gaussian_process"
    assert Forest(steps).error < np.mean(np.abs(steps.values - steps.values.mean()))
    assert choose_model(steps).error <= min(Forest(steps).error, GaussianProcess(steps).error) + 1e-9
