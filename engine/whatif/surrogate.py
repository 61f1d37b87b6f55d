"""The effect of a change, foretold from results that are there; where they end, it says so instead of guessing.

Two models are fitted, and the one whose leave-one-out predictions lie nearer to the truth answers: a Gaussian process
(Matérn 5/2 with a length for each knob, leave-one-out in closed form: Rasmussen & Williams 2006, section 5.4.2) and
extremely randomised trees (Geurts et al. 2006; out of bag). Results of one document under several seeds count as one
point, with the noise of its mean; left out is always the whole document.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.errors import EngineError
from engine.specs import RunSpec
from engine.specs.prediction import Band, Effect
from engine.specs.probe import ProbeBudget
from engine.text import N_
from engine.whatif.features import Table
from engine.whatif.observations import Group, Observation, group_of
from engine.whatif.verdict import objective_of

Array = NDArray[np.float64]
FEWEST_DOCUMENTS = 6  # and two for each knob beyond
Z = 1.645  # standard deviations to each side of a 90 % interval
TREES = 200
FAR = 1.5  # times the distance at which the tried documents lie from their neighbours
CLUELESS = 0.95  # of the spread of all results: a Gaussian process that is as unsure as this knows nothing
UNEXPLAINED = 0.9  # of the error of always guessing the mean: knobs that explain no more explain nothing
# A probe ends before these show (its steps are its own).
_NOT_IN_PROBES = (
    "training.epochs",
    "training.max_train_time_s",
    "training.early_stopping",
    "training.checkpoint_every_s",
)


@dataclass(frozen=True)
class Points:
    """One row a document.

    Attributes:
        rows: `(documents, features)`.
        values: mean over the seeds `(documents,)`.
        counts: seeds `(documents,)`.
        noise: standard deviation of a single result, None where no document has two seeds.
    """

    rows: Array
    values: Array
    counts: Array
    noise: float | None


class Model(Protocol):
    """What both models do."""

    name: Literal["forest", "gaussian_process"]
    error: float  # mean absolute error, leave one out
    factor: float  # by which its standard deviations have to grow to hold nine in ten of the left-out results

    def expect(self, rows: Array) -> tuple[Array, Array]:
        """Expected values `(rows,)` and their covariance `(rows, rows)`, the noise of single results left out."""
        ...

    @property
    def noise(self) -> float:
        """Standard deviation of a single result around its expectation."""
        ...


def predict_effect(
    spec: RunSpec, changes: Mapping[str, Any], budget: ProbeBudget | None = None, *, with_cost: bool = True
) -> Effect:
    """What a change of a document is expected to do.

    Args:
        spec: the baseline.
        changes: dotted path → value.
        budget: size of the probes to stand on; the size of which most are there where not given.
        with_cost: also estimate time, memory and energy of the full run.

    Raises:
        EngineError: BAD_INPUT where the changed document is not valid.
    """
    changed = spec.edit(changes)
    group = group_of(spec, budget, sorted({spec.model.kind, changed.model.kind}))
    effect = effect_from(spec, changed, group)
    if with_cost:
        from engine.whatif.estimate import estimate

        try:
            effect = effect.model_copy(update={"cost": estimate(changed)})
        except EngineError:  # a model that cannot be built is said where the knob stands
            return effect
    return effect


def effect_from(spec: RunSpec, changed: RunSpec, group: Group | None) -> Effect:
    """The same from results that are at hand."""
    metric, higher = objective_of(spec.data.task)
    observations = group.observations if group is not None else ()
    table = Table([o.spec for o in observations], _NOT_IN_PROBES if group and group.source == "probes" else ())
    points = points_of(table, observations)
    needed = FEWEST_DOCUMENTS + 2 * max(len(table.columns) - 1, 0)
    effect = Effect(
        metric=metric,
        higher_is_better=higher,
        source=group.source if group is not None else "",
        budget=group.budget if group is not None else None,
        points=len(observations),
        missing=max(needed - len(points.values), 0),
    )
    if effect.missing:
        message = N_("{missing} more different settings have to be tried before effects can be foretold.")
        return effect.model_copy(update={"notice": {"message": message, "values": {"missing": effect.missing}}})
    notice = table.leaves_what_was_tried(changed, spec)
    if notice is None and _is_far(points.rows, table.rows([changed])[0]):
        notice = {"message": N_("Nothing near this combination was tried yet."), "values": {}}
    if notice is not None:
        return effect.model_copy(update={"notice": notice})
    return _foretold(effect, choose_model(points), points, table.rows([changed, spec]))


def choose_model(points: Points) -> Model:
    """The model with the smaller leave-one-out error."""
    models: list[Model] = [GaussianProcess(points), Forest(points)]
    return min(models, key=lambda model: model.error)


def _foretold(effect: Effect, model: Model, points: Points, rows: Array) -> Effect:
    means, covariance = model.expect(rows)
    guess = float(np.mean(np.abs(_others_mean(points) - points.values)))
    effect = effect.model_copy(update={"model": model.name, "error": model.error, "guess_error": guess})
    spread = float(np.std(points.values))
    if model.name == "gaussian_process" and spread > 0 and np.sqrt(covariance[0, 0]) > CLUELESS * spread:
        notice = {"message": N_("What was tried says nothing about this combination."), "values": {}}
        return effect.model_copy(update={"notice": notice})
    bands = [_band(means[i], np.hypot(np.sqrt(covariance[i, i]) * model.factor, model.noise)) for i in (0, 1)]
    variance = max(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1], 0.0)
    updates = {
        "inside": True,
        "predicted": bands[0],
        "baseline": bands[1],
        "difference": _band(means[0] - means[1], np.sqrt(variance) * model.factor),
    }
    if model.error > UNEXPLAINED * guess:
        message = N_("So far the settings tried do not explain the results: a guess of their mean is as good.")
        updates["notice"] = {"message": message, "values": {}}
    return effect.model_copy(update=updates)


def _band(value: float, deviation: float) -> Band:
    return Band(value=float(value), low=float(value - Z * deviation), high=float(value + Z * deviation))


def points_of(table: Table, observations: Sequence[Observation]) -> Points:
    """Results of the same document under several seeds as one row."""
    rows = table.rows([observation.spec for observation in observations])
    values = np.array([observation.value for observation in observations])
    if not len(values):
        return Points(np.empty((0, 0)), values, np.empty(0), None)
    _unique, first, group = np.unique(np.round(rows, 9), axis=0, return_index=True, return_inverse=True)
    group = group.reshape(-1)
    counts = np.bincount(group).astype(float)
    means = np.bincount(group, values) / counts
    squares = float(((values - means[group]) ** 2).sum())
    spare = len(values) - len(counts)
    return Points(rows[first], means, counts, float(np.sqrt(squares / spare)) if spare >= 2 else None)


def _others_mean(points: Points) -> Array:
    total, others = points.values.sum(), len(points.values) - 1
    mean: Array = (total - points.values) / max(others, 1)
    return mean


def _is_far(rows: Array, row: Array) -> bool:
    """Whether a row lies much further from its nearest neighbour than those that were tried do from theirs."""
    distances = np.linalg.norm(rows[:, None, :] - rows[None, :, :], axis=2)
    np.fill_diagonal(distances, np.inf)
    usual = float(np.quantile(distances.min(axis=1), 0.9))
    return float(np.linalg.norm(rows - row, axis=1).min()) > FAR * max(usual, 0.05)


def _widening(errors: Array, deviations: Array) -> float:
    """By how much deviations have to grow so that 90 % intervals hold nine in ten left-out results; never below 1."""
    ratios = np.sort(np.abs(errors) / np.maximum(deviations, 1e-12))
    place = min(int(np.ceil(0.9 * (len(ratios) + 1))) - 1, len(ratios) - 1)
    return float(max(1.0, ratios[place] / Z))


class GaussianProcess:
    """Matérn 5/2 with automatic relevance, noise by the number of seeds."""

    name: Literal["forest", "gaussian_process"] = "gaussian_process"

    def __init__(self, points: Points) -> None:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.gaussian_process import GaussianProcessRegressor
        from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

        self._shift, self._scale = float(points.values.mean()), float(points.values.std()) or 1.0
        known = 0.0 if points.noise is None else (points.noise / self._scale) ** 2
        lengths = np.full(points.rows.shape[1], 1.0)
        kernel = ConstantKernel(1.0, (0.05, 20.0)) * Matern(lengths, (0.1, 30.0), nu=2.5) + WhiteKernel(
            0.05, (1e-5, 1.0)
        )
        self._process = GaussianProcessRegressor(kernel, alpha=known / points.counts + 1e-8, random_state=0)
        self._rows, targets = points.rows, (points.values - self._shift) / self._scale
        with warnings.catch_warnings():  # a length at its bound: a knob without effect, or with few values
            warnings.simplefilter("ignore", ConvergenceWarning)
            self._process.fit(points.rows, targets)
        inverse = np.linalg.inv(self._process.L_ @ self._process.L_.T)
        misses = (inverse @ targets) / np.diag(inverse)  # value - leave-one-out mean (equation 5.12)
        self.error = float(np.mean(np.abs(misses))) * self._scale
        self._white = float(self._process.kernel_.k2.noise_level)
        self.factor = _widening(misses, np.sqrt(1.0 / np.diag(inverse)))
        self._known = known

    def expect(self, rows: Array) -> tuple[Array, Array]:
        """See `Model`."""
        means, covariance = self._process.predict(rows, return_cov=True)
        covariance = covariance - self._white * np.eye(len(rows))
        return means * self._scale + self._shift, covariance * self._scale**2

    @property
    def noise(self) -> float:
        """See `Model`."""
        return float(np.sqrt(self._white + self._known) * self._scale)


class Forest:
    """Extremely randomised trees; the trees' disagreement is the uncertainty."""

    name: Literal["forest", "gaussian_process"] = "forest"

    def __init__(self, points: Points) -> None:
        from sklearn.ensemble import ExtraTreesRegressor

        self._forest = ExtraTreesRegressor(TREES, min_samples_leaf=1, bootstrap=True, random_state=0, n_jobs=1)
        self._forest.fit(points.rows, points.values, sample_weight=points.counts)
        each = np.array([tree.predict(points.rows) for tree in self._forest.estimators_])  # (trees, documents)
        unseen = np.ones_like(each, bool)
        for number, sample in enumerate(self._forest.estimators_samples_):
            unseen[number, sample] = False
        seen_by = np.maximum(unseen.sum(axis=0), 1)
        left_out = np.where(unseen, each, 0.0).sum(axis=0) / seen_by
        misses = points.values - left_out
        self.error = float(np.mean(np.abs(misses)))
        spreads = np.sqrt(np.where(unseen, (each - left_out) ** 2, 0.0).sum(axis=0) / seen_by)
        self._noise = points.noise if points.noise is not None else float(np.median(np.abs(misses)) / 0.6745)
        self.factor = _widening(misses, np.hypot(spreads, self._noise))

    def expect(self, rows: Array) -> tuple[Array, Array]:
        """See `Model`."""
        each = np.array([tree.predict(rows) for tree in self._forest.estimators_])
        return each.mean(axis=0), np.cov(each.T).reshape(len(rows), len(rows))

    @property
    def noise(self) -> float:
        """See `Model`."""
        return self._noise
