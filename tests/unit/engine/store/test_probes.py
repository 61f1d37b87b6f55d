"""Probes are entered once, taken by priority, cancelled when nobody wants them, and taken up again after a kill."""

from collections.abc import Callable

import pytest

from engine.errors import EngineError, ErrorKind
from engine.specs import RunSpec
from engine.specs.probe import ProbeBudget, ProbeStatus
from engine.store import probes
from engine.store.probes import Wish

BUDGET = ProbeBudget(steps=10)
LOST = EngineError(ErrorKind.LOST_WORKER, "lost")


@pytest.fixture
def spec() -> RunSpec:
    return RunSpec.parse(
        {
            "data": {"dataset": "0" * 16, "task": "table_classification", "preprocessing": {"kind": "table"}},
            "model": {"kind": "mlp"},
        }
    )


@pytest.fixture
def wish(spec: RunSpec) -> Callable[..., Wish]:
    return lambda seed, priority=0: Wish(spec.edit({"seed": seed}), BUDGET, priority)


Make = Callable[..., Wish]


def status(wish: Wish) -> ProbeStatus:
    return probes.get_probe(wish.id).status


def test_the_name_and_the_search_do_not_make_another_probe(spec: RunSpec) -> None:
    assert probes.probe_id(spec, BUDGET) == probes.probe_id(spec.edit({"name": "other", "data.name": "x"}), BUDGET)
    assert probes.probe_id(spec, BUDGET) != probes.probe_id(spec.edit({"seed": 1}), BUDGET)
    assert probes.probe_id(spec, BUDGET) != probes.probe_id(spec, ProbeBudget(steps=11))


def test_the_same_probe_is_entered_once_and_its_result_is_found_again(wish: Make) -> None:
    first = probes.ask([wish(1)], session="a")[0]
    claim = probes.claim_next()
    assert claim is not None
    assert claim.id == first.id
    assert probes.ask([wish(1)], session="b")[0].status is ProbeStatus.RUNNING
    assert probes.write(claim, {"curves": {"train/loss": [[1, 2.0]]}})
    assert probes.finish(claim, ProbeStatus.FINISHED, {"curves": {"train/loss": [[1, 2.0]]}, "seconds": 0.5})
    found = probes.ask([wish(1)], session="c")[0]
    assert (found.status, found.curves, found.seconds) == (ProbeStatus.FINISHED, {"train/loss": ((1, 2.0),)}, 0.5)
    assert probes.claim_next() is None


def test_the_most_urgent_goes_first_and_then_the_one_asked_first(wish: Make) -> None:
    probes.ask([wish(1, 5), wish(2, 1), wish(3, 1)], session="a")
    taken = [probes.claim_next() for _ in range(4)]
    assert [claim and claim.spec.seed for claim in taken] == [2, 3, 1, None]


def test_asking_more_urgently_moves_a_waiting_probe_up(wish: Make) -> None:
    probes.ask([wish(1, 5), wish(2, 5)], session="tornado")
    probes.ask([wish(2, 0)], session="hand")
    claim = probes.claim_next()
    assert claim is not None
    assert claim.spec.seed == 2


def test_what_a_session_asks_no_more_is_cancelled_also_while_it_runs(wish: Make) -> None:
    probes.ask([wish(1), wish(2)], session="a")
    claim = probes.claim_next()
    assert claim is not None
    assert probes.is_ours(claim)
    probes.ask([wish(3)], session="a")
    assert (status(wish(1)), status(wish(2))) == (ProbeStatus.CANCELLED, ProbeStatus.CANCELLED)
    assert not probes.is_ours(claim)
    assert not probes.write(claim, {"step": 1})
    assert not probes.finish(claim, ProbeStatus.FINISHED, {})
    assert status(wish(1)) is ProbeStatus.CANCELLED
    assert probes.ask([wish(1)], session="a")[0].status is ProbeStatus.WAITING  # asked again, it is entered anew


def test_a_probe_that_another_session_wants_goes_on(wish: Make) -> None:
    probes.ask([wish(1)], session="a")
    probes.ask([wish(1)], session="b")
    assert probes.cancel("a") == 0
    assert status(wish(1)) is ProbeStatus.WAITING
    assert probes.cancel("b") == 1
    assert status(wish(1)) is ProbeStatus.CANCELLED


def test_cancelling_a_session_reaches_those_below_it_alone(wish: Make) -> None:
    probes.ask([wish(1)], session="page/pin-1")
    probes.ask([wish(2)], session="page2")
    probes.ask([wish(3)])  # asked for good
    assert probes.cancel("page") == 1
    assert [status(wish(i)) for i in (1, 2, 3)] == [ProbeStatus.CANCELLED, ProbeStatus.WAITING, ProbeStatus.WAITING]
    assert probes.cancel("") == 0


def test_a_lost_prober_gives_its_probe_back_three_times(wish: Make) -> None:
    probes.ask([wish(1)], session="a")
    for attempt in (1, 2, 3):
        claim = probes.claim_next()
        assert claim is not None
        assert claim.attempt == attempt
        probes.hand_back(LOST)
        assert not probes.write(claim, {})
    record = probes.get_probe(wish(1).id)
    assert record.status is ProbeStatus.FAILED
    assert record.error is not None
    assert record.error["kind"] == "lost_worker"


def test_an_engine_that_ends_in_good_order_does_not_count(wish: Make) -> None:
    probes.ask([wish(1)], session="a")
    probes.claim_next()
    assert probes.hand_back() == 1
    claim = probes.claim_next()
    assert claim is not None
    assert claim.attempt == 1


def test_old_cancelled_probes_are_forgotten_and_results_stay(wish: Make) -> None:
    probes.ask([wish(1)], session="a")
    claim = probes.claim_next()
    assert claim is not None
    probes.finish(claim, ProbeStatus.FINISHED, {})
    probes.ask([wish(2)], session="a")
    probes.cancel("a")
    probes.clean_up(older_than_s=-1.0)
    assert [record.spec.seed for record in probes.finished_probes(dataset_id="0" * 16)] == [1]
    with pytest.raises(EngineError) as caught:
        probes.get_probe(wish(2).id)
    assert caught.value.kind is ErrorKind.NOT_FOUND
