"""Every knob is turned both ways behind everything else; bars come largest first."""

import math

import pytest
from scipy import stats

from engine.specs import RunSpec
from engine.specs.knobs import knobs, valid_neighbours
from engine.specs.probe import SEEDS, ProbeBudget, ProbeStatus
from engine.store import probes
from engine.whatif.sensitivity import PRIORITY, TURN_SEEDS, sensitivity

SPEC = RunSpec.parse(
    {
        "data": {"dataset": "0" * 16, "task": "table_classification", "preprocessing": {"kind": "table"}},
        "model": {"kind": "mlp"},
    }
)
BUDGET = ProbeBudget(steps=10)
DROPOUT = next(knob for knob in knobs(SPEC) if knob.path == "model.dropout")
HIGHER_DROPOUT = valid_neighbours(SPEC, DROPOUT)[1]


def test_bars_are_sorted_by_their_effect() -> None:
    first = sensitivity(SPEC, BUDGET, session="a")
    assert not first.done
    assert first.total == SEEDS + TURN_SEEDS * sum((bar.down is not None) + (bar.up is not None) for bar in first.bars)
    paths = {bar.path for bar in first.bars}
    assert {"training.optimizer.learning_rate", "training.batch_size", "model.dropout", "model.units"} <= paths
    assert not any(path.startswith(("seed", "data.split", "training.epochs")) for path in paths)
    order = []
    while (claim := probes.claim_next()) is not None:
        order.append(claim)
        rate = claim.spec.training.optimizer.learning_rate
        value = 0.8 + claim.spec.seed / 1000 + (rate - 0.001) * 100
        if claim.spec.model.dropout == HIGHER_DROPOUT:  # a turn whose seeds disagree
            value += 0.004 if claim.spec.seed else -0.004
        probes.finish(claim, ProbeStatus.FINISHED, {"curves": {"val/accuracy": [[10, value]]}})
    assert [claim.spec.seed for claim in order[:SEEDS]] == list(range(SEEDS))  # the baseline first
    answer = sensitivity(SPEC, BUDGET, session="a")
    assert answer.done
    assert answer.baseline == 0.8
    turns = (answer.total - SEEDS) // TURN_SEEDS
    pooled = math.sqrt(2 * 0.004**2 / turns)  # one degree of freedom a turn
    assert answer.noise == pytest.approx(stats.t.ppf(0.975, turns) * pooled / math.sqrt(2))
    largest = answer.bars[0]
    assert largest.path == "training.optimizer.learning_rate"
    assert (largest.down, largest.up) == (0.0005, 0.002)
    assert (round(largest.down_effect or 0, 6), round(largest.up_effect or 0, 6)) == (-0.05, 0.1)


def test_a_hand_on_a_knob_goes_before_it() -> None:
    from engine.whatif.compare import what_if

    assert PRIORITY > 2 * 20
    sensitivity(SPEC, BUDGET, session="a")
    what_if(SPEC, {"model.dropout": 0.33}, BUDGET, session="b")
    claim = probes.claim_next()
    assert claim is not None
    assert claim.spec.model.dropout == 0.33
