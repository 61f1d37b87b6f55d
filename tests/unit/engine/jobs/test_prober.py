"""The report of a probe writes as it goes, hears that nobody wants it any more, and writes its end."""

import time
from collections.abc import Callable

import pytest

from engine.errors import EngineError, ErrorKind
from engine.jobs.prober import StoreReport
from engine.specs import RunSpec
from engine.specs.probe import ProbeBudget, ProbeStatus
from engine.store import probes
from engine.store.probes import ProbeClaim, Wish

SPEC = RunSpec.parse(
    {
        "data": {"dataset": "0" * 16, "task": "table_classification", "preprocessing": {"kind": "table"}},
        "model": {"kind": "mlp"},
    }
)


@pytest.fixture
def claim() -> ProbeClaim:
    probes.ask([Wish(SPEC, ProbeBudget())], session="a")
    taken = probes.claim_next()
    assert taken is not None
    return taken


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_curves_are_there_while_it_trains_and_stay(claim: ProbeClaim) -> None:
    with StoreReport(claim) as report:
        report.begin(total_steps=20, traced=True)
        report.values(1, {"train/loss": 2.0, "train/strange": float("nan")})
        until(lambda: probes.get_probe(claim.id).curves)
        now = probes.get_probe(claim.id)
        assert (now.status, now.curves, now.traced) == (ProbeStatus.RUNNING, {"train/loss": ((1, 2.0),)}, True)
        assert now.first_point_s is not None
        report.values(20, {"train/loss": 1.0})
        report.end(ProbeStatus.FINISHED)
    after = probes.get_probe(claim.id)
    assert (after.status, after.curves["train/loss"]) == (ProbeStatus.FINISHED, ((1, 2.0), (20, 1.0)))
    assert (after.metrics, after.step, after.total_steps) == ({"train/loss": 1.0}, 20, 20)
    assert after.memory_bytes > 2**20
    assert after.ended_at is not None


def test_it_hears_that_nobody_wants_it_and_writes_nothing_more(claim: ProbeClaim) -> None:
    with StoreReport(claim) as report:
        assert not report.is_cancelled()
        probes.cancel("a")
        until(report.is_cancelled)
        report.values(5, {"train/loss": 1.0})
        report.end(ProbeStatus.CANCELLED)
    after = probes.get_probe(claim.id)
    assert (after.status, after.curves) == (ProbeStatus.CANCELLED, {})


def test_a_failure_is_kept_with_its_cause(claim: ProbeClaim) -> None:
    with StoreReport(claim) as report:
        report.values(5, {"train/loss": 9.0})
        report.cut_off()
        report.end(ProbeStatus.FAILED, EngineError(ErrorKind.DIVERGED, "It diverged."))
    after = probes.get_probe(claim.id)
    assert after.status is ProbeStatus.FAILED
    assert after.error is not None
    assert after.error["kind"] == "diverged"
    assert (after.cut_off, after.metrics) == (True, {"train/loss": 9.0})
