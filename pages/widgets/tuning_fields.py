"""Which fields of a document can be searched, and the range or choice with which the search of one begins."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.errors import EngineError
from engine.specs import RunSpec
from engine.specs.knobs import Knob, knobs, show
from engine.specs.search import Dimension, FloatRange, IntRange, Options, SearchSpec
from pages.widgets.fields import UNITS, value_label
from pages.widgets.text import _

When = dict[str, tuple[Any, ...]]
LOG_FACTOR = 10.0  # a log range begins at a tenth and ends at ten times the present value
SMALL_LOG = (1e-6, 1e-2)  # where the present value is 0, which has no place on a log scale
MOST_CHOICES = 12  # a choice of more begins with its first


@dataclass(frozen=True)
class Field:
    """A field that can be searched; `when` names the values of other fields under which it exists."""

    knob: Knob
    when: When

    @property
    def path(self) -> str:
        """Its dotted path in the document."""
        return self.knob.path

    def title(self) -> str:
        """ "Optimizer › Learning rate (examples)", translated; no markdown."""
        unit = self.knob.unit
        name = _(self.knob.title) + (f" ({_(UNITS.get(unit, unit))})" if unit else "")
        return f"{_(self.knob.group)} › {name}" if self.knob.group and self.knob.group != self.knob.title else name

    def short_title(self) -> str:
        """The same without the part of the document it stands in."""
        return _(self.knob.title)

    def label_of(self, value: Any) -> str:
        """A value as a person reads it."""
        for choice, label in zip(self.knob.choices, self.knob.labels, strict=False):
            if choice == value or (isinstance(choice, tuple) and list(choice) == value):
                return text_of(value) if label == show(choice) else _(label)
        return text_of(value)


def text_of(value: Any) -> str:
    """A value in a table or a chip."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return " · ".join(text_of(item) for item in value)
    return str(value) if isinstance(value, int) else value_label(value)


def searchable(spec: RunSpec, search: SearchSpec | None = None) -> dict[str, Field]:
    """Every field that can be searched by its path: of the document, then of the kinds that the search may choose.

    Where the optimizer is searched, the momentum of SGD is a field although the document has AdamW; it depends on the
    optimizer. Where two kinds share a field, it depends on either.
    """
    base = spec.model_copy(update={"search": None})
    found = {knob.path: Field(knob, {}) for knob in knobs(base)}
    for dimension in search.dimensions if search else ():
        if not dimension.path.endswith(".kind") or not isinstance(dimension, Options):
            continue
        for kind in dimension.values:
            for knob in _knobs_with(base, dimension.path, kind):
                known = found.get(knob.path)
                if known is None:
                    found[knob.path] = Field(knob, {dimension.path: (kind,)})
                elif known.when:
                    kinds = known.when.get(dimension.path, ())
                    found[knob.path] = Field(known.knob, {dimension.path: tuple(dict.fromkeys((*kinds, kind)))})
    return found


def _knobs_with(spec: RunSpec, path: str, kind: Any) -> list[Knob]:
    try:
        return knobs(spec.edit({path: kind}))
    except EngineError:  # a value that the document does not take; the row of that dimension says so
        return []


def dimension_for(field: Field) -> Dimension:
    """The range or choice with which the search of a field begins, around its present value."""
    knob, when = field.knob, dict(field.when)
    if knob.kind == "bool":
        return Options(path=knob.path, values=(False, True), when=when)
    if knob.kind == "choice":
        values = [list(choice) if isinstance(choice, tuple) else choice for choice in knob.choices]
        return Options(path=knob.path, values=tuple(values[:MOST_CHOICES]), when=when)
    low, high, scale = range_around(knob)
    if knob.kind == "int":
        return IntRange(
            path=knob.path, low=round(low), high=round(high), step=_whole_step(knob), scale=scale, when=when
        )
    return FloatRange(path=knob.path, low=low, high=high, scale=scale, when=when)


def range_around(knob: Knob) -> tuple[float, float, Any]:
    """(low, high, scale) of a range that holds the present value and stays within the field's bounds."""
    lowest = -math.inf if knob.low is None else knob.low
    highest = math.inf if knob.high is None else knob.high
    value = float(knob.value or 0)
    if knob.scale == "log":
        factor = 4.0 if knob.kind == "int" else LOG_FACTOR
        low, high = (value / factor, value * factor) if value > 0 else SMALL_LOG
        low = max(low, lowest if lowest > 0 else 0.0, 1.0 if knob.kind == "int" else 0.0)
        return rounded(low), rounded(min(high, highest)), "log"
    span = highest - lowest
    if math.isfinite(span) and (span <= 20 * abs(value) or (value == lowest and knob.kind == "float")):
        low = lowest if value <= lowest + span / 2 else value - span / 2
        high = lowest + span / 4 if value == lowest else 2 * value - lowest
        return min(max(rounded(low), lowest), highest), min(max(rounded(high), lowest), highest), "linear"
    step = knob.step or (1.0 if knob.kind == "int" else max(abs(value), 0.1))
    low, high = max(lowest, value / 2 if value else lowest), min(highest, max(value * 2, value + 4 * step))
    return rounded(low if math.isfinite(low) else 0.0), rounded(high), "linear"


def _whole_step(knob: Knob) -> int:
    return round(knob.step) if knob.step and knob.scale != "log" and knob.step > 1 else 0


def rounded(number: float) -> float:
    """Three digits: ends of ranges are chosen by hand, not measured."""
    return float(f"{number:.3g}")


def as_range(field: Field, options: Options) -> Dimension:
    """A choice of numbers as the range that they span."""
    numbers = [float(value) for value in options.values if isinstance(value, int | float)]
    base = dimension_for(field)
    if len(numbers) < 2 or isinstance(base, Options):
        return base
    return type(base).model_validate(dict(base) | {"low": min(numbers), "high": max(numbers), "when": options.when})


def as_options(field: Field, dimension: Dimension) -> Options:
    """A range as the choice of its ends and the middle, by its scale."""
    low, high = float(dimension.low), float(dimension.high)  # type: ignore[attr-defined]
    is_log = dimension.scale == "log" and low > 0  # type: ignore[attr-defined]
    middle = math.sqrt(low * high) if is_log else (low + high) / 2
    whole = field.knob.kind == "int"
    values = dict.fromkeys(round(number) if whole else rounded(number) for number in (low, middle, high))
    return Options(path=field.path, values=tuple(values), when=dict(dimension.when))


def started_with(spec: RunSpec, variants: Sequence[Mapping[str, Any]]) -> RunSpec:
    """The document with a search that tries some variants of it first.

    Fields that the variants change and that are not searched yet are added, each with a range or choice that holds
    the present value and theirs.

    Args:
        spec: the baseline; a search that it has already is kept and added to.
        variants: changes by dotted path, one mapping a variant.
    """
    search = spec.search or SearchSpec()
    known = searchable(spec, search)
    dimensions = {dimension.path: dimension for dimension in search.dimensions}
    for path, value in (pair for variant in variants for pair in variant.items()):
        if path in known:
            before = dimensions.get(path) or dimension_for(known[path])
            dimensions[path] = holding(known[path], before, value)
    points = [
        *search.start_points,
        *(dict(variant) for variant in variants if dict(variant) not in search.start_points),
    ]
    wider = search.model_copy(update={"dimensions": tuple(dimensions.values()), "start_points": tuple(points)})
    return spec.model_copy(update={"search": wider})


def holding(field: Field, dimension: Dimension, value: Any) -> Dimension:
    """The dimension, made wide enough to hold a value."""
    if isinstance(dimension, Options):
        plain = list(value) if isinstance(value, tuple) else value
        return dimension if plain in dimension.values else with_values(dimension, values=(*dimension.values, plain))
    if not isinstance(value, int | float) or isinstance(value, bool):
        return dimension
    low, high = dimension.low, dimension.high  # type: ignore[attr-defined]
    if dimension.scale == "log" and value <= 0:  # type: ignore[attr-defined]
        return holding(field, as_options(field, dimension), value)
    return dimension if low <= value <= high else with_values(dimension, low=min(low, value), high=max(high, value))


def with_values(dimension: Dimension, **values: Any) -> Dimension:
    """The dimension with other values, checked anew."""
    return type(dimension).model_validate(dict(dimension) | values)
