"""Documents as rows of numbers between 0 and 1: what varies among them, on the scale in which people think of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.specs import RunSpec, flatten
from engine.specs.knobs import knobs, title_of
from engine.text import N_
from engine.whatif.observations import IGNORED, NOISE

Array = NDArray[np.float64]
MARGIN = 0.05  # of a knob's range: so far beyond it still counts as inside
_LOG_RATIO = 20.0  # positive numbers that differ by more are thought of in factors


@dataclass(frozen=True)
class Column:
    """One field that varies.

    Attributes:
        path: dotted.
        title: of the field, marked for translation.
        values: that were tried, texts or numbers.
        numeric: numbers (lists of numbers count by their length and their sum); else a choice.
        logarithmic: on a log scale.
        low: smallest number tried, on that scale.
        high: largest.
    """

    path: str
    title: str
    values: tuple[Any, ...]
    numeric: bool
    logarithmic: bool = False
    low: float = 0.0
    high: float = 0.0

    def place(self, value: Any) -> float:
        """Where a number lies: 0 at the smallest that was tried, 1 at the largest; NaN where there is none."""
        number = _number(value)
        if number is None:
            return float("nan")
        number = self._scaled(number)
        return (number - self.low) / (self.high - self.low) if self.high > self.low else 0.5 + (number - self.low)

    def _scaled(self, number: float) -> float:
        if not self.logarithmic:
            return number
        floor = min((abs(_number(value) or 0.0) for value in self.values if _number(value)), default=1.0)
        return float(np.log10(max(number, 0.1 * floor)))


class Table:
    """The varying fields of some documents, and documents as rows.

    Args:
        specs: what was tried.
        left_out: beginnings of paths that are no features.
    """

    def __init__(self, specs: Sequence[RunSpec], left_out: Sequence[str] = ()) -> None:
        self._left_out = (*IGNORED, *NOISE, *left_out)
        flat = [self.leaves(spec) for spec in specs]
        self.constants: dict[str, Any] = {}
        self.columns: list[Column] = []
        scales = {knob.path: knob.scale for knob in knobs(specs[0])} if specs else {}
        for path in dict.fromkeys(path for leaves in flat for path in leaves):
            values = [leaves.get(path) for leaves in flat]
            distinct = list(dict.fromkeys(_hashable(value) for value in values))
            if len(distinct) == 1:
                self.constants[path] = distinct[0]
            else:
                title = next((name for spec in specs if (name := title_of(spec, path))), path)
                self.columns.append(_column(path, title, distinct, scales.get(path, "")))

    def leaves(self, spec: RunSpec) -> dict[str, Any]:
        """The fields of a document that count."""
        return {path: value for path, value in flatten(spec).items() if not path.startswith(self._left_out)}

    def rows(self, specs: Sequence[RunSpec]) -> Array:
        """Documents as numbers `(documents, features)`; numbers beyond what was tried leave 0 to 1."""
        return np.array([self._row(self.leaves(spec)) for spec in specs], float)

    def _row(self, leaves: dict[str, Any]) -> list[float]:
        row: list[float] = []
        for column in self.columns:
            value = _hashable(leaves.get(column.path))
            if column.numeric:
                place = column.place(value)
                row.append(0.5 if np.isnan(place) else place)
                if None in column.values:
                    row.append(1.0 if value is None else 0.0)
                if any(isinstance(other, tuple) for other in column.values):
                    longest = max(len(other) for other in column.values if isinstance(other, tuple))
                    row.append(len(value) / max(longest, 1) if isinstance(value, tuple) else 0.0)
            else:  # two of them are as far from each other as the ends of a number's range
                row += [float(value == other) / np.sqrt(2.0) for other in column.values]
        return row

    def leaves_what_was_tried(self, spec: RunSpec, base: RunSpec) -> dict[str, Any] | None:
        """The first field in which a document lies beyond what was tried, as a sentence, or None where it lies inside.

        Args:
            spec: the document.
            base: one that lies inside, by which a changed field is told from one that is simply not there.
        """
        leaves, own = self.leaves(spec), self.leaves(base)
        for column in self.columns:
            value = _hashable(leaves.get(column.path))
            values = {"title": column.title, "value": _shown(value)}
            if value is None:  # the document has no such field: its kind, which has, says whether that was tried
                continue
            if column.numeric:
                if not -MARGIN <= column.place(value) <= 1.0 + MARGIN:
                    tried = sorted(v for v in map(_number, column.values) if v is not None)
                    values |= {"low": _shown(tried[0]), "high": _shown(tried[-1])}
                    return {
                        "message": N_("{title} {value} lies beyond what was tried ({low} to {high})."),
                        "values": values,
                    }
            elif value not in column.values:
                return {"message": N_("{title} {value} was not tried yet."), "values": values}
        known = {column.path for column in self.columns}
        for path, raw in leaves.items():
            value = _hashable(raw)
            if path in known or self.constants.get(path) == value or _same_as_before(path, value, own, self.constants):
                continue
            values = {"title": title_of(spec, path) or path, "value": _shown(value)}
            return {"message": N_("{title} was never changed so far; {value} is new."), "values": values}
        return None


def _same_as_before(path: str, value: Any, own: dict[str, Any], constants: dict[str, Any]) -> bool:
    """A field that no result knows (it came with a later version of Lathe) and that the change leaves as it is."""
    return path not in constants and _hashable(own.get(path)) == value


def _column(path: str, title: str, distinct: list[Any], scale: str) -> Column:
    numbers = [_number(value) for value in distinct if value is not None]
    if any(number is None for number in numbers):
        return Column(path, title, tuple(distinct), numeric=False)
    found = [float(number) for number in numbers if number is not None]
    positive = [number for number in found if number > 0]
    wide = len(positive) == len(found) and max(positive) / min(positive) >= _LOG_RATIO
    logarithmic = bool(positive) and (scale == "log" or wide)
    column = Column(path, title, tuple(distinct), numeric=True, logarithmic=logarithmic)
    scaled = [column._scaled(number) for number in found]
    return Column(path, title, tuple(distinct), True, logarithmic, min(scaled), max(scaled))


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, tuple) and value and all(isinstance(v, int) and not isinstance(v, bool) for v in value):
        return float(sum(value))
    return None


def _hashable(value: Any) -> Any:
    return tuple(_hashable(item) for item in value) if isinstance(value, list | tuple) else value


def _shown(value: Any) -> str:
    from engine.specs.knobs import show

    return show(value)
