"""How much each searched field explains of the scores: functional ANOVA on a random forest.

Hutter, Hoos & Leyton-Brown 2014, "An Efficient Approach for Assessing Hyperparameter Importance" (ICML): a forest is
fitted to the trials; each of its trees is constant on boxes, so that its mean over all other fields, and the variance
of those means, are sums over leaves and need no sampling. Shares are means over the trees.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.specs import RunSpec
from engine.specs.search import Dimension, FloatRange, IntRange, Options, SearchSpec
from engine.specs.search_records import ImportanceRecord, TrialRecord, TrialStatus
from engine.store.searches import objectives_of
from engine.text import N_
from engine.tuning.space import same

TREES = 64
FEW_FIELDS = 4  # up to here every split looks at all of them
FEWEST_TRIALS = 8  # below, there is nothing to explain
RELIABLE_TRIALS = 20
RELIABLE_R2 = 0.3
MOST_FIELDS = 24  # pairs grow with their square
MOST_CELLS = 2_000_000  # of a pair's grid, over which a tree is not looked at
Interval = tuple[float, float]


def importance_of(spec: RunSpec, trials: Sequence[TrialRecord]) -> ImportanceRecord:
    """The importance of each searched field over the trials of a search that have a score."""
    search = spec.search or SearchSpec()
    paths = tuple(dict.fromkeys(dimension.path for dimension in search.dimensions))[:MOST_FIELDS]
    scored = [
        trial
        for trial in trials
        if trial.score is not None and trial.status in (TrialStatus.COMPLETED, TrialStatus.STOPPED)
    ]
    if len(scored) < FEWEST_TRIALS:
        return ImportanceRecord(paths=paths, trials=len(scored), notice=N_("There are too few trials with a score."))
    goals = objectives_of(spec)
    domains = [_domain(search, path, spec) for path in paths]
    points = np.array([[domain.place(trial.values) for domain in domains] for trial in scored])
    scores = np.array([trial.score for trial in scored], float)
    if np.ptp(scores) == 0.0:
        return ImportanceRecord(paths=paths, trials=len(scored), notice=N_("All trials have the same score."))
    # A few trials that went wrong would explain everything: what is far worse than the rest counts as its worst.
    worst = np.quantile(scores, 0.1 if goals and goals[0][1] == "max" else 0.9)
    spread = np.subtract(*np.quantile(scores, [0.75, 0.25])) or np.ptp(scores)
    low, high = (worst - 3 * spread, np.inf) if goals and goals[0][1] == "max" else (-np.inf, worst + 3 * spread)
    single, pairs, r2 = fanova(points, np.clip(scores, low, high), [domain.bounds for domain in domains])
    named = [(paths[i], paths[j], share) for (i, j), share in pairs.items()]
    return ImportanceRecord(
        paths=paths,
        single={path: single[i] for i, path in enumerate(paths)},
        pairs=tuple(sorted(named, key=lambda pair: -pair[2])),
        trials=len(scored),
        reliable=len(scored) >= RELIABLE_TRIALS and r2 is not None and r2 >= RELIABLE_R2,
        r2=r2,
        notice="" if len(scored) >= RELIABLE_TRIALS else N_("More trials would make this more certain."),
    )


def fanova(
    points: np.ndarray, scores: np.ndarray, bounds: Sequence[Interval], *, trees: int = TREES, seed: int = 0
) -> tuple[list[float], dict[tuple[int, int], float], float | None]:
    """Shares of the variance of a forest.

    Args:
        points: `(trials, fields)`.
        scores: `(trials,)`.
        bounds: (low, high) of each field; values are taken to be uniform between them.
        trees: of the forest.
        seed: of the forest.

    Returns:
        The share of each field alone, of each pair's interaction beyond its two fields, and the R² of the forest for
        trials that a tree has not seen (None where there are none).
    """
    from sklearn.ensemble import RandomForestRegressor

    forest = RandomForestRegressor(
        n_estimators=trees,
        min_samples_leaf=2 if len(scores) < 100 else 3,
        max_features=1.0 if points.shape[1] <= FEW_FIELDS else 0.7,
        oob_score=True,
        random_state=seed,
        n_jobs=1,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # few trials: some were seen by every tree
        forest.fit(points, scores)
    singles, doubles = [], []
    for estimator in forest.estimators_:
        shares = _shares(_boxes(estimator.tree_, bounds), bounds)
        if shares is not None:
            singles.append(shares[0])
            doubles.append(shares[1])
    fields = points.shape[1]
    if not singles:
        return [0.0] * fields, {}, None
    single = np.mean(singles, axis=0)
    pairs = {pair: float(np.mean([double[pair] for double in doubles])) for pair in doubles[0]}
    r2 = float(forest.oob_score_)
    return [float(share) for share in single], pairs, r2 if np.isfinite(r2) else None


@dataclass(frozen=True)
class _Boxes:
    low: np.ndarray  # (leaves, fields)
    high: np.ndarray
    value: np.ndarray  # (leaves,)
    volume: np.ndarray  # (leaves,), shares of the whole


def _boxes(tree: Any, bounds: Sequence[Interval]) -> _Boxes:
    """The box of each leaf of a tree."""
    whole_low = np.array([low for low, _ in bounds], float)
    whole_high = np.array([high for _, high in bounds], float)
    lows, highs, values = [], [], []
    waiting = [(0, whole_low, whole_high)]
    while waiting:
        node, low, high = waiting.pop()
        if tree.children_left[node] == tree.children_right[node]:  # a leaf
            lows.append(low)
            highs.append(high)
            values.append(float(tree.value[node].ravel()[0]))
            continue
        field, at = tree.feature[node], tree.threshold[node]
        left_high, right_low = high.copy(), low.copy()
        left_high[field], right_low[field] = min(high[field], at), max(low[field], at)
        waiting += [(tree.children_left[node], low, left_high), (tree.children_right[node], right_low, high)]
    low, high = np.array(lows), np.array(highs)
    sides = np.maximum(high - low, 0.0) / np.maximum(whole_high - whole_low, 1e-300)
    return _Boxes(low, high, np.array(values), sides.prod(axis=1))


def _shares(boxes: _Boxes, bounds: Sequence[Interval]) -> tuple[np.ndarray, dict[tuple[int, int], float]] | None:
    """The shares of one tree, or None for a tree that is the same everywhere."""
    mean = float(boxes.volume @ boxes.value)
    variance = float(boxes.volume @ (boxes.value - mean) ** 2)
    if variance <= 1e-24:
        return None
    fields = len(bounds)
    cuts = [np.unique(np.concatenate([boxes.low[:, i], boxes.high[:, i]])) for i in range(fields)]
    # In how far each leaf covers each stretch between two cuts: (leaves, stretches) of 0 and 1.
    covers = [(boxes.low[:, i, None] <= c[:-1]) & (boxes.high[:, i, None] >= c[1:]) for i, c in enumerate(cuts)]
    widths = [np.diff(c) / max(bounds[i][1] - bounds[i][0], 1e-300) for i, c in enumerate(cuts)]
    sides = np.stack(
        [(boxes.high[:, i] - boxes.low[:, i]) / max(bounds[i][1] - bounds[i][0], 1e-300) for i in range(fields)], axis=1
    )
    marginals = []
    for i in range(fields):
        weight = boxes.value * _without(sides, (i,))
        marginals.append(weight @ covers[i] - mean)  # (stretches,)
    single = np.array([float(widths[i] @ marginals[i] ** 2) for i in range(fields)]) / variance
    pairs = {}
    for i, j in itertools.combinations(range(fields), 2):
        if len(widths[i]) * len(widths[j]) * len(boxes.value) > MOST_CELLS * 64:
            pairs[i, j] = 0.0
            continue
        weight = boxes.value * _without(sides, (i, j))
        joint = (covers[i] * weight[:, None]).T @ covers[j].astype(float) - mean
        pure = joint - marginals[i][:, None] - marginals[j][None, :]
        pairs[i, j] = float(widths[i] @ pure**2 @ widths[j]) / variance
    return single, pairs


def _without(sides: np.ndarray, fields: tuple[int, ...]) -> np.ndarray:
    """The volume of each leaf over all fields but some."""
    others = [i for i in range(sides.shape[1]) if i not in fields]
    return np.asarray(sides[:, others].prod(axis=1))


@dataclass(frozen=True)
class _Domain:
    """A searched field as a number: ranges by their scale, choices by their place, "not searched here" beside them."""

    path: str
    bounds: Interval
    options: tuple[Any, ...]
    log: bool
    default: float

    def place(self, values: Mapping[str, Any]) -> float:
        if self.path not in values:
            return self.default
        value = values[self.path]
        if self.options:
            found = next((i for i, option in enumerate(self.options) if same(option, value)), None)
            return self.default if found is None else found + 0.5
        number = float(np.log(value)) if self.log else float(value)
        return min(max(number, self.bounds[0]), self.bounds[1])


def _domain(search: SearchSpec, path: str, spec: RunSpec) -> _Domain:
    same_path: list[Dimension] = [dimension for dimension in search.dimensions if dimension.path == path]
    conditional = any(dimension.when for dimension in same_path)
    if any(isinstance(dimension, Options) for dimension in same_path):
        options: list[Any] = []
        for dimension in same_path:
            if isinstance(dimension, Options):
                options += [value for value in dimension.values if not any(same(value, other) for other in options)]
        count = len(options) + int(conditional)
        return _Domain(path, (0.0, float(count)), tuple(options), False, count - 0.5)
    ranges = [dimension for dimension in same_path if isinstance(dimension, FloatRange | IntRange)]
    log = all(dimension.scale == "log" for dimension in ranges)
    ends = [(dimension.low, dimension.high) for dimension in ranges]
    low, high = float(min(low for low, _ in ends)), float(max(high for _, high in ends))
    if log:
        low, high = float(np.log(low)), float(np.log(high))
    if high <= low:
        high = low + 1.0
    return _Domain(path, (low, high), (), log, (low + high) / 2)
