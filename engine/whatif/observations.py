"""Results that predictions stand on: finished probes, trials and runs on the same data, as plain pairs.

Light to import, so that a page can ask whether anything new is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa

from engine.specs import RunSpec, RunStatus
from engine.specs.probe import ProbeBudget, ProbeStatus
from engine.store.database import reading
from engine.store.probes import finished_probes
from engine.store.runs import list_runs
from engine.store.schema import probes, runs
from engine.whatif.verdict import objective_of

MOST = 400  # newest results; a Gaussian process takes the cube of it
# Fields that do not change what is learned, or that only draw the noise.
NOISE = ("seed", "data.split.seed")
IGNORED = ("name", "version", "data.name", "parent_run", "branch_step", "search")
Source = Literal["probes", "trials", "runs"]


@dataclass(frozen=True)
class Observation:
    """One result: the document and the value of its objective."""

    spec: RunSpec
    value: float


@dataclass(frozen=True)
class Group:
    """Results that may be compared: all probes of one size, or all full trainings.

    Attributes:
        source: what they are.
        budget: of probes.
        observations: newest first.
    """

    source: Source
    budget: ProbeBudget | None
    observations: Sequence[Observation]


def stamp(dataset_id: str) -> str:
    """Changes as soon as a probe, trial or run on the data set has finished."""
    over = sa.select(sa.func.count(), sa.func.max(probes.c.ended_at)).where(
        probes.c.dataset_id == dataset_id, probes.c.status == ProbeStatus.FINISHED.value
    )
    done = sa.select(sa.func.count(), sa.func.max(runs.c.ended_at)).where(
        runs.c.dataset_id == dataset_id, runs.c.status == RunStatus.FINISHED.value, runs.c.deleted == sa.false()
    )
    with reading() as connection:
        figures = [*connection.execute(over).one(), *connection.execute(done).one()]
    return "/".join(str(figure) for figure in figures)


def groups(spec: RunSpec, families: Sequence[str] = ()) -> list[Group]:
    """All results on the document's data and task, by size of the probes, the largest group first.

    Args:
        spec: the document.
        families: kinds of models to take in; the document's own where not given.
    """
    wanted = set(families) or {spec.model.kind}
    metric, _higher = objective_of(spec.data.task)
    by_size: dict[str, Group] = {}
    for record in finished_probes(dataset_id=spec.data.dataset):
        if record.cut_off or metric not in record.metrics or not _is_comparable(record.spec, spec, wanted):
            continue
        key = f"{record.budget.steps}/{record.budget.train_fraction}"
        group = by_size.setdefault(key, Group("probes", record.budget, []))
        _add(group, Observation(record.spec, record.metrics[metric]))
    found = [group for group in (*by_size.values(), _full(spec, metric, wanted)) if group.observations]
    return sorted(found, key=lambda group: -len(group.observations))


def group_of(spec: RunSpec, budget: ProbeBudget | None, families: Sequence[str] = ()) -> Group | None:
    """The results of one size of probes, or the largest group where no size is asked for; None where there are none."""
    for group in groups(spec, families):
        if budget is None or (group.budget is not None and same_size(group.budget, budget)):
            return group
    return None


def same_size(one: ProbeBudget, other: ProbeBudget) -> bool:
    """True where two budgets give the same probe, were it not cut off by its seconds."""
    return one.steps == other.steps and one.train_fraction == other.train_fraction


def _full(spec: RunSpec, metric: str, wanted: set[str]) -> Group:
    """Finished runs and trials. What a run is judged by is its best epoch."""
    observations: list[Observation] = []
    trials = False
    finished = list_runs(status=RunStatus.FINISHED, dataset_id=spec.data.dataset, purpose="", limit=MOST)
    for run in finished:
        if metric in run.best and _is_comparable(run.spec, spec, wanted) and not run.spec.parent_run:
            observations.append(Observation(run.spec, run.best[metric]))
            trials = trials or run.purpose == "trial"
    return Group("trials" if trials else "runs", None, observations)


def _is_comparable(one: RunSpec, other: RunSpec, families: set[str]) -> bool:
    same = (one.data.task, one.data.target, one.data.preprocessing.kind) == (
        other.data.task,
        other.data.target,
        other.data.preprocessing.kind,
    )
    return same and one.model.kind in families


def _add(group: Group, observation: Observation) -> None:
    if isinstance(group.observations, list) and len(group.observations) < MOST:
        group.observations.append(observation)
