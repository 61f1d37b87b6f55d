"""Verdicts hold to scipy's paired t test and to the textbook's prediction interval."""

import numpy as np
import pytest
from scipy import stats

from engine.specs import RunSpec, Task
from engine.specs.probe import ProbeBudget, ProbeRecord, ProbeStatus, VerdictKind
from engine.whatif.verdict import band, objective_of, paired_interval, verdict

SPEC = RunSpec.parse(
    {
        "data": {"dataset": "0" * 16, "task": "table_classification", "preprocessing": {"kind": "table"}},
        "model": {"kind": "mlp"},
    }
)
METRIC = "val/accuracy"


def record(*points: tuple[int, float], status: ProbeStatus = ProbeStatus.FINISHED, cut: bool = False) -> ProbeRecord:
    curves = {METRIC: points} if points else {}
    return ProbeRecord(id="x", spec=SPEC, budget=ProbeBudget(), status=status, curves=curves, cut_off=cut)


def records(values: list[float]) -> list[ProbeRecord]:
    return [record((10, value - 0.1), (20, value)) for value in values]


def judge(baseline: list[ProbeRecord], variant: list[ProbeRecord], higher: bool = True, changed: bool = True):
    return verdict(baseline, variant, metric=METRIC, higher_is_better=higher, changed=changed)


@pytest.mark.parametrize("count", [2, 3, 5, 12])
def test_the_interval_is_that_of_scipy(count: int) -> None:
    rng = np.random.default_rng(count)
    a, b = rng.normal(0.8, 0.02, count), rng.normal(0.82, 0.03, count)
    paired = paired_interval(a, b)
    expected = stats.ttest_rel(b, a)
    interval = expected.confidence_interval(0.95)
    assert paired.mean == pytest.approx((b - a).mean())
    assert (paired.low, paired.high) == pytest.approx((interval.low, interval.high))
    assert paired.p_value == pytest.approx(expected.pvalue)


def test_students_own_sleep_data() -> None:
    """Student (1908), hours of sleep gained by ten patients under two drugs: t = 4.0621, p = 0.00283."""
    first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
    paired = paired_interval(first, second)
    assert paired.mean == pytest.approx(1.58)
    assert paired.p_value == pytest.approx(0.00283, abs=5e-6)
    assert (paired.low, paired.high) == pytest.approx((0.7001142, 2.4598858))


def test_the_band_is_a_prediction_interval() -> None:
    """Of 20 000 samples of five, the next value falls within in 95 %."""
    rng = np.random.default_rng(0)
    values = rng.normal(0.9, 0.01, (20_000, 6))
    hits = 0
    for row in values[:4000]:
        low, high = band(row[:5])  # type: ignore[misc]
        hits += low <= row[5] <= high
    assert hits / 4000 == pytest.approx(0.95, abs=0.012)
    assert band([0.9]) is None


def test_kinds() -> None:
    base = records([0.80, 0.82, 0.81, 0.79, 0.83])
    better = records([0.85, 0.88, 0.86, 0.84, 0.88])
    near = records([0.81, 0.80, 0.82, 0.78, 0.83])
    assert judge(base, better).kind is VerdictKind.BETTER
    assert judge(better, base).kind is VerdictKind.WORSE
    assert judge(base, better, higher=False).kind is VerdictKind.WORSE
    assert judge(base, near).kind is VerdictKind.WITHIN_NOISE
    assert judge(base[:1], better[:1]).kind is VerdictKind.TOO_EARLY
    assert judge(base, []).kind is VerdictKind.TOO_EARLY
    same = judge(base, [], changed=False)
    assert (same.kind, same.pairs) == (VerdictKind.SAME, 5)
    assert same.baseline == pytest.approx(0.81)
    assert same.baseline_low is not None
    assert same.baseline_low < 0.79


def test_pairing_takes_shared_noise_out() -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, 5)
    judged = judge(records(list(0.5 + noise)), records(list(0.52 + noise + [1e-3, -1e-3, 0, 1e-3, -1e-3])))
    assert judged.kind is VerdictKind.BETTER
    assert judged.difference == pytest.approx(0.02, abs=1e-3)


def test_the_same_values_are_no_difference() -> None:
    base = records([0.8, 0.9])
    judged = judge(base, base)
    assert (judged.kind, judged.difference, judged.low, judged.high) == (VerdictKind.WITHIN_NOISE, 0.0, 0.0, 0.0)


def test_pairs_are_of_the_same_seed_and_failures_are_left_out() -> None:
    base = records([0.5, 0.7, 0.9])
    waiting = record(status=ProbeStatus.WAITING)
    judged = judge(base, [record((20, 0.6)), waiting, record((20, 1.0))])
    assert (judged.pairs, judged.difference) == (2, pytest.approx(0.1))
    failed = record(status=ProbeStatus.FAILED)
    assert judge(base, [failed, failed, failed]).kind is VerdictKind.FAILS
    assert judge(base, [failed, failed, record((20, 1.0))]).kind is VerdictKind.FAILS


def test_cut_off_probes_are_compared_at_the_last_step_both_reached() -> None:
    base = [record((10, 0.5), (20, 0.9)), record((10, 0.6), (20, 0.8))]
    cut = [record((10, 0.7), (13, 0.75), cut=True), record((10, 0.7), (14, 0.75), cut=True)]
    judged = judge(base, cut)
    assert (judged.pairs, judged.step) == (2, 10)
    assert judged.difference == pytest.approx(0.15)
    assert judge(base, [record((13, 0.7), cut=True)] * 2).kind is VerdictKind.TOO_EARLY


def test_the_objective_is_that_of_the_task() -> None:
    assert objective_of(Task.IMAGE_CLASSIFICATION) == ("val/accuracy", True)
    assert objective_of(Task.TABLE_REGRESSION) == ("val/rmse", False)


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="as many values"):
        paired_interval([1.0], [1.0, 2.0])
