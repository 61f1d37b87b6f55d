"""The verbs of `engine.api` that foretell: what can be said without arithmetic is said here, the rest by the desk.

Light to import: pages call these. A question holds whatever its answer depends on, so that an answer is worked out
once and read from the store until something new is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.specs import RunSpec, RunStatus
from engine.specs.prediction import CostReport, Effect, Estimate, Forecast, ScaleOver, Scaling
from engine.specs.probe import ProbeBudget

SCALING_PRIORITY = 50  # behind every knob that a hand is on


def forecast(run_id: str, *, timeout_s: float = 60.0) -> Forecast:
    """How a run will end: the best value of its objective, its last epoch and the seconds left, with 90 % intervals.

    Raises:
        EngineError: NOT_FOUND; UNAVAILABLE where the time runs out first (ask again).
    """
    from engine.store.runs import get_run
    from engine.whatif.forecast import without_arithmetic

    run = get_run(run_id)
    known = without_arithmetic(run)
    if known is not None:
        return known
    return Forecast.model_validate(_ask("forecast", {"run_id": run.id, "epoch": run.epoch}, timeout_s))


def estimate(spec: RunSpec, *, timeout_s: float = 60.0) -> Estimate:
    """What a run of the document will take: time, memory and energy, with 90 % intervals.

    Raises:
        EngineError: BAD_INPUT where the model cannot be built; UNAVAILABLE where the time runs out first (ask again).
    """
    from engine.store.runs import count_runs

    known = str(count_runs(status=RunStatus.FINISHED))
    document = {"spec": spec.model_dump(mode="json"), "known": known}
    return Estimate.model_validate(_ask("estimate", document, timeout_s))


def costs(run_id: str) -> CostReport:
    """What was estimated before a run started, beside what it took."""
    from engine.store.artifacts import read_costs

    return read_costs(run_id)


def _ask(verb: str, document: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
    from engine.jobs.client import ask

    return ask(verb, document, timeout_s=timeout_s)
