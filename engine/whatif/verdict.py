"""Better, worse, or within the noise: seed i of the variant against seed i of the baseline.

The same seed draws the same first weights, the same batches and the same dropout on both sides, so that the noise that
both share falls out of the difference (a paired t test, Student 1908). One seed alone says nothing about noise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from engine.specs import Task
from engine.specs.probe import ProbeRecord, ProbeStatus, VerdictKind, VerdictRecord

CONFIDENCE = 0.95
FEWEST_PAIRS = 2
FEWEST_POOLED = 4  # degrees of freedom
# Differences below this share of the values are rounding, not effect.
ROUNDING = 1e-9


@dataclass(frozen=True)
class Paired:
    """A mean difference with its interval; bounds are None with fewer than two pairs."""

    mean: float
    low: float | None
    high: float | None
    p_value: float | None


def paired_interval(baseline: Sequence[float], variant: Sequence[float], *, confidence: float = CONFIDENCE) -> Paired:
    """The mean of variant - baseline with its confidence interval by Student's t.

    Args:
        baseline: values `(pairs,)` by seed.
        variant: values `(pairs,)` of the same seeds.
        confidence: of the interval.

    Raises:
        ValueError: where the lengths differ or there is nothing to compare.

    Example:
        >>> paired = paired_interval([1.0, 2.0, 3.0], [2.0, 3.5, 3.5])
        >>> round(paired.mean, 6), round(paired.low, 4), round(paired.high, 4)
        (1.0, -0.2421, 2.2421)
    """
    if len(baseline) != len(variant) or not len(baseline):
        raise ValueError(f"expected as many values on both sides and at least one, got {len(baseline)}, {len(variant)}")
    differences = np.asarray(variant, float) - np.asarray(baseline, float)
    mean, count = float(differences.mean()), len(differences)
    if count < FEWEST_PAIRS:
        return Paired(mean, None, None, None)
    error = float(differences.std(ddof=1)) / math.sqrt(count)
    scale = max(float(np.abs(baseline).max()), float(np.abs(variant).max()), 1e-300)
    if error <= ROUNDING * scale:  # the same difference for every seed: t has no say
        certain = abs(mean) <= ROUNDING * scale
        return Paired(mean, mean, mean, 1.0 if certain else 0.0)
    reach = _quantile(confidence, count) * error
    p_value = float(2.0 * special.stdtr(count - 1, -abs(mean) / error))
    return Paired(mean, mean - reach, mean + reach, p_value)


def band(values: Sequence[float], *, confidence: float = CONFIDENCE) -> tuple[float, float] | None:
    """Where one more run of the same document would fall: the prediction interval mean ± t·s·√(1 + 1/n).

    None with fewer than two values.
    """
    if len(values) < FEWEST_PAIRS:
        return None
    array = np.asarray(values, float)
    reach = _quantile(confidence, len(array)) * float(array.std(ddof=1))
    reach *= math.sqrt(1.0 + 1.0 / len(array))
    return float(array.mean()) - reach, float(array.mean()) + reach


def pooled_reach(groups: Sequence[Sequence[float]], *, confidence: float = CONFIDENCE) -> float | None:
    """Half of the interval of a mean of two differences, t·s/√2, with s pooled over all groups that have several.

    Two differences alone say next to nothing about their own spread; that of forty knobs together is known well
    (the pooled variance of an analysis of variance). None while too few groups have two.

    Args:
        groups: the differences of each knob's turn, one a seed.
    """
    several = [np.asarray(group, float) for group in groups if len(group) > 1]
    freedom = sum(len(group) - 1 for group in several)
    if freedom < FEWEST_POOLED:
        return None
    squares = sum(float(((group - group.mean()) ** 2).sum()) for group in several)
    return _quantile(confidence, freedom + 1) * math.sqrt(squares / freedom / 2.0)


def _quantile(confidence: float, count: int) -> float:
    """Of Student's t for a two-sided interval; `scipy.special` alone, because pages import this."""
    return float(special.stdtrit(count - 1, 0.5 + confidence / 2.0))


def objective_of(task: Task) -> tuple[str, bool]:
    """The curve by which probes are compared, and whether higher is better."""
    return ("val/accuracy", True) if task.is_classification else ("val/rmse", False)


def verdict(
    baseline: Sequence[ProbeRecord],
    variant: Sequence[ProbeRecord],
    *,
    metric: str,
    higher_is_better: bool,
    changed: bool = True,
) -> VerdictRecord:
    """Judge a variant by the pairs of finished probes.

    Values are taken at the end; where a probe was cut off by its seconds, at the last step that both of a pair reached.

    Args:
        baseline: probes by seed.
        variant: probes of the same seeds in the same order (may be shorter while they come in).
        metric: the curve to compare.
        higher_is_better: False for losses and errors.
        changed: False where the variant is the baseline itself.
    """
    alone = [value for record in baseline if (value := _final(record, metric)) is not None]
    noise = band(alone)
    fields = {
        "metric": metric,
        "higher_is_better": higher_is_better,
        "baseline": float(np.mean(alone)) if alone else None,
        "baseline_low": noise[0] if noise else None,
        "baseline_high": noise[1] if noise else None,
    }
    if not changed:
        return VerdictRecord(kind=VerdictKind.SAME, pairs=len(alone), **fields)
    taken = [pair for pair in (_pair(b, v, metric) for b, v in zip(baseline, variant, strict=False)) if pair]
    failed = sum(record.status is ProbeStatus.FAILED for record in variant)
    if not taken:
        kind = VerdictKind.FAILS if failed else VerdictKind.TOO_EARLY
        return VerdictRecord(kind=kind, pairs=0, **fields)
    paired = paired_interval([pair[0] for pair in taken], [pair[1] for pair in taken])
    kind = VerdictKind.FAILS if failed > len(variant) / 2 else _kind(paired, higher_is_better)
    return VerdictRecord(
        kind=kind,
        pairs=len(taken),
        difference=paired.mean,
        low=paired.low,
        high=paired.high,
        p_value=paired.p_value,
        variant=float(np.mean([pair[1] for pair in taken])),
        step=max(pair[2] for pair in taken),
        **fields,
    )


def _kind(paired: Paired, higher_is_better: bool) -> VerdictKind:
    if paired.low is None or paired.high is None:
        return VerdictKind.TOO_EARLY
    if paired.low <= 0.0 <= paired.high:
        return VerdictKind.WITHIN_NOISE
    return VerdictKind.BETTER if (paired.mean > 0.0) == higher_is_better else VerdictKind.WORSE


def _final(record: ProbeRecord, metric: str) -> float | None:
    points = record.curves.get(metric, ())
    return points[-1][1] if record.status is ProbeStatus.FINISHED and points else None


def _pair(baseline: ProbeRecord, variant: ProbeRecord, metric: str) -> tuple[float, float, int] | None:
    """(baseline's value, variant's value, step) at the last step that both reached."""
    if _final(baseline, metric) is None or _final(variant, metric) is None:
        return None
    ours, theirs = dict(baseline.curves[metric]), dict(variant.curves[metric])
    if not (baseline.cut_off or variant.cut_off):
        # Other batch sizes have other steps for the same budget of epochs: the ends are compared.
        return baseline.curves[metric][-1][1], variant.curves[metric][-1][1], baseline.curves[metric][-1][0]
    shared = sorted(set(ours) & set(theirs))
    return (ours[shared[-1]], theirs[shared[-1]], shared[-1]) if shared else None
