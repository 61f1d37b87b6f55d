"""How large a search is: combinations, trials, epochs, seconds."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from engine.errors import EngineError, ErrorKind
from engine.specs import RunSpec, RunStatus
from engine.specs.search import Dimension, HyperbandSearch, SearchSpec
from engine.specs.search_records import SpaceSize
from engine.text import N_
from engine.tuning.space import check, is_active, points_of

MOST_ON_A_GRID = 1_000_000
_LISTED_PARENTS = 100_000  # combinations of fields that others depend on


def combinations(search: SearchSpec, *, grid: bool = False) -> float | None:
    """The number of different points of a space; None for a continuum.

    Fields that depend on others count only where they are searched.
    """
    dimensions = [dimension for dimension in search.dimensions if len(dimension.path)]
    if not grid and any(dimension.points == 0 for dimension in dimensions):
        return None
    parents = {path for dimension in dimensions for path in dimension.when}
    free = [d for d in dimensions if not d.when and d.path not in parents]
    bound = [d for d in dimensions if d.when or d.path in parents]
    total = math.prod(float(_count(d, grid)) for d in free)
    return total * _bound(bound, grid) if bound else total


def _bound(dimensions: Sequence[Dimension], grid: bool) -> float:
    """Combinations of fields that depend on each other."""
    parents = {path for dimension in dimensions for path in dimension.when}
    leading = [d for d in dimensions if d.path in parents]
    if math.prod(float(_count(d, grid)) for d in leading) > _LISTED_PARENTS:
        return math.prod(float(_count(d, grid)) for d in dimensions)
    seen: set[str] = set()
    total = 0.0
    for point in itertools.product(*(points_of(d) for d in leading)):
        chosen: dict[str, object] = {}
        for dimension, value in zip(leading, point, strict=True):
            if is_active(dimension, chosen):
                chosen[dimension.path] = value
        key = repr(sorted(chosen.items(), key=lambda item: item[0]))
        if key in seen:
            continue
        seen.add(key)
        rest = [d for d in dimensions if d.path not in parents and is_active(d, chosen)]
        total += math.prod(float(_count(d, grid)) for d in rest)
    return total


def _count(dimension: Dimension, grid: bool) -> int:
    return len(points_of(dimension)) if grid else max(dimension.points, 1)


def hyperband_plan(algorithm: HyperbandSearch) -> tuple[int, int]:
    """Trials and epochs that Hyperband runs over all its brackets, as KerasTuner lays them out."""
    brackets, epochs_left = 0, float(algorithm.max_epochs)
    while epochs_left >= 1:
        epochs_left /= algorithm.factor
        brackets += 1
    last = math.ceil(1 + math.log(algorithm.max_epochs, algorithm.factor))
    trials = epochs = 0
    for bracket in range(brackets):
        for turn in range(bracket + 1):
            size = math.ceil(last / (bracket + 1) * algorithm.factor ** (bracket - turn))
            until = math.ceil(algorithm.max_epochs / algorithm.factor ** (bracket - turn))
            since = math.ceil(algorithm.max_epochs / algorithm.factor ** (bracket - turn + 1)) if turn else 0
            trials += size
            epochs += size * (until - since)
    return trials * algorithm.iterations, epochs * algorithm.iterations


def space_size(spec: RunSpec, *, workers: int = 0) -> SpaceSize:
    """See `engine.api.space_size`."""
    problem: EngineError | None = None
    try:
        check(spec)
        check_grid(spec)
    except EngineError as error:
        problem = error
    search = spec.search or SearchSpec()
    grid = search.algorithm.kind == "grid"
    count = combinations(search, grid=grid) if search.dimensions else None
    trials, epochs = _planned(spec, search, count)
    a_trial = _seconds_a_trial(spec)
    workers = workers or _workers()
    seconds = None
    if a_trial is not None and trials is not None:
        share = epochs / (trials * max(spec.training.epochs, 1)) if epochs else 1.0
        seconds = a_trial * trials * share * search.runs_a_trial / max(workers, 1)
        if search.budget.seconds:
            seconds = min(seconds, search.budget.seconds)
    elif search.budget.seconds:
        seconds = search.budget.seconds
    return SpaceSize(
        combinations=count,
        trials=trials,
        runs=trials * search.runs_a_trial if trials is not None else None,
        epochs=epochs * search.runs_a_trial if epochs else None,
        seconds=seconds,
        seconds_a_trial=a_trial,
        problem=problem.to_record() if problem else None,
        field=str(problem.values.get("field", "")) if problem else "",
    )


def check_grid(spec: RunSpec) -> None:
    """Refuse a grid that nobody lives to see the end of.

    Raises:
        EngineError: BAD_INPUT.
    """
    search = spec.search
    if search is None or search.algorithm.kind != "grid":
        return
    count = combinations(search, grid=True) or 0.0
    if count > MOST_ON_A_GRID and not (search.budget.trials or search.budget.seconds):
        limited = False
    else:
        limited = count <= MOST_ON_A_GRID
    if not limited:
        widest = max(search.dimensions, key=lambda d: len(points_of(d)))
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("The grid has {count} combinations; the widest field is {path} with {points} values."),
            hint=N_("Give ranges a larger step, search fewer fields, or choose random or Bayesian search."),
            count=f"{count:,.0f}",
            path=widest.path,
            points=len(points_of(widest)),
            field="algorithm",
        )


def _planned(spec: RunSpec, search: SearchSpec, count: float | None) -> tuple[int | None, int]:
    """Trials that will be run, and their epochs (0: not known)."""
    if isinstance(search.algorithm, HyperbandSearch):
        trials, epochs = hyperband_plan(search.algorithm)
        limit = search.budget.trials
        if limit and limit < trials:
            return limit, round(epochs * limit / trials)
        return trials, epochs
    limits = [value for value in (search.budget.trials or None, count) if value]
    if not limits:
        return None, 0
    trials = int(min(limits))
    return trials, trials * spec.training.epochs


def _seconds_a_trial(spec: RunSpec) -> float | None:
    """The mean training time of runs of this family on this data, an epoch, times the document's epochs."""
    from engine.store.runs import list_runs

    found = list_runs(dataset_id=spec.data.dataset, status=RunStatus.FINISHED, limit=50, purpose="")
    rates = [
        record.seconds / record.epoch
        for record in found
        if record.epoch and record.seconds and record.spec.model.kind == spec.model.kind
    ]
    if not rates:
        return None
    return sorted(rates)[len(rates) // 2] * spec.training.epochs


def _workers() -> int:
    from engine.store.lease import read_state
    from engine.store.wishes import wished_workers

    state = read_state()
    return len(state.workers) if state is not None and state.workers else (wished_workers() or 1)
