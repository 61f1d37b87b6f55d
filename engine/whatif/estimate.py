"""What a run will take before it is started: time, memory, energy, each with a 90 % interval.

From the best that is known, in this order: earlier runs of the same design (the same step, so only their number
differs); earlier runs of the family (a step is a fixed overhead and a share for each operation, by least squares of
the relative errors); the machine's rate as `engine.models.speed` measured it. How far the runs that are known lie from
what would have been said of them without them (leave one out) is the width of the interval.
"""

from __future__ import annotations

import math
import os
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import psutil

from engine.models.costs import CostEntry, design_of, entries, watts_per_core
from engine.specs import RunSpec
from engine.specs.prediction import Band, CostSource, EnergySource, Estimate
from engine.text import N_

Z = 1.645  # standard deviations to each side of a 90 % interval
# Spread of the logarithm where too few runs are there to measure it: 15 % for the same step again, a factor of 1.6
# within a family, of 3 from the machine's rate alone.
SPREADS = {CostSource.SAME_DESIGN: 0.15, CostSource.SAME_FAMILY: 0.5, CostSource.MACHINE: 1.1}
PRIOR_RUNS = 3.0  # that the spreads above count for against measured ones
STEP_OVERHEAD_S = 0.002  # of a call into the compiled step, where no run has shown it
SETUP_S = 8.0  # loading, building, compiling, evaluating
MEMORY_SPREADS = {CostSource.SAME_DESIGN: 0.1, CostSource.SAME_FAMILY: 0.25, CostSource.MACHINE: 0.4}
BUSY_SHARE = 0.7  # of the cores, while small models train
FITS_SHARE = 0.9  # as `engine.models.describe` has it


@dataclass(frozen=True)
class Facts:
    """What a document's model is known to be before it trains.

    Attributes:
        flops: forward operations for one example.
        model_bytes: memory of a step.
        rows: of the train part.
        available_bytes: free on the device.
        seconds_per_epoch: by the machine's rate, None where not measured.
    """

    flops: int
    model_bytes: int
    rows: int
    available_bytes: int
    seconds_per_epoch: float | None


def estimate(spec: RunSpec) -> Estimate:
    """What a run of the document will take on this machine.

    Raises:
        EngineError: BAD_INPUT where the model cannot be built, NOT_FOUND without the data set.
    """
    from engine.models.describe import describe, train_rows
    from engine.store.datasets import get_dataset

    dataset = get_dataset(spec.data.dataset)
    seen = describe(spec, dataset=dataset)
    facts = Facts(
        flops=seen.flops,
        model_bytes=seen.memory_bytes,
        rows=train_rows(spec, dataset),
        available_bytes=seen.available_bytes,
        seconds_per_epoch=seen.seconds_per_epoch,
    )
    return estimate_from(spec, facts, entries())


def estimate_from(spec: RunSpec, facts: Facts, known: Sequence[CostEntry]) -> Estimate:
    """The same from facts and from what is known of earlier runs."""
    design = design_of(spec)
    same = [entry for entry in known if entry.design == design and entry.steps > 0]
    family = [entry for entry in known if entry.family == spec.model.kind and entry.steps > 0]
    source = CostSource.SAME_DESIGN if same else CostSource.SAME_FAMILY if family else CostSource.MACHINE
    relied = same or family
    memory = _memory(facts, source, relied)
    common = {"memory_bytes": memory, "runs": len(relied), "available_bytes": facts.available_bytes}
    fits = memory.value <= FITS_SHARE * (facts.available_bytes + _base_bytes(known))
    if not facts.rows or (not relied and facts.seconds_per_epoch is None):
        notice = {"message": N_("Nothing was measured on this machine yet; the first run will tell."), "values": {}}
        return Estimate(source=CostSource.UNKNOWN, fits=fits, notice=notice, **common)
    seconds = _seconds(spec, facts, source, relied)
    power = _power(relied)
    return Estimate(
        seconds=seconds,
        energy_wh=_product(seconds, power, 1 / 3600.0),
        source=source,
        fits=fits,
        watts=power.value,
        watts_per_core=watts_per_core(),
        energy_sources=(EnergySource.ASSUMED,),
        **common,
    )


def steps_of(spec: RunSpec, rows: int) -> int:
    """Optimizer steps to the end of the plan."""
    training = spec.training
    steps = training.epochs * max(1, math.ceil(rows / training.batch_size))
    return min(steps, training.max_steps) if training.max_steps else steps


# ---- time -----------------------------------------------------------------------------------------------------------
def _seconds(spec: RunSpec, facts: Facts, source: CostSource, relied: Sequence[CostEntry]) -> Band:
    batch, steps = spec.training.batch_size, steps_of(spec, facts.rows)
    setup_s = statistics.median(entry.total_s - entry.train_s for entry in relied) if relied else SETUP_S
    if source is CostSource.SAME_DESIGN:
        step_s = _median_step(relied)
        spread = _spread([math.log(entry.train_s / entry.steps / step_s) for entry in relied], SPREADS[source])
    elif source is CostSource.SAME_FAMILY:
        step_s = _step_of_family(relied, facts.flops * batch)
        spread = _spread(_family_errors(relied), SPREADS[source])
    else:
        per_epoch = math.ceil(facts.rows / batch)
        step_s = STEP_OVERHEAD_S + (facts.seconds_per_epoch or 0.0) / per_epoch
        spread = SPREADS[source]
    trained = _spread_out(steps * step_s, spread)
    limit = spec.training.max_train_time_s
    if limit:
        trained = Band(**{name: min(value, limit) for name, value in trained.model_dump().items()})
    return Band(low=trained.low + 0.5 * setup_s, value=trained.value + setup_s, high=trained.high + 2.0 * setup_s)


def _median_step(known: Sequence[CostEntry]) -> float:
    return statistics.median(entry.train_s / entry.steps for entry in known)


def _step_of_family(known: Sequence[CostEntry], operations: float) -> float:
    """Seconds of a step of `operations`: overhead + share for each, both at least 0, by relative least squares."""
    work = np.array([entry.flops * entry.batch_size for entry in known], float)
    seconds = np.array([entry.train_s / entry.steps for entry in known])
    if len(known) >= 3 and np.ptp(np.log(np.maximum(work, 1.0))) > 0.3:
        design = np.stack([1.0 / seconds, work / seconds], axis=1)  # relative: each row divided by its answer
        scale = np.linalg.norm(design, axis=0)
        overhead, share = np.linalg.lstsq(design / scale, np.ones(len(known)), rcond=None)[0] / scale
        if overhead >= 0.0 and share >= 0.0:
            return float(overhead + share * operations)
    rest = np.maximum(seconds - STEP_OVERHEAD_S, 0.1 * seconds)
    overhead_s = float(np.median(seconds - rest))
    return overhead_s + float(np.median(rest / np.maximum(work, 1.0))) * operations


def _family_errors(known: Sequence[CostEntry]) -> list[float]:
    """Logarithms of measured ÷ foretold, each run foretold from the others."""
    if len(known) < 2:
        return []
    errors = []
    for place, entry in enumerate(known[-40:]):
        others = [other for number, other in enumerate(known[-40:]) if number != place]
        guess = _step_of_family(others, entry.flops * entry.batch_size)
        errors.append(math.log(entry.train_s / entry.steps / max(guess, 1e-9)))
    return errors


# ---- memory and power -----------------------------------------------------------------------------------------------
def _memory(facts: Facts, source: CostSource, relied: Sequence[CostEntry]) -> Band:
    if source is CostSource.SAME_DESIGN:
        peaks = [entry.memory_bytes for entry in relied]
        return _spread_out(statistics.median(peaks), MEMORY_SPREADS[source])
    base = _base_bytes(relied)
    return _spread_out(base + facts.model_bytes, MEMORY_SPREADS[source])


def _base_bytes(known: Sequence[CostEntry]) -> float:
    """Memory of a process that can train before it does: seen in earlier runs, else that of this one."""
    if known:
        return statistics.median(entry.memory_before_bytes for entry in known)
    return float(psutil.Process().memory_info().rss)


def _power(relied: Sequence[CostEntry]) -> Band:
    powers = [entry.joules / entry.total_s for entry in relied if entry.total_s > 0 and entry.joules > 0]
    if powers:
        usual = statistics.median(powers)
        return _spread_out(usual, _spread([math.log(power / usual) for power in powers], 0.2))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    watts = watts_per_core() * cores
    return Band(low=0.25 * watts, value=BUSY_SHARE * watts, high=watts)


def _spread(errors: Sequence[float], prior: float) -> float:
    """Standard deviation of errors, drawn towards what is assumed where there are few of them."""
    squares = sum(error**2 for error in errors) + PRIOR_RUNS * prior**2
    return math.sqrt(squares / (len(errors) + PRIOR_RUNS))


def _spread_out(value: float, spread: float) -> Band:
    factor = math.exp(Z * spread)
    return Band(low=value / factor, value=value, high=value * factor)


def _product(one: Band, other: Band, factor: float) -> Band:
    """The product of two figures that vary independently, on the logarithmic scale."""
    value = one.value * other.value * factor
    up = math.hypot(math.log(one.high / one.value), math.log(other.high / other.value))
    down = math.hypot(math.log(one.value / max(one.low, 1e-9)), math.log(other.value / max(other.low, 1e-9)))
    return Band(low=value * math.exp(-down), value=value, high=value * math.exp(up))
