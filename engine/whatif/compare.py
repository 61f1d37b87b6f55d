"""Asks for the probes of a comparison in the order in which a person wants them, and says what they say so far.

Light to import: pages call this; the training itself is done in the prober (`engine.whatif.probe`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.specs import RunSpec
from engine.specs.probe import SEEDS, ProbeBudget, ProbeRecord, ProbeStatus, WhatIf
from engine.store import probes
from engine.store.probes import Wish
from engine.whatif.verdict import objective_of, verdict

_LARGEST_SEED = 2**31


def probe(spec: RunSpec, budget: ProbeBudget, *, session: str = "", priority: int = 0) -> ProbeRecord:
    """Enter or find one probe; see `engine.api.probe`."""
    return probes.ask([Wish(spec, budget, priority)], session=session)[0]


def what_if(
    baseline: RunSpec,
    changes: Mapping[str, Any],
    budget: ProbeBudget,
    *,
    seeds: int = SEEDS,
    session: str = "",
    priority: int = 0,
) -> WhatIf:
    """Enter the variant's first seed, then the baseline's, then the pairs; all records so far with the verdict.

    Asking the same again reads on without writing. Once a variant's first seed has failed for good (a shape that does
    not fit, too little memory), its other seeds are not tried.

    Args:
        baseline: the document that is compared with.
        changes: dotted path -> value; where they change nothing, the baseline's probes alone are asked for.
        budget: of each probe.
        seeds: pairs; the first is the document's own seed.
        session: what it asked for before and does not ask for now is given up.
        priority: lower goes first.

    Raises:
        EngineError: BAD_INPUT where the changed document is not valid; nothing is entered then.
    """
    changed = baseline.edit(changes) if changes else baseline
    budget.lay_over(changed)
    own = [seeded(baseline, place) for place in range(max(seeds, 1))]
    same = probes.document_id(changed) == probes.document_id(baseline)
    other = [] if same else _variants(changed, own, seeded_itself="seed" in changes)
    wishes = _in_order(own, other, budget, priority)
    records = dict(zip((wish.id for wish in wishes), probes.ask(wishes, session=session), strict=True))
    hopeless = _is_hopeless(records, other, budget)
    if hopeless:
        wishes = _in_order(own, other[:1], budget, priority)
        records = dict(zip((wish.id for wish in wishes), probes.ask(wishes, session=session), strict=True))
    ours = _records(records, own, budget)
    theirs = _records(records, other[:1] if hopeless else other, budget)
    metric, higher = objective_of(baseline.data.task)
    judged = verdict(ours, theirs, metric=metric, higher_is_better=higher, changed=not same)
    return WhatIf(
        baseline=tuple(ours),
        variant=tuple(theirs),
        verdict=judged,
        seeds=tuple(spec.seed for spec in own),
        done=all(record.status.is_over for record in records.values()),
    )


def seeded(spec: RunSpec, place: int) -> RunSpec:
    """The document with its seed moved on by `place`."""
    return spec.model_copy(update={"seed": (spec.seed + place) % _LARGEST_SEED}) if place else spec


def _variants(changed: RunSpec, own: Sequence[RunSpec], *, seeded_itself: bool) -> list[RunSpec]:
    """The changed document under the baseline's seeds, or under seeds of its own where the seed is what was changed."""
    if seeded_itself:
        return [seeded(changed, place) for place in range(len(own))]
    return [changed.model_copy(update={"seed": spec.seed}) for spec in own]


def _in_order(own: Sequence[RunSpec], other: Sequence[RunSpec], budget: ProbeBudget, priority: int) -> list[Wish]:
    """The variant's first seed, the baseline's first, then pair by pair."""
    wishes = []
    for place, spec in enumerate(own):
        if place < len(other):
            wishes.append(Wish(other[place], budget, priority + 2 * place))
        wishes.append(Wish(spec, budget, priority + 2 * place + 1))
    return wishes


def _records(records: Mapping[str, ProbeRecord], specs: Sequence[RunSpec], budget: ProbeBudget) -> list[ProbeRecord]:
    return [records[probes.probe_id(spec, budget)] for spec in specs]


def _is_hopeless(records: Mapping[str, ProbeRecord], other: Sequence[RunSpec], budget: ProbeBudget) -> bool:
    """Another seed helps where the loss diverged, not where layers do not fit or memory is too small."""
    if len(other) < 2:
        return False
    first = records[probes.probe_id(other[0], budget)]
    return first.status is ProbeStatus.FAILED and (first.error or {}).get("kind") != "diverged"
