"""What more would bring: probes at several sizes, and a curve through them drawn at most four times further.

Error falls with the size of the data, of the model and of the training as a power law with an offset, over many orders
of magnitude (Hestness et al. 2017; Kaplan et al. 2020; Rosenfeld et al. 2020). The average over that and its kin, with
the noise that two seeds a size show, is `engine.whatif.curves`; this module says which probes it needs. Its own part
is light to import: pages call it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.errors import EngineError
from engine.specs import Part, RunSpec
from engine.specs.knobs import knobs
from engine.specs.prediction import CoursePoint, ScaleOver, ScalePoint, Scaling
from engine.specs.probe import ProbeBudget, ProbeRecord, ProbeStatus
from engine.specs.split import GivenSplit
from engine.store import probes
from engine.store.datasets import get_dataset
from engine.store.probes import Wish
from engine.text import N_
from engine.whatif.compare import seeded
from engine.whatif.verdict import objective_of

FACTORS: dict[str, tuple[float, ...]] = {
    "data": (0.125, 0.25, 0.5, 1.0),
    "epochs": (0.25, 0.5, 1.0, 2.0),
    "width": (0.25, 0.5, 1.0, 2.0),
    "depth": (0.5, 1.0, 2.0, 3.0),
}
ASKED = (1.0, 2.0, 4.0)
REACH = 4.0  # times the largest size that was measured; further is guessing
SEEDS = 2  # a size
FEWEST_SIZES = 3
PRIORITY = 50  # behind every knob that a hand is on, before sensitivity
PASSES, MOST_STEPS = 4, 1500  # over the data, so that all of them are seen
SECONDS = 120.0  # at which a probe is cut off
# Fields by the names that all families share: what makes a model wider, and what makes it deeper.
WIDTHS = ("width", "inner_width", "units", "filters", "dense_units")
DEPTHS = ("blocks", "layers", "convolutions")
LISTS_THAT_DEEPEN = ("units",)


@dataclass(frozen=True)
class Size:
    """One size: its multiple, the change of the document, and the budget of its probes."""

    factor: float
    changes: dict[str, Any]
    budget: ProbeBudget


def scaling(spec: RunSpec, over: ScaleOver, budget: ProbeBudget | None = None, *, session: str = "") -> Scaling:
    """Ask for the probes that are needed and give what is measured so far, without the curve.

    Args:
        spec: the document.
        over: what is made larger. "epochs" stands for steps: the probe's own are 1.
        budget: of a probe of size 1; where not given, as many steps as `PASSES` over the data take.
        session: what it asked for before and does not ask for now is given up.

    Raises:
        EngineError: BAD_INPUT where the document cannot be probed.
    """
    metric, higher = objective_of(spec.data.task)
    budget = budget or default_budget(spec)
    planned = sizes(spec, over, budget)
    known = Scaling(over=over, metric=metric, higher_is_better=higher, budget=budget)
    known = known.model_copy(update={"changes": tuple(size.changes for size in planned)})
    if len(planned) < FEWEST_SIZES:
        message = N_("This model has nothing that could be made larger in this way.")
        return known.model_copy(update={"notice": {"message": message, "values": {}}})
    asked = [(size, seed) for seed in range(SEEDS) for size in planned]
    wishes = [Wish(seeded(spec, seed).edit(size.changes), size.budget, PRIORITY) for size, seed in asked]
    records = probes.ask(wishes, session=session or f"scaling/{probes.document_id(spec)}/{over}")
    found = list(zip([size for size, _seed in asked], records, strict=True))
    return _measured(known, planned, found)


def default_budget(spec: RunSpec) -> ProbeBudget:
    """Steps enough to see all data a few times, within bounds."""
    steps = PASSES * train_rows(spec) // spec.training.batch_size
    return ProbeBudget(steps=int(min(max(steps, 60), MOST_STEPS)), seconds=SECONDS)


def train_rows(spec: RunSpec) -> int:
    """About how many rows the train part has; 0 where the data set is not there any more."""
    try:
        dataset = get_dataset(spec.data.dataset)
    except EngineError:
        return 0
    split, rows = spec.data.split, float(dataset.rows)
    if isinstance(split, GivenSplit) and dataset.parts:
        rows = float(dataset.parts.get(Part.TRAIN, dataset.rows))
        rows *= 1.0 if Part.VALIDATION in dataset.parts else 1.0 - split.validation_fraction
    elif hasattr(split, "folds"):
        rows *= (1.0 - split.test_fraction) * (1.0 - 1.0 / split.folds)
    else:
        rows *= 1.0 - split.validation_fraction - split.test_fraction
    return int(rows * spec.data.train_fraction)


def sizes(spec: RunSpec, over: ScaleOver, budget: ProbeBudget) -> list[Size]:
    """The sizes that are probed, smallest first; those that the document cannot take are left out."""
    found: dict[float, Size] = {}
    for factor in FACTORS[over]:
        size = _size(spec, over, budget, factor)
        if size is not None and _is_valid(spec, size):
            found.setdefault(round(size.factor, 6), size)
    return [found[factor] for factor in sorted(found)]


def _size(spec: RunSpec, over: ScaleOver, budget: ProbeBudget, factor: float) -> Size | None:
    if over == "data":
        share = spec.data.train_fraction * factor
        return Size(factor, {"data.train_fraction": share} if factor != 1.0 else {}, budget) if share <= 1.0 else None
    if over == "epochs":
        steps = max(1, round(budget.steps * factor))
        return Size(steps / budget.steps, {}, budget.model_copy(update={"steps": steps}))
    changes = _wider(spec, factor) if over == "width" else _deeper(spec, factor)
    if changes is None:
        return None
    return Size(changes[0], changes[1] if changes[0] != 1.0 else {}, budget)


def _is_valid(spec: RunSpec, size: Size) -> bool:
    try:
        size.budget.lay_over(spec.edit(size.changes))
    except EngineError:
        return False
    return True


def _wider(spec: RunSpec, factor: float) -> tuple[float, dict[str, Any]] | None:
    """Every width times a factor; the factor that came of it is that of the largest one."""
    changes: dict[str, Any] = {}
    largest, reached = 0.0, 1.0
    for path, value in _sized(spec, WIDTHS):
        new = (
            [max(1, round(one * factor)) for one in value] if isinstance(value, list) else max(1, round(value * factor))
        )
        changes[path] = new
        before, after = (max(v) if isinstance(v, list) else v for v in (value, new))
        if before > largest:
            largest, reached = before, after / before
    return (reached, changes) if changes else None


def _deeper(spec: RunSpec, factor: float) -> tuple[float, dict[str, Any]] | None:
    """Every count of layers times a factor; where a family has none, its lists of widths grow longer."""
    changes: dict[str, Any] = {}
    before = after = 0
    for path, value in _sized(spec, DEPTHS):
        new = (
            [max(1, round(one * factor)) for one in value] if isinstance(value, list) else max(1, round(value * factor))
        )
        changes[path] = new
        before += sum(value) if isinstance(value, list) else value
        after += sum(new) if isinstance(new, list) else new
    for path, value in _sized(spec, LISTS_THAT_DEEPEN) if not changes else ():
        if isinstance(value, list):
            length = max(1, round(len(value) * factor))
            changes[path] = [value[min(place * len(value) // length, len(value) - 1)] for place in range(length)]
            before, after = before + len(value), after + length
    return (after / before, changes) if changes and before else None


def _sized(spec: RunSpec, names: Sequence[str]) -> list[tuple[str, Any]]:
    """The knobs of the model with one of these names that are above 0, with their values."""
    found = [(knob.path, knob.value) for knob in knobs(spec) if knob.path.startswith("model.")]
    return [(path, value) for path, value in found if path.rsplit(".", 1)[-1] in names and value and value != [0]]


def _measured(known: Scaling, planned: Sequence[Size], found: Sequence[tuple[Size, ProbeRecord]]) -> Scaling:
    points = []
    for size in planned:
        values = [record.metrics[known.metric] for other, record in found if other is size and _counts(record, known)]
        if values:
            points.append(ScalePoint(factor=size.factor, value=sum(values) / len(values), values=tuple(values)))
    waiting = sum(not record.status.is_over for _size, record in found)
    missing = max(FEWEST_SIZES - len(points), 0)
    update: dict[str, Any] = {"measured": tuple(points), "waiting": waiting, "missing": missing}
    if missing and waiting:
        message = N_("Probes at several sizes are under way: {done} of {all} are done.")
        update["notice"] = {"message": message, "values": {"done": len(found) - waiting, "all": len(found)}}
    elif missing:
        message = N_("Too many sizes do not train; nothing can be said about larger ones.")
        update["notice"] = {"message": message, "values": {}}
    return known.model_copy(update=update)


def _counts(record: ProbeRecord, known: Scaling) -> bool:
    return record.status is ProbeStatus.FINISHED and not record.cut_off and known.metric in record.metrics


# ---- the curve, in the desk -----------------------------------------------------------------------------------------
def with_curve(known: Scaling) -> Scaling:
    """The same with the curve through what was measured, up to `REACH` times the largest size."""
    import numpy as np

    from engine.whatif.curves import SCALING, Prefix, extrapolate

    pairs = [(point.factor, value) for point in known.measured for value in point.values]
    factors, values = (np.array(part) for part in zip(*pairs, strict=True))
    squares = sum((value - point.value) ** 2 for point in known.measured for value in point.values)
    spare = len(values) - len(known.measured)
    reach = REACH * float(factors.max())
    ahead = np.unique(np.append(np.geomspace(factors.max() * 1.02, reach, 40), [f for f in ASKED if f > factors.max()]))
    noise = float(np.sqrt(squares / spare)) if spare >= 2 else 0.02 * float(np.ptp(values))
    prefix = Prefix(
        times=factors,
        values=values,
        future=ahead[ahead <= reach],
        counts=np.ones(len(ahead[ahead <= reach])),
        rates=np.ones(len(factors) + len(ahead[ahead <= reach])),
        areas=np.concatenate([factors, ahead[ahead <= reach]]),
        lower_is_better=not known.higher_is_better,
        bounds=(0.0, 1.0) if known.higher_is_better else (0.0, float("inf")),
        beliefs=replace(SCALING, noise=noise),
    )
    found = extrapolate(prefix)
    bands = np.quantile(found.means, [0.05, 0.5, 0.95], axis=0)
    course = [
        CoursePoint(x=float(x), low=float(low), value=float(value), high=float(high))
        for x, low, value, high in zip(prefix.future, *bands, strict=True)
    ]
    at = {round(point.x, 9): point for point in course}
    asked = tuple(at[factor] for factor in ASKED if factor in at)
    update = {"course": tuple(course), "asked": asked, "reach": reach, "families": found.families}
    return known.model_copy(update=update)
