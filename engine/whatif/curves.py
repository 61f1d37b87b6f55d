"""Where a learning curve will go: a Bayesian average over curve families, noise levels and drifts, by sampled paths.

Domhan et al. (2015) average over families by MCMC; here all families are linear in their level and amplitude
(`engine.whatif.curve_families`), so that the evidence of each member of a grid (shape × time axis × annealing × drift ×
noise × scale of the metric) is a closed formula, and the average is exact: no optimiser that fails to converge, no
chain to wait for, the same answer every time. Two things that the literature's families lack are added. Where the
learning rate falls, curves get better because of that: a term for annealing (Tissue, Wang & Wang 2024) in two forms,
and the area under the rate as another time axis. And curves of overfitting runs rise again: a linear
drift, upwards only. True curves differ from every family: a discrepancy that grows with the distance widens the band.

Everything is drawn as paths, so that whatever a run is judged by (the best so far, the epoch at which patience ends)
can be worked out on each path.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine.whatif.curve_families import Shape, column, shapes

Array = NDArray[np.float64]
FEWEST_POINTS = 4  # three numbers of a curve, and one to tell them from noise
DRAWS = 4000
MISFIT = 0.01  # of the gain so far: shapes between those of the grid are missed by about as much
# Noise against its estimate from neighbouring points, which is rough where there are few of them.
NOISE_FACTORS = np.array([0.5, 0.7, 1.0, 1.4, 2.0, 2.8])
NOISE_SPREAD = 0.5  # standard deviation of the logarithm of those factors
ANNEALING_GAIN = (0.04, 0.08)  # of the error that is left: expected gain and its standard deviation


@dataclass(frozen=True)
class Beliefs:
    """What is thought of a kind of curves before one is seen.

    Attributes:
        early_misfit: early values follow the families least; the first one's variance counts 1 + this many times.
        level_spread: how far the end may lie from here, as a share of the gain so far, before the shape is looked at.
        drift_spread: standard deviation of a linear rise of the error over the whole, as a share of the gain; 0: none.
        discrepancy: how far true curves leave every family, as a share of the gain, for each doubling of the time.
        families: of `engine.whatif.curve_families`; empty: all.
        noise: standard deviation of a value, None where it has to be read off neighbouring values.
    """

    early_misfit: float
    level_spread: float
    drift_spread: float
    discrepancy: float
    families: tuple[str, ...] = ()
    noise: float | None = None


# Chosen once on 22 runs that are not among those of bench/forecast.py, by the interval score of Gneiting & Raftery
# (2007); anything near them does as well.
LEARNING = Beliefs(early_misfit=15.0, level_spread=0.5, drift_spread=0.3, discrepancy=0.06)
# Over sizes the curve is straight on a logarithmic axis: four times further is another two halvings.
SCALING = Beliefs(
    early_misfit=0.0,
    level_spread=1.0,
    drift_spread=0.0,
    discrepancy=0.03,
    families=("power law", "shifted power law", "logarithm"),
)


@dataclass(frozen=True)
class Prefix:
    """What is known of a curve, and the moments that are asked for.

    Attributes:
        times: moments of the points `(points,)`, ascending and above 0, in epochs or any other unit.
        values: the metric there `(points,)`.
        future: moments to come `(future,)`, ascending; the last one is the horizon.
        counts: how many epochs each future moment stands for `(future,)`.
        rates: learning rate at times and future as a share of its peak `(points + future,)`.
        areas: area under `rates` up to each moment `(points + future,)`.
        lower_is_better: for errors and losses.
        bounds: lowest and highest value that the metric can take.
        resolution: the smallest step in which it is measured (one example of the validation part), 0 if not known.
        beliefs: what is thought of such curves beforehand.
    """

    times: Array
    values: Array
    future: Array
    counts: Array
    rates: Array
    areas: Array
    lower_is_better: bool
    bounds: tuple[float, float] = (-np.inf, np.inf)
    resolution: float = 0.0
    beliefs: Beliefs = field(default_factory=lambda: LEARNING)


@dataclass(frozen=True)
class Extrapolation:
    """Sampled continuations of a curve.

    Attributes:
        paths: the metric at the future moments, one path a row `(draws, future)`: the best of the epochs that a
            moment stands for, noise included.
        means: the same without noise: where the curve itself lies.
        families: weight of each family in the average.
    """

    paths: Array
    means: Array
    families: dict[str, float]


def extrapolate(prefix: Prefix, *, draws: int = DRAWS, seed: int = 0) -> Extrapolation:
    """Continue a curve.

    Args:
        prefix: at least `FEWEST_POINTS` points.
        draws: sampled paths.
        seed: of the draws.
    """
    random = np.random.default_rng(seed)
    cells = [cell for scale in _scales(prefix) for cell in _cells(prefix, scale)]
    evidence = np.concatenate([cell.evidence for cell in cells])  # (cells × noise levels,)
    chances = np.exp(evidence - evidence.max())
    chances /= chances.sum()
    picked = np.bincount(random.choice(len(chances), draws, p=chances), minlength=len(chances))
    paths, means = [], []
    for number in np.flatnonzero(picked):
        cell, level = cells[number // len(NOISE_FACTORS)], number % len(NOISE_FACTORS)
        mean, path = cell.draw(int(level), int(picked[number]), random)
        paths.append(path)
        means.append(mean)
    families: dict[str, float] = {}
    for cell, share in zip(cells, chances.reshape(-1, len(NOISE_FACTORS)).sum(axis=1), strict=True):
        families[cell.family] = families.get(cell.family, 0.0) + float(share)
    return Extrapolation(np.concatenate(paths), np.concatenate(means), families)


# ---- scales: the metric as it is, and the logarithm of the error ----------------------------------------------------
@dataclass(frozen=True)
class _Scale:
    """A way to measure badness: lower is better, and what is asked of the curve is likelier to be straight in it."""

    name: str
    badness: Array  # (points,)
    log_jacobian: float
    noise: float  # of a point around a shape, what the shape misses included
    jitter: float  # of an epoch around its neighbours, as a share of `noise`: what epochs to come will show
    gain: float  # badness at the start minus the least now
    left: float  # what annealing can take its share of
    sign: float
    top: float
    offset: float
    bounds: tuple[float, float]

    def back(self, badness: Array) -> Array:
        """Badness → metric."""
        if self.name == "log":
            error = np.exp(np.clip(badness, -50.0, 50.0)) - self.offset
            values = self.top - error if self.sign < 0 else error
        else:
            values = self.sign * badness
        result: Array = np.clip(values, *self.bounds)
        return result


def _scales(prefix: Prefix) -> list[_Scale]:
    sign = 1.0 if prefix.lower_is_better else -1.0
    raw = sign * prefix.values
    zero = prefix.bounds[0] if prefix.lower_is_better else -prefix.bounds[1]  # the badness of perfection
    step = prefix.resolution or _smallest_step(raw)
    left = float(raw[-1] - zero) if np.isfinite(zero) else float(np.ptp(raw))
    found = [_scale("raw", raw, 0.0, left=left, top=0.0, offset=0.0, step=step, prefix=prefix)]
    if np.isfinite(zero) and (raw >= zero).all():
        errors = raw - zero
        offset = 0.5 * step
        logs = np.log(errors + offset + 1e-300)
        jacobian = float(-logs.sum())
        step = float(step / (errors[-1] + offset + 1e-300))
        top = prefix.bounds[1] if not prefix.lower_is_better else 0.0
        found.append(_scale("log", logs, jacobian, left=1.0, top=top, offset=offset, step=step, prefix=prefix))
    return found


def _scale(
    name: str,
    badness: Array,
    jacobian: float,
    *,
    left: float,
    top: float,
    offset: float,
    step: float,
    prefix: Prefix,
) -> _Scale:
    noise = _noise(badness) if prefix.beliefs.noise is None else prefix.beliefs.noise * _slope(badness, prefix)
    range_ = float(badness[0] - badness.min())
    jitter = max(noise, 0.3 * step)
    noise = max(jitter, MISFIT * range_, 1e-9 * max(1.0, float(np.abs(badness).max())))
    gain = max(range_, 4.0 * noise)
    sign = 1.0 if prefix.lower_is_better else -1.0
    return _Scale(name, badness, jacobian, noise, jitter / noise, gain, left, sign, top, offset, prefix.bounds)


def _slope(badness: Array, prefix: Prefix) -> float:
    """What a step of the metric is worth in badness, at the newest values."""
    span = float(np.ptp(prefix.values))
    return float(np.ptp(badness)) / span if span > 0.0 else 1.0


def _smallest_step(values: Array) -> float:
    steps = np.abs(np.diff(np.unique(values)))
    return float(steps.min()) if len(steps) else 0.0


def _noise(values: Array) -> float:
    """Standard deviation of a point around the course, from differences of the later part.

    Second differences of a curve that bends hold its bend too; where there are points enough, third ones tell.
    """
    tail = values[len(values) // 3 :] if len(values) >= 9 else values[1:]
    if len(tail) < 3:
        return 0.0
    found = [_root_of_squares(np.diff(tail, 2) / np.sqrt(6.0))]  # of white noise: variance 6
    if len(tail) >= 6:
        found.append(_root_of_squares(np.diff(tail, 3) / np.sqrt(20.0)))  # 20
    return min(found)


def _root_of_squares(differences: Array) -> float:
    """Root mean square; single leaps count at most three times the median."""
    squares = differences**2
    return float(np.sqrt(np.mean(np.minimum(squares, 9 * np.median(squares) + 1e-300))))


# ---- the grid -----------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class _Cell:
    """One member of the grid: a linear model with its posterior at every noise level."""

    family: str
    scale: _Scale
    design: Array  # (points + future, columns)
    points: int
    counts: Array
    evidence: Array  # (levels,), logarithm, with the prior
    noises: Array  # (levels,)
    centres: Array  # (levels, columns)
    covariances: Array  # (levels, columns, columns)
    calm: Array  # noise at future moments against that now (future,)
    stretch: Array  # standard deviation of the discrepancy at future moments (future,)
    rises: bool  # the last column is a drift, which only makes things worse

    def draw(self, level: int, draws: int, random: np.random.Generator) -> tuple[Array, Array]:
        """Sampled courses without and with noise, `(draws, future)` each, as values of the metric."""
        root = np.linalg.cholesky(self.covariances[level] + 1e-18 * np.eye(self.design.shape[1]))
        weights = self.centres[level] + random.standard_normal((draws, len(root))) @ root.T
        if self.rises:
            weights = _with_rise(weights, self.centres[level], self.covariances[level], random)
        means = weights @ self.design[self.points :].T
        # One leaning a path: a wandering one would rise and fall as noise does, and patience would run out over it.
        means = means + random.standard_normal((draws, 1)) * self.stretch
        noise = self.noises[level] * self.scale.jitter * self.calm * _best_of(self.counts, random.random(means.shape))
        return self.scale.back(means), self.scale.back(means + noise)


def _with_rise(weights: Array, centre: Array, covariance: Array, random: np.random.Generator) -> Array:
    """Draws of a Gaussian with the last number above 0: drawn anew from its tail, the others moved along with it."""
    from scipy.special import ndtr, ndtri

    deviation = np.sqrt(covariance[-1, -1])
    below = ndtr(-centre[-1] / deviation)
    uniform = below + (1.0 - below) * random.random(len(weights))
    last = centre[-1] + deviation * ndtri(np.clip(uniform, 1e-12, 1.0 - 1e-12))
    moved: Array = weights + np.outer(last - weights[:, -1], covariance[:, -1] / covariance[-1, -1])
    return moved


def _best_of(counts: Array, uniform: Array) -> Array:
    """The lowest of `counts` standard normal numbers, from one uniform number each."""
    from scipy.special import ndtri

    result: Array = ndtri(-np.expm1(np.log1p(-np.clip(uniform, 1e-12, 1 - 1e-12)) / np.maximum(counts, 1.0)))
    return result


def _cells(prefix: Prefix, scale: _Scale) -> list[_Cell]:
    anneals = bool(np.ptp(prefix.rates) > 1e-6)
    axes = [np.concatenate([prefix.times, prefix.future])]
    if anneals:
        axes.append(prefix.areas)
    annealings = _annealings(prefix) if anneals else [None]
    cells = []
    drifts = (False, True) if prefix.beliefs.drift_spread else (False,)
    for axis, annealing, drift in itertools.product(axes, annealings, drifts):
        prior = -float(np.log(len(axes) * len(annealings) * len(drifts)))
        for shape in shapes(float(axis[0] / axis[-1]), prefix.beliefs.families):
            falling = column(shape, axis, float(axis[-1]))
            if falling is not None:
                cells.append(_cell(prefix, scale, shape, falling, annealing, drift, prior))
    return cells


def _annealings(prefix: Prefix) -> list[Array]:
    """0 at the highest rate and 1 at the end: by the rate itself, and by the area that it lost (Tissue et al. 2024)."""
    highest = np.maximum.accumulate(prefix.rates)
    at_once = highest - prefix.rates
    moments = np.concatenate([prefix.times, prefix.future])
    lost = np.cumsum(at_once * np.diff(moments, prepend=0.0))
    return [form / form[-1] for form in (at_once, lost) if form[-1] > 1e-6] or [np.zeros(len(moments))]


def _cell(
    prefix: Prefix, scale: _Scale, shape: Shape, falling: Array, annealing: Array | None, drift: bool, prior: float
) -> _Cell:
    points, now = len(prefix.times), float(np.mean(scale.badness[-2:]))
    moments = np.concatenate([prefix.times, prefix.future])
    columns, means = [np.ones_like(falling), falling], [now, scale.gain]
    spreads = [prefix.beliefs.level_spread * scale.gain, scale.gain]
    if annealing is not None:
        columns.append(annealing)
        gain, spread = ANNEALING_GAIN
        means.append(-gain * scale.left)
        spreads.append(spread * scale.left)
    if drift:
        columns.append(moments / moments[-1])
        means.append(0.0)
        spreads.append(prefix.beliefs.drift_spread * scale.gain)
    design = np.stack(columns, axis=1)
    calm = np.sqrt(np.clip(prefix.rates / max(prefix.rates[:points].max(), 1e-12), 0.1, 1.0))
    age = np.linspace(1.0, 0.0, points)
    weights = 1.0 / (calm[:points] ** 2 * (1.0 + prefix.beliefs.early_misfit * age**4))
    noises = scale.noise * NOISE_FACTORS
    levels = _posterior(design[:points], scale.badness, weights, np.array(means), np.array(spreads), noises)
    evidence = levels[0] + prior + np.log(shape.weight) - 0.5 * (np.log(NOISE_FACTORS) / NOISE_SPREAD) ** 2
    if drift:
        evidence = evidence + _log_chance_of_rise(levels[1][:, -1], levels[2][:, -1, -1])
    doublings = np.log2(prefix.future / prefix.times[-1])
    return _Cell(
        family=shape.family,
        scale=scale,
        design=design,
        points=points,
        counts=prefix.counts,
        evidence=evidence + scale.log_jacobian,
        noises=noises,
        centres=levels[1],
        covariances=levels[2],
        calm=calm[points:],
        rises=drift,
        stretch=prefix.beliefs.discrepancy * scale.gain * np.sqrt(doublings),
    )


def _log_chance_of_rise(centres: Array, variances: Array) -> Array:
    """Evidence of a drift that cannot be below 0, against one that can (its prior has half the volume)."""
    from scipy.special import log_ndtr

    return np.asarray(np.log(2.0) + log_ndtr(centres / np.sqrt(variances)))


def _posterior(
    design: Array, badness: Array, weights: Array, means: Array, spreads: Array, noises: Array
) -> tuple[Array, Array, Array]:
    """Evidence, centre and covariance of a Gaussian linear model at each noise level (Bishop 2006, section 3.5).

    Args:
        design: `(points, columns)`.
        badness: `(points,)`.
        weights: how exact each point is `(points,)`.
        means: prior of the coefficients `(columns,)`.
        spreads: their prior standard deviations `(columns,)`.
        noises: standard deviations of a point of weight 1 `(levels,)`.
    """
    rest = badness - design @ means
    weighted = design * weights[:, None]
    squares, products, length = design.T @ weighted, weighted.T @ rest, float(rest @ (weights * rest))
    precision = 1.0 / noises**2
    inner = np.diag(1.0 / spreads**2) + precision[:, None, None] * squares  # (levels, columns, columns)
    covariances = np.linalg.inv(inner)
    centres = np.einsum("lij,j->li", covariances, products) * precision[:, None]
    fit = precision * length - precision * np.einsum("j,lj->l", products, centres)
    size = len(badness) * np.log(2 * np.pi * noises**2) - np.log(weights).sum()
    volume = 2 * np.log(spreads).sum() + np.linalg.slogdet(inner)[1]
    evidence, found = -0.5 * (size + volume + fit), means + centres
    return np.asarray(evidence), np.asarray(found), np.asarray(covariances)
