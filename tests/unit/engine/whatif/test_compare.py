"""A comparison enters its probes in the order in which a person wants them, and nothing for a bad document."""

from typing import Any

import pytest

from engine.errors import EngineError, ErrorKind
from engine.specs import RunSpec
from engine.specs.probe import ProbeBudget, ProbeStatus, VerdictKind, WhatIf
from engine.store import probes
from engine.whatif.compare import what_if

SPEC = RunSpec.parse(
    {
        "data": {"dataset": "0" * 16, "task": "table_classification", "preprocessing": {"kind": "table"}},
        "model": {"kind": "mlp"},
        "seed": 7,
    }
)
BUDGET = ProbeBudget(steps=10)
HOTTER = {"training.optimizer.learning_rate": 0.003}


def ask(changes: dict[str, Any], **options: Any) -> WhatIf:
    return what_if(SPEC, changes, BUDGET, session="page", **options)


def train_all(values: dict[tuple[float, int], float]) -> list[tuple[float, int]]:
    """End every waiting probe with the value of its learning rate and seed; the order they were taken in."""
    taken = []
    while (claim := probes.claim_next()) is not None:
        key = (claim.spec.training.optimizer.learning_rate, claim.spec.seed)
        taken.append(key)
        probes.finish(claim, ProbeStatus.FINISHED, {"curves": {"val/accuracy": [[10, values[key]]]}})
    return taken


def test_the_variant_goes_first_then_its_baseline_then_pair_by_pair() -> None:
    first = ask(HOTTER, seeds=3)
    assert first.seeds == (7, 8, 9)
    assert first.verdict.kind is VerdictKind.TOO_EARLY
    assert not first.done
    values = {(0.001, s): 0.8 + s / 100 for s in (7, 8, 9)} | {(0.003, s): 0.9 + s / 100 + s / 1e4 for s in (7, 8, 9)}
    assert train_all(values) == [(0.003, 7), (0.001, 7), (0.003, 8), (0.001, 8), (0.003, 9), (0.001, 9)]
    answer = ask(HOTTER, seeds=3)
    assert answer.done
    assert answer.verdict.kind is VerdictKind.BETTER
    assert answer.verdict.difference == pytest.approx(0.1008)
    assert [record.spec.seed for record in answer.baseline] == [7, 8, 9]


def test_another_turn_cancels_the_variant_but_not_the_baseline() -> None:
    old = ask(HOTTER)
    new = ask({"training.optimizer.learning_rate": 0.01})
    assert {probes.get_probe(record.id).status for record in old.variant} == {ProbeStatus.CANCELLED}
    assert {record.status for record in (*new.baseline, *new.variant)} == {ProbeStatus.WAITING}
    assert [record.id for record in new.baseline] == [record.id for record in old.baseline]


def test_a_tweak_seen_before_is_there_at_once() -> None:
    values = {(rate, s): rate for rate in (0.001, 0.003, 0.01) for s in range(7, 12)}
    ask(HOTTER)
    train_all(values)
    ask({"training.optimizer.learning_rate": 0.01})
    train_all(values)
    assert ask(HOTTER).done
    assert train_all(values) == []


def test_without_a_change_the_baseline_alone_is_probed() -> None:
    for changes in ({}, {"training.optimizer.learning_rate": 0.001}):
        answer = ask(changes)
        assert (len(answer.baseline), answer.variant, answer.verdict.kind) == (5, (), VerdictKind.SAME)


def test_a_turned_seed_is_compared_under_seeds_of_its_own() -> None:
    answer = ask({"seed": 100}, seeds=2)
    assert [record.spec.seed for record in answer.variant] == [100, 101]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model.dropout": 2.0}, "model.dropout"),
        ({"model.nothing": 1}, "model.nothing"),
        ({"training.loss.kind": "mse"}, "loss must be one of"),
    ],
)
def test_a_bad_change_is_said_and_nothing_is_entered(changes: dict[str, Any], words: str) -> None:
    ask({})
    before = probes.waiting_count()
    with pytest.raises(EngineError, match=words) as caught:
        ask(changes)
    assert caught.value.kind is ErrorKind.BAD_INPUT
    assert probes.waiting_count() == before


def test_a_variant_that_cannot_work_is_not_tried_with_other_seeds() -> None:
    ask(HOTTER)
    claim = probes.claim_next()
    assert claim is not None
    error = EngineError(ErrorKind.OUT_OF_MEMORY, "too large").to_record()
    probes.finish(claim, ProbeStatus.FAILED, {"error": error})
    answer = ask(HOTTER)
    assert len(answer.variant) == 1
    assert probes.waiting_count() == 5  # the baseline's
    train_all({(0.001, s): 0.5 for s in range(7, 12)})
    answer = ask(HOTTER)
    assert (answer.done, answer.verdict.kind) == (True, VerdictKind.FAILS)
    assert answer.variant[0].error == error


def test_a_variant_that_diverged_is_tried_with_its_other_seeds() -> None:
    ask(HOTTER)
    claim = probes.claim_next()
    assert claim is not None
    diverged = EngineError(ErrorKind.DIVERGED, "diverged").to_record()
    probes.finish(claim, ProbeStatus.FAILED, {"error": diverged})
    assert len(ask(HOTTER).variant) == 5
