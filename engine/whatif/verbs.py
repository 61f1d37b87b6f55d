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

FORECASTS_A_RUN = 40


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
    # An epoch of a long run says little: it is asked anew a limited number of times, so that it costs the run nothing.
    every = max(1, run.spec.training.epochs // FORECASTS_A_RUN)
    question = {"run_id": run.id, "epoch": run.epoch - run.epoch % every}
    return Forecast.model_validate(_ask("forecast", question, timeout_s))


def estimate(spec: RunSpec, *, timeout_s: float = 60.0) -> Estimate:
    """What a run of the document will take: time, memory and energy, with 90 % intervals.

    Raises:
        EngineError: BAD_INPUT where the model cannot be built; UNAVAILABLE where the time runs out first (ask again).
    """
    from engine.store.runs import count_runs

    known = str(count_runs(status=RunStatus.FINISHED))
    document = {"spec": spec.model_dump(mode="json"), "known": known}
    return Estimate.model_validate(_ask("estimate", document, timeout_s))


def predict_effect(
    spec: RunSpec, changes: Mapping[str, Any], budget: ProbeBudget | None = None, *, timeout_s: float = 60.0
) -> Effect:
    """What a change is expected to do, by a model fitted to finished probes, trials and runs on the same data.

    Args:
        spec: the baseline.
        changes: dotted path → value.
        budget: size of the probes to stand on; where not given, the size (or full runs) of which most are there.
        timeout_s: how long to wait for the answer.

    Raises:
        EngineError: BAD_INPUT where the changed document is not valid; UNAVAILABLE where the time runs out first.
    """
    from engine.whatif.observations import stamp

    spec.edit(changes)
    document = {
        "spec": spec.model_dump(mode="json"),
        "changes": dict(changes),
        "budget": budget.model_dump(mode="json") if budget is not None else None,
        "known": stamp(spec.data.dataset),
    }
    return Effect.model_validate(_ask("predict_effect", document, timeout_s))


def scaling(
    spec: RunSpec,
    over: ScaleOver,
    budget: ProbeBudget | None = None,
    *,
    session: str = "",
    timeout_s: float = 60.0,
) -> Scaling:
    """What more data, longer training, or a wider or deeper model would bring: asks for the probes that it needs.

    Call it again to read on: with three sizes measured the curve is there, and it narrows with each further one.

    Args:
        spec: the document.
        over: "data", "epochs", "width" or "depth".
        budget: of a probe of size 1; where not given, enough to see all data a few times.
        session: as for `probe`; its own by default, so that the knobs' probes are left alone.
        timeout_s: how long to wait for the curve.

    Raises:
        EngineError: BAD_INPUT where the document cannot be probed; UNAVAILABLE where the time runs out first.
    """
    from engine.whatif.scaling import scaling as measure

    known = measure(spec, over, budget, session=session)
    if known.missing or known.notice:
        return known
    return Scaling.model_validate(_ask("scaling", {"known": known.model_dump(mode="json")}, timeout_s))


def costs(run_id: str) -> CostReport:
    """What was estimated before a run started, beside what it took."""
    from engine.store.artifacts import read_costs

    return read_costs(run_id)


def _ask(verb: str, document: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
    from engine.jobs.client import ask

    return ask(verb, document, timeout_s=timeout_s)
