"""Estimates of time, memory and energy against machines whose speed is known by a formula."""

from __future__ import annotations

import math

import pytest

from engine.models.costs import CostEntry, design_of, entries, record, watts_per_core
from engine.specs import RunSpec
from engine.specs.prediction import CostSource, EnergySource
from engine.whatif.estimate import Facts, estimate_from, steps_of

SPEC = RunSpec.parse(
    {
        "data": {"dataset": "0" * 16, "task": "table_classification", "preprocessing": {"kind": "table"}},
        "model": {"kind": "mlp"},
        "training": {"epochs": 10, "batch_size": 50},
    }
)
FACTS = Facts(flops=1_000_000, model_bytes=50 * 2**20, rows=5_000, available_bytes=8 * 2**30, seconds_per_epoch=2.0)
OVERHEAD_S, OPERATIONS_A_SECOND = 0.004, 1e10


def entry(
    *, design: str = "other", flops: int = 1_000_000, batch: int = 50, steps: int = 500, off: float = 1.0
) -> CostEntry:
    """A run of a machine with a fixed overhead a step and a share for each operation."""
    train_s = steps * (OVERHEAD_S + flops * batch / OPERATIONS_A_SECOND) * off
    return CostEntry(
        design=design,
        family="mlp",
        flops=flops,
        model_bytes=50 * 2**20,
        batch_size=batch,
        steps=steps,
        train_s=train_s,
        total_s=train_s + 3.0,
        memory_bytes=1.2e9,
        memory_before_bytes=1.0e9,
        joules=20.0 * (train_s + 3.0),
    )


def truth(spec: RunSpec, facts: Facts) -> float:
    batch = spec.training.batch_size
    return steps_of(spec, facts.rows) * (OVERHEAD_S + facts.flops * batch / OPERATIONS_A_SECOND) + 3.0


def test_steps_are_those_of_the_plan_and_of_its_limit() -> None:
    assert steps_of(SPEC, 5_000) == 1_000
    assert steps_of(SPEC, 5_001) == 1_010  # the last batch of an epoch may be small
    assert steps_of(SPEC.edit({"training.max_steps": 60}), 5_000) == 60


def test_the_same_design_is_told_apart_from_its_family() -> None:
    known = [entry(flops=10**8), entry(design=design_of(SPEC)), entry(design=design_of(SPEC), off=1.1)]
    found = estimate_from(SPEC, FACTS, known)
    assert found.source is CostSource.SAME_DESIGN
    assert found.runs == 2
    assert found.seconds is not None
    assert found.seconds.value == pytest.approx(truth(SPEC, FACTS), rel=0.1)
    assert found.seconds.low < truth(SPEC, FACTS) < found.seconds.high
    assert found.memory_bytes is not None
    assert found.memory_bytes.value == 1.2e9


def test_a_design_is_what_decides_a_step() -> None:
    assert design_of(SPEC) == design_of(
        SPEC.edit({"training.epochs": 99, "training.optimizer.learning_rate": 0.5, "seed": 3})
    )
    assert design_of(SPEC) != design_of(SPEC.edit({"training.batch_size": 51}))
    assert design_of(SPEC) != design_of(SPEC.edit({"model.units": [8]}))


def test_overhead_and_operations_are_told_apart_within_a_family() -> None:
    """Small steps cost their overhead, large ones their operations: neither alone foretells the other."""
    known = [entry(flops=flops, batch=batch) for flops in (10**4, 10**6, 10**8) for batch in (16, 256)]
    for flops, batch in ((10**5, 32), (10**7, 128), (5 * 10**8, 64)):
        spec = SPEC.edit({"training.batch_size": batch})
        facts = Facts(flops, 2**20, 5_000, 8 * 2**30, None)
        found = estimate_from(spec, facts, known)
        assert found.source is CostSource.SAME_FAMILY
        assert found.seconds is not None
        assert found.seconds.value == pytest.approx(truth(spec, facts), rel=0.15)


def test_intervals_are_as_wide_as_earlier_runs_were_off() -> None:
    steady = [entry(flops=10**6 * (1 + place)) for place in range(12)]
    shaky = [entry(flops=10**6 * (1 + place), off=(1.8, 0.6)[place % 2]) for place in range(12)]
    widths = []
    for known in (steady, shaky):
        seconds = estimate_from(SPEC, FACTS, known).seconds
        assert seconds is not None
        widths.append(math.log(seconds.high / seconds.low))
    assert widths[0] < 0.7 * widths[1]


def test_without_earlier_runs_the_machines_rate_answers_roughly() -> None:
    found = estimate_from(SPEC, FACTS, [])
    assert found.source is CostSource.MACHINE
    assert found.seconds is not None
    assert found.seconds.low < 10 * 2.0 < found.seconds.high
    assert found.seconds.high / found.seconds.low > 4
    assert found.energy_sources == (EnergySource.ASSUMED,)
    assert found.watts_per_core == 8.0


def test_where_nothing_was_measured_it_says_so() -> None:
    found = estimate_from(SPEC, Facts(10**6, 2**20, 5_000, 2**33, None), [])
    assert found.source is CostSource.UNKNOWN
    assert found.seconds is None
    assert found.notice is not None


def test_a_time_limit_caps_the_time() -> None:
    known = [entry(design=design_of(SPEC))]
    found = estimate_from(SPEC.edit({"training.max_train_time_s": 2.0}), FACTS, known)
    assert found.seconds is not None
    assert found.seconds.high <= 2.0 + 2 * 3.0 + 1e-9


def test_energy_is_power_times_time() -> None:
    found = estimate_from(SPEC, FACTS, [entry(design=design_of(SPEC)) for _ in range(3)])
    assert found.seconds is not None
    assert found.energy_wh is not None
    assert found.watts == pytest.approx(20.0)
    assert found.energy_wh.value == pytest.approx(20.0 * found.seconds.value / 3600.0)
    relative = math.log(found.energy_wh.high / found.energy_wh.value)
    assert relative > math.log(found.seconds.high / found.seconds.value)  # power is not certain either


def test_what_does_not_fit_is_said() -> None:
    small = Facts(10**6, 64 * 2**30, 5_000, 2**30, 1.0)
    assert not estimate_from(SPEC, small, []).fits
    assert estimate_from(SPEC, FACTS, []).fits


def test_the_book_is_kept_and_survives_a_file_cut_off() -> None:
    record(entry())
    record(entry(design="another"))
    assert [one.design for one in entries()] == ["other", "another"]
    from engine.models.costs import _path

    _path().write_text('[{"design": "ot', encoding="utf-8")
    assert entries() == []
    record(entry())
    assert len(entries()) == 1


@pytest.mark.parametrize(("text", "watts"), [("12.5", 12.5), ("", 8.0), ("-3", 8.0), ("many", 8.0)])
def test_the_power_of_a_core_can_be_set(text: str, watts: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATHE_WATTS_PER_CORE", text)
    assert watts_per_core() == watts
