"""The trust in probes is Spearman's rank correlation, within data sets, with the number of pairs."""

import numpy as np
import pytest
from scipy import stats

from engine.specs import RunSpec, RunStatus
from engine.specs.probe import ProbeBudget, ProbeStatus
from engine.store import probes, queue
from engine.store.probes import Wish
from engine.store.runs import add_run
from engine.whatif.trust import proxy_trust, rank_correlation

SPEC = RunSpec.parse(
    {
        "data": {"dataset": "0" * 16, "task": "table_regression", "preprocessing": {"kind": "table"}},
        "model": {"kind": "mlp"},
        "training": {"loss": {"kind": "mse"}},
    }
)


def test_within_one_group_it_is_spearmans() -> None:
    rng = np.random.default_rng(0)
    ours = rng.normal(size=12).round(1)  # with ties
    theirs = (ours + rng.normal(size=12)).round(1)
    expected = stats.spearmanr(ours, theirs).statistic
    assert rank_correlation([("a", x, y) for x, y in zip(ours, theirs, strict=True)]) == pytest.approx(expected)


def test_an_easy_data_set_beside_a_hard_one_is_no_evidence() -> None:
    pairs = [("a", 0.9 + i / 100, 0.9 - i / 100) for i in range(4)] + [("b", i / 100, -i / 100) for i in range(4)]
    assert rank_correlation(pairs) == pytest.approx(-1.0)
    assert rank_correlation(pairs[:4]) is None
    assert rank_correlation([(str(i), 1.0, 1.0) for i in range(9)]) is None


def test_pairs_are_of_the_same_document_and_budget() -> None:
    budget = ProbeBudget(steps=10)
    for seed, (probed, full) in enumerate([(5.0, 4.0), (4.0, 3.0), (3.0, 2.5), (2.0, 1.0), (1.0, 2.0)]):
        spec = SPEC.edit({"seed": seed})
        run_id = add_run(spec)
        claim = queue.claim_next()
        assert claim is not None
        queue.write_progress(claim, {"metrics": {"val/rmse": full}}, {}, seconds=1.0)
        assert claim.run_id == run_id
        queue.finish(claim, RunStatus.FINISHED)
        probes.ask([Wish(spec, budget)], session="a")
        probe = probes.claim_next()
        assert probe is not None
        probes.finish(probe, ProbeStatus.FINISHED, {"metrics": {"val/rmse": probed}})
        trust = proxy_trust(budget)
        assert trust.pairs == seed + 1
        assert (trust.rank_correlation is None) == (seed < 4)
    assert trust.rank_correlation == pytest.approx(0.9)
    assert proxy_trust(ProbeBudget(steps=11)).pairs == 0
