"""Figures of numbers and dates over all rows, portion by portion, by two threads; memory does not grow with the rows.

Two passes: the first one finds where a column lies, the second one counts its histogram there.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
_Found = TypeVar("_Found")
_THREADS = 2
_GROUPS_AHEAD = 4
_MICROSECONDS = 1e6


@dataclass
class Place:
    """Where the values of a column lie."""

    present: int = 0
    low: float = np.inf
    high: float = -np.inf
    mean: float = 0.0
    squares: float = 0.0  # sum of the squared distances from the mean
    whole: bool = True
    picked: list[Values] = field(default_factory=list)  # values of the rows that were picked

    @property
    def std(self) -> float:
        """Of the sample (n - 1); 0 for a single value."""
        return float(np.sqrt(self.squares / (self.present - 1))) if self.present > 1 else 0.0

    def quantiles(self, shares: Sequence[float]) -> list[float]:
        """Of the picked values, between neighbours as pandas has it; of a straight line where none was picked."""
        picked = np.concatenate(self.picked) if self.picked else np.zeros(0)
        if not len(picked):
            return [float(value) for value in self.low + (self.high - self.low) * np.array(shares)]
        return [float(value) for value in np.quantile(picked, shares)]

    def merge(self, other: "Place") -> None:
        """Take the rows that follow (Chan, Golub & LeVeque 1979 for mean and squares)."""
        self.picked += other.picked
        if not other.present:
            return
        total = self.present + other.present
        apart = other.mean - self.mean
        self.squares += other.squares + apart * apart * self.present * other.present / total
        self.mean += apart * other.present / total
        self.present = total
        self.low, self.high = min(self.low, other.low), max(self.high, other.high)
        self.whole = self.whole and other.whole


@dataclass
class Bins:
    """How the values of a column are spread."""

    edges: Values  # (bins + 1,), equally far apart
    fences: tuple[float, float] | None = None  # values beyond them are outliers
    counts: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))  # below, (bins,), above
    outliers: int = 0

    def counted(self, values: Values) -> "Bins":
        """The same bins with the counts of some values."""
        values = np.sort(values)  # then few searches count them, sooner than a division for each value
        starts = np.searchsorted(values, self.edges)
        starts[-1] = np.searchsorted(values, self.edges[-1], side="right")  # the last bin holds its upper edge
        outliers = 0
        if self.fences is not None:
            low, high = self.fences
            outliers = int(np.searchsorted(values, low) + len(values) - np.searchsorted(values, high, side="right"))
        return Bins(self.edges, self.fences, np.diff(starts, prepend=0, append=len(values)), outliers)

    def merge(self, other: "Bins") -> None:
        """Take the rows that follow."""
        self.counts = self.counts + other.counts if len(self.counts) else other.counts
        self.outliers += other.outliers


def places(path: Path, names: Sequence[str], *, step: int) -> dict[str, Place]:
    """Where the values of columns lie.

    Args:
        path: a Parquet file.
        names: numbers, and dates, which are taken as Unix seconds; what is neither is no value.
        step: every so-many-th row is picked for the quantiles.
    """
    found = {name: Place() for name in names}

    def look(table: Any, start: int) -> dict[str, Place]:
        return {name: _place(table.column(name), -start % step, step) for name in names}

    for portion in _by_group(path, names, look):
        for name, place in portion.items():
            found[name].merge(place)
    return found


def spread(path: Path, bins: Mapping[str, Bins]) -> None:
    """Count the values of columns into their bins."""

    def look(table: Any, start: int) -> dict[str, Bins]:
        return {name: empty.counted(values_of(table.column(name))) for name, empty in bins.items()}

    for portion in _by_group(path, list(bins), look):
        for name, counted in portion.items():
            bins[name].merge(counted)


def _place(column: Any, first: int, step: int) -> Place:
    values = values_of(column)
    picked = values if step == 1 else values_of(column.take(_every(first, step, len(column))))
    if not len(values):
        return Place()
    mean = float(values.mean())
    apart = values - mean
    np.square(apart, out=apart)  # a dot product would start threads of its own
    return Place(len(values), float(values.min()), float(values.max()), mean, float(apart.sum()),
                 _is_whole(column.type) or _are_whole(values), [picked])  # fmt: skip


def _every(first: int, step: int, rows: int) -> Any:
    import pyarrow as pa

    return pa.array(np.arange(first, rows, step))


def _are_whole(values: Values) -> bool:
    return all(bool((part == np.floor(part)).all()) for part in (values[:100], values))


def _is_whole(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_integer(kind))


def values_of(column: Any) -> Values:
    """The finite values of a pyarrow column as numbers: dates as Unix seconds, texts as what they say."""
    import pyarrow as pa

    if column.null_count:
        column = column.drop_null()
    kind = column.type
    if pa.types.is_temporal(kind):
        values = column.cast(pa.timestamp("us", getattr(kind, "tz", None))).cast(pa.int64()).to_numpy() / _MICROSECONDS
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        import pandas as pd

        values = pd.to_numeric(pd.Series(column.to_pylist(), dtype=object), errors="coerce").to_numpy(np.float64)
    else:
        values = column.cast(pa.float64(), safe=False).to_numpy()
    known = np.isfinite(values)
    return np.asarray(values if known.all() else values[known], dtype=np.float64)


def _by_group(path: Path, names: Sequence[str], look: Callable[[Any, int], _Found]) -> Iterator[_Found]:
    """What `look` finds in each row group, which it is given with the number of its first row; in order."""
    from pyarrow import parquet

    own = threading.local()  # a reader serves one thread at a time
    metadata = parquet.read_metadata(path)

    def work(group: int, start: int) -> _Found:
        if not hasattr(own, "file"):
            own.file = parquet.ParquetFile(path, metadata=metadata, pre_buffer=False)
        return look(own.file.read_row_group(group, columns=list(names), use_threads=False), start)

    ahead: deque[Future[_Found]] = deque()
    start = 0
    with ThreadPoolExecutor(_THREADS) as pool:
        for group in range(metadata.num_row_groups):
            ahead.append(pool.submit(work, group, start))
            start += metadata.row_group(group).num_rows
            if len(ahead) >= _GROUPS_AHEAD:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
