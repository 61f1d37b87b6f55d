"""The verbs of probes, branches and predictions, as `engine.api` offers them. Light to import, as all of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engine.specs import RunSpec
from engine.specs.records import RunRecord

# How a run will end, the effect of a change before it is paid for, what more would bring, what a run will cost.
from engine.whatif.verbs import costs, estimate, forecast, predict_effect, scaling

if TYPE_CHECKING:
    from engine.specs.knobs import Knob
    from engine.specs.probe import (
        LedgerEntry,
        ProbeBudget,
        ProbeRecord,
        ProxyTrust,
        Sensitivity,
        VerdictRecord,
        WhatIf,
    )

__all__ = [
    "branch",
    "branches",
    "cancel_probes",
    "costs",
    "estimate",
    "forecast",
    "knobs",
    "ledger",
    "note_tweak",
    "predict_effect",
    "probe",
    "probe_record",
    "proxy_trust",
    "scaling",
    "sensitivity",
    "what_if",
]


def knobs(spec: RunSpec) -> list[Knob]:
    """Every numeric or choice field of a document that can be turned."""
    from engine.specs.knobs import knobs as find

    return find(spec)


def probe(spec: RunSpec, budget: ProbeBudget, *, session: str = "", priority: int = 0) -> ProbeRecord:
    """Enter or find a probe and return at once: a short training with the document's seed, batches and schedule.

    Args:
        spec: the document.
        budget: how much it may take.
        session: what it asked for before and does not ask for now is cancelled, also while it runs; "": nothing is.
        priority: lower goes first.

    Raises:
        EngineError: BAD_INPUT where the document cannot be bounded so; nothing is entered then.
    """
    from engine.whatif.compare import probe as enter

    budget.lay_over(spec)
    return enter(spec, budget, session=session, priority=priority)


def probe_record(probe_id: str) -> ProbeRecord:
    """One probe and its curves so far."""
    from engine.store.probes import get_probe

    return get_probe(probe_id)


def what_if(
    baseline: RunSpec,
    changes: Mapping[str, Any],
    budget: ProbeBudget,
    *,
    seeds: int = 5,
    session: str = "",
    priority: int = 0,
) -> WhatIf:
    """What a change of a document does: enters the probes of both sides and returns all there is so far.

    Call it again to read on (nothing is written then). Probes go by pairs of seeds, the variant's first one first; with
    no changes the baseline's probes alone are asked for, which also warms the prober. `session` as for `probe`: give
    each comparison that shall live beside others a session of its own (`"page/pin-1"`).

    Raises:
        EngineError: BAD_INPUT where the changed document is not valid; nothing is entered then.
    """
    from engine.whatif.compare import what_if as compare

    return compare(baseline, changes, budget, seeds=seeds, session=session, priority=priority)


def cancel_probes(session: str) -> int:
    """Give up what a session (and all below it, `session/…`) asked for; how many probes were cancelled by it."""
    from engine.store.probes import cancel

    return cancel(session)


def sensitivity(spec: RunSpec, budget: ProbeBudget, *, session: str = "") -> Sensitivity:
    """Every knob up and down by itself, probed behind everything else; call it again to read on."""
    from engine.whatif.sensitivity import sensitivity as turn

    return turn(spec, budget, session=session)


def proxy_trust(budget: ProbeBudget) -> ProxyTrust:
    """How well probes of this size have predicted full runs of the same documents in this workspace."""
    from engine.whatif.trust import proxy_trust as measure

    return measure(budget)


def ledger(baseline: RunSpec) -> list[LedgerEntry]:
    """The tweaks of a baseline with their effects, newest first."""
    from engine.store.ledger import ledger as read

    return read(baseline)


def note_tweak(
    baseline: RunSpec, changes: Mapping[str, Any], budget: ProbeBudget, verdict: VerdictRecord, *, who: str = ""
) -> LedgerEntry:
    """Write a tweak and its effect into the ledger; the same tweak again brings its line up to date."""
    from engine.store.ledger import note_tweak as write

    return write(baseline, changes, budget, verdict, who=who)


def branch(run_id: str, changes: Mapping[str, Any], *, token: str = "", timeout_s: float = 20.0) -> str:
    """A new run that goes on from where a run is now under its document with `changes` (dotted path → value).

    A run at work is asked for a checkpoint at once and goes on undisturbed; of one that rests, the newest is taken.
    """
    from engine.jobs.branching import branch as put

    return put(run_id, changes, token=token, timeout_s=timeout_s)


def branches(run_id: str) -> list[RunRecord]:
    """The runs that went on from a run (branches, and continuations for more epochs), oldest first."""
    from engine.store.branches import children
    from engine.store.runs import get_run

    return [get_run(child) for child in children(run_id)]
