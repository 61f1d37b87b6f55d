"""How well short probes have predicted full runs in this workspace: a rank correlation, with the number of pairs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.specs import RunStatus
from engine.specs.probe import ProbeBudget, ProxyTrust
from engine.store import probes
from engine.store.runs import list_runs
from engine.whatif.verdict import objective_of

FEWEST = 5  # pairs below which a correlation says nothing
_MOST_RUNS = 1000

Pair = tuple[str, float, float]  # group, the probe's value, the run's value; both so that higher is better


def proxy_trust(budget: ProbeBudget) -> ProxyTrust:
    """Over all pairs of a finished probe of this size and a finished run of the same document.

    Ranks are taken within a data set: that probes tell an easy data set from a hard one helps nobody.
    """
    found = {}
    for record in probes.finished_probes(limit=probes.KEPT_COUNT):
        if record.budget.steps == budget.steps and record.budget.train_fraction == budget.train_fraction:
            found[probes.document_id(record.spec)] = record
    pairs: list[Pair] = []
    for run in list_runs(status=RunStatus.FINISHED, limit=_MOST_RUNS) if found else []:
        probe = found.get(probes.document_id(run.spec))
        metric, higher = objective_of(run.spec.data.task)
        if probe is None or metric not in probe.metrics or metric not in run.metrics:
            continue
        sign = 1.0 if higher else -1.0
        pairs.append((run.spec.data.dataset, sign * probe.metrics[metric], sign * run.metrics[metric]))
    return ProxyTrust(rank_correlation=rank_correlation(pairs), pairs=len(pairs))


def rank_correlation(pairs: Sequence[Pair]) -> float | None:
    """Spearman's rank correlation within groups, pooled over them; None with fewer than `FEWEST` pairs or no spread."""
    if len(pairs) < FEWEST:
        return None
    groups: dict[str, list[tuple[float, float]]] = {}
    for group, ours, theirs in pairs:
        groups.setdefault(group, []).append((ours, theirs))
    centred = [_centred_ranks(np.array(values)) for values in groups.values() if len(values) > 1]
    if not centred:
        return None
    ours, theirs = np.concatenate(centred).T
    spread = float(np.sqrt((ours**2).sum() * (theirs**2).sum()))
    return float((ours * theirs).sum()) / spread if spread else None


def _centred_ranks(values: np.ndarray) -> np.ndarray:
    """Ranks `(n, 2)` of each column, ties sharing their mean, minus their mean, in shares of the group."""
    import pandas as pd

    ranks = pd.DataFrame(values).rank().to_numpy()
    centred: np.ndarray = (ranks - ranks.mean(axis=0)) / len(values)
    return centred
