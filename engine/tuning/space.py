"""A search space over a document: whether it holds together, and the document of one of its points."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.errors import EngineError, ErrorKind
from engine.specs import RunSpec
from engine.specs.knobs import Knob, knobs
from engine.specs.search import JUDGEMENT, Dimension, FloatRange, IntRange, Options, SearchSpec
from engine.specs.split import KFoldSplit, RandomSplit, StratifiedSplit
from engine.text import N_

GRID_POINTS = 10  # of a range without a step
_PROBES = 200  # random points that are looked at before a search is refused as impossible
_FEW = 32  # whole numbers that are all looked at
DIGITS = 12  # of numbers that a step leads to: 0.1 + 2 × 0.1 is 0.3


# ---- values -------------------------------------------------------------------------------------------------------
def is_active(dimension: Dimension, chosen: Mapping[str, Any]) -> bool:
    """Whether a dimension is searched where the others have these values."""
    return all(
        parent in chosen and any(same(chosen[parent], value) for value in values)
        for parent, values in dimension.when.items()
    )


def same(a: Any, b: Any) -> bool:
    """Whether two values of a document are the same; lists and tuples are."""
    return json.dumps(a, sort_keys=True) == json.dumps(b, sort_keys=True)


def points_of(dimension: Dimension) -> list[Any]:
    """The values that a grid takes of a dimension, in order; a range without a step gives ten."""
    if isinstance(dimension, Options):
        return list(dimension.values)
    low, high, step = dimension.low, dimension.high, dimension.step  # type: ignore[attr-defined]
    log = dimension.scale == "log"  # type: ignore[attr-defined]
    count = dimension.points
    if isinstance(dimension, IntRange) and not step:
        shares = [i / (GRID_POINTS - 1) for i in range(GRID_POINTS)]
        if count <= GRID_POINTS:
            return list(range(low, high + 1))
        return sorted({round(low * (high / low) ** share if log else low + share * (high - low)) for share in shares})
    if not count:
        shares = [i / (GRID_POINTS - 1) for i in range(GRID_POINTS)]
        return [tidy(low * (high / low) ** share if log else low + share * (high - low)) for share in shares]
    values = [low * step**i if log else low + i * step for i in range(count)]
    return [round(value) for value in values] if isinstance(dimension, IntRange) else [tidy(v) for v in values]


def tidy(value: float) -> float:
    """A number without the last digits that arithmetic leaves behind."""
    return float(f"{value:.{DIGITS}g}")


def check_values(search: SearchSpec, chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Values that a person gives, each inside its dimension.

    Raises:
        EngineError: BAD_INPUT, naming the field.
    """
    known = {dimension.path for dimension in search.dimensions}
    for path in chosen:
        if path not in known:
            raise _bad(
                N_("{field} is not part of this search space."), N_("Searched are: {paths}."), path, paths=listed(known)
            )
    for dimension in search.dimensions:
        if dimension.path in chosen and is_active(dimension, chosen) and not holds(dimension, chosen[dimension.path]):
            raise _bad(
                N_("{field} cannot be {value} in this search."),
                N_("Choose {domain}."),
                dimension.path,
                value=json.dumps(chosen[dimension.path]),
                domain=domain_text(dimension),
            )
    return dict(chosen)


def holds(dimension: Dimension, value: Any) -> bool:
    """Whether a value lies inside a dimension."""
    if isinstance(dimension, Options):
        return any(same(value, option) for option in dimension.values)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return False
    if isinstance(dimension, IntRange) and value != int(value):
        return False
    low, high = dimension.low, dimension.high  # type: ignore[attr-defined]
    slack = 1e-9 * max(abs(low), abs(high))
    return bool(low - slack <= value <= high + slack)


def domain_text(dimension: Dimension) -> str:
    """A dimension's values as a person reads them."""
    if isinstance(dimension, Options):
        return ", ".join(json.dumps(value) for value in dimension.values[:8])
    return f"{dimension.low:g} … {dimension.high:g}"  # type: ignore[attr-defined]


# ---- documents ----------------------------------------------------------------------------------------------------
def in_order(chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Values in the order in which they have to be set: a kind resets what stands beside it, so kinds go first."""
    return dict(sorted(chosen.items(), key=lambda item: (not item[0].endswith(".kind"), item[0].count("."))))


def document_of(
    spec: RunSpec,
    chosen: Mapping[str, Any],
    *,
    number: int = 0,
    part: int = 0,
    epochs: int = 0,
    parent_run: str = "",
) -> RunSpec:
    """The document of one run of a trial.

    Args:
        spec: of the search.
        chosen: values by dotted path.
        number: of the trial.
        part: which seed or fold.
        epochs: to train; 0: as the document says.
        parent_run: whose weights it goes on from.

    Raises:
        EngineError: BAD_INPUT where these values make no valid document.
    """
    search = spec.search or SearchSpec()
    changes: dict[str, Any] = {
        "search": None,
        "parent_run": parent_run,
        "branch_step": 0,
        "name": f"{_name(spec)} · {number}"[:200],
    }
    if search.folds:
        changes |= {"data.split": _fold(spec, search.folds, part)}
    elif part:
        changes["seed"] = (spec.seed + part) % 2**31
    changes |= in_order(chosen)
    if search.repeats > 1 and "seed" in chosen:
        changes["seed"] = (int(chosen["seed"]) + part) % 2**31
    if epochs:
        changes["training.epochs"] = epochs
    return spec.edit(changes)


def documents_of(
    spec: RunSpec, chosen: Mapping[str, Any], *, number: int, epochs: int = 0, parents: Sequence[str] = ()
) -> list[RunSpec]:
    """The documents of all runs of a trial: one a seed or fold; `parents` are those of the trial it continues."""
    count = spec.search.runs_a_trial if spec.search else 1
    return [
        document_of(spec, chosen, number=number, part=part, epochs=epochs, parent_run=parents[part] if parents else "")
        for part in range(count)
    ]


def _name(spec: RunSpec) -> str:
    return spec.name or spec.model.label or spec.model.kind


def _fold(spec: RunSpec, folds: int, fold: int) -> dict[str, Any]:
    split = spec.data.split
    return {
        "kind": "k_fold",
        "folds": folds,
        "fold": fold,
        "seed": split.seed,
        "test_fraction": split.test_fraction,
        "validation_fraction": min(split.validation_fraction, 0.9 - split.test_fraction),
    }


# ---- whether it holds together ------------------------------------------------------------------------------------
def check(spec: RunSpec) -> None:
    """Refuse a search that cannot work before it begins.

    Raises:
        EngineError: BAD_INPUT; its value `field` is the path of the field within the search ("dimensions.2").
    """
    search = spec.search
    if search is None or not search.dimensions:
        raise _bad(
            N_("The search space is empty."),
            N_("Choose at least one field of the document to be searched."),
            "dimensions",
        )
    if search.folds and not isinstance(spec.data.split, RandomSplit | StratifiedSplit | KFoldSplit):
        raise _bad(
            N_("Folds cannot be cut where the split is “{split}”: rows that belong together would be torn apart."),
            N_("Take several seeds a trial instead, or a random or stratified split."),
            "folds",
            split=spec.data.split.kind,
        )
    _check_objectives(spec, search)
    known = {knob.path: knob for knob in knobs(spec.model_copy(update={"search": None}))}
    for i, dimension in enumerate(search.dimensions):
        _check_bounds(dimension, known.get(dimension.path), f"dimensions.{i}")
        _check_dimension(spec, search, dimension, f"dimensions.{i}")
    for i, start in enumerate(search.start_points):
        try:
            document_of(spec, check_values(search, start))
        except EngineError as error:
            raise _at(error, f"start_points.{i}") from error
    _check_some_point_works(spec, search)


def available_metrics(spec: RunSpec) -> tuple[str, ...]:
    """The objectives that a document's task has: measured metrics, costs, and a person's judgement."""
    if spec.data.task.is_classification:
        measured: tuple[str, ...] = ("val/accuracy", "val/loss", "val/macro_f1", "train_epoch/loss")
        measured = (*measured, "train_epoch/accuracy")
    else:
        measured = ("val/rmse", "val/loss", "val/mae", "val/r2", "train_epoch/loss")
    return (*measured, "parameters", "flops", "latency_ms", "seconds", "memory_bytes", JUDGEMENT)


def _check_objectives(spec: RunSpec, search: SearchSpec) -> None:
    known = available_metrics(spec)
    for i, goal in enumerate(search.objectives):
        if goal.metric != "auto" and goal.metric not in known:
            raise _bad(
                N_("This task has no metric {metric}."),
                N_("It has: {known}."),
                f"objectives.{i}.metric",
                metric=goal.metric,
                known=", ".join(known),
            )


def _check_dimension(spec: RunSpec, search: SearchSpec, dimension: Dimension, where: str) -> None:
    if dimension.path.split(".")[0] in ("search", "version", "name", "parent_run"):
        raise _bad(N_("{path} cannot be searched."), N_("Choose another field."), where, path=dimension.path)
    if dimension.path == "training.epochs" and search.algorithm.kind == "hyperband":
        raise _bad(
            N_("Hyperband chooses the epochs of each trial itself."),
            N_("Take training.epochs out of the search space, or choose another algorithm."),
            where,
        )
    if isinstance(dimension, FloatRange | IntRange) and dimension.scale == "log" and 0 < dimension.step <= 1:
        raise _bad(N_("{path}: on a log scale the step is a factor."), "", where, path=dimension.path)
    problem: EngineError | None = None
    for chosen in _contexts(search, dimension):
        for value in _ends(dimension):
            try:
                document_of(spec, {**chosen, dimension.path: value})
            except EngineError as error:
                problem = error
            else:
                problem = None
                break
        if problem is None:
            return
    if problem is not None:
        raise _at(problem, where, path=dimension.path)


def _check_bounds(dimension: Dimension, knob: Knob | None, where: str) -> None:
    """A range stays within the bounds of its field."""
    if knob is None or not isinstance(dimension, FloatRange | IntRange):
        return
    for end, bound, beyond in (
        (dimension.low, knob.low, dimension.low < (knob.low if knob.low is not None else -math.inf)),
        (dimension.high, knob.high, dimension.high > (knob.high if knob.high is not None else math.inf)),
    ):
        if beyond:
            raise _bad(
                N_("{path}: the range reaches {end}, but the field goes from {low} to {high}."),
                N_("Narrow the range."),
                where,
                path=dimension.path,
                end=f"{end:g}",
                bound=f"{bound:g}",
                low="-∞" if knob.low is None else f"{knob.low:g}",
                high="∞" if knob.high is None else f"{knob.high:g}",
            )


def _ends(dimension: Dimension) -> list[Any]:
    if isinstance(dimension, Options):
        return list(dimension.values)
    if isinstance(dimension, IntRange) and 0 < dimension.points <= _FEW:
        return list(range(dimension.low, dimension.high + 1))
    points = points_of(dimension)
    return [points[0], points[-1], points[len(points) // 2]]


def _contexts(search: SearchSpec, dimension: Dimension) -> Iterator[dict[str, Any]]:
    """Values of the dimensions before it under which a dimension is searched."""
    drawn = random.Random(0)  # noqa: S311 - nothing secret
    if not dimension.when:
        yield {}
    for _ in range(20):
        chosen: dict[str, Any] = {}
        for other in search.dimensions:
            if other is dimension:
                break
            if other.path in dimension.when:
                chosen[other.path] = drawn.choice(list(dimension.when[other.path]))
            elif is_active(other, chosen):
                chosen[other.path] = drawn.choice(_ends(other))
        yield chosen


def random_point(search: SearchSpec, drawn: random.Random) -> dict[str, Any]:
    """A point of the space, drawn as the random oracle would."""
    chosen: dict[str, Any] = {}
    for dimension in search.dimensions:
        if not is_active(dimension, chosen):
            continue
        if isinstance(dimension, Options) or dimension.points:
            chosen[dimension.path] = drawn.choice(points_of(dimension))
        else:
            low, high = dimension.low, dimension.high  # type: ignore[attr-defined]
            share = drawn.random()
            log = dimension.scale == "log"  # type: ignore[attr-defined]
            chosen[dimension.path] = low * (high / low) ** share if log else low + share * (high - low)
    return chosen


def _check_some_point_works(spec: RunSpec, search: SearchSpec) -> None:
    drawn = random.Random(search.seed)  # noqa: S311 - nothing secret
    problem: EngineError | None = None
    for _ in range(_PROBES):
        try:
            document_of(spec, random_point(search, drawn))
        except EngineError as error:
            problem = problem or error
        else:
            return
    if problem is not None:
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("No point of this search space makes a valid document: {problem}"),
            hint=N_("Change the ranges so that some of their values go together."),
            problem=str(problem),
            field="dimensions",
        )


def listed(names: Any) -> str:
    """Names as a sentence lists them."""
    return ", ".join(sorted(names))


def _at(error: EngineError, where: str, path: str = "") -> EngineError:
    """The same error, with the field of the search that it is about."""
    return EngineError(error.kind, error.message, hint=error.hint, **{**error.values, "field": where, "path": path})


def _bad(message: str, hint: str, field: str, **values: Any) -> EngineError:
    return EngineError(ErrorKind.BAD_INPUT, message, hint=hint, **{"field": field, **values})
