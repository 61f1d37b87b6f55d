"""Figures of columns: a few passes over many columns of the Parquet file at once, in bounded memory, however many rows
there are. Numbers are added up by `engine.data.profile.numbers`; what needs a table of values, DuckDB counts."""

import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.data.database import literal, quote
from engine.data.profile import numbers
from engine.specs.records import ColumnRecord, DatasetRecord
from engine.specs.task import ColumnKind
from engine.store.datasets import PART_COLUMN, rows_path
from engine.store.home import cache_dir

MEMORY_LIMIT = "160MB"  # with Python, pandas and Arrow this stays below 0.4 GB for any number of rows
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
_BINS = 40
_TOP = 20
_MOST_CLASSES = 1_000
_EXACT_ROWS = 1_000_000  # up to here distinct values and quantiles are exact, beyond they are estimates
_QUANTILE_ROWS = 200_000  # looked at for the quantiles of longer tables
_COLUMNS_A_PASS = 32  # bounds the memory of one pass
_VALUES_HELD = 8_000_000  # picked for exact quantiles: 64 MB
_FAR = 10.0  # a range so many times the middle 98 % is cut there, so that the histogram shows something
_DATE_TYPES = ("DATE", "TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMP_MS", "TIMESTAMP_S", "TIMESTAMP WITH TIME ZONE")


class Rows:
    """The rows of a data set, open for questions."""

    def __init__(self, record: DatasetRecord) -> None:
        self.record = record
        self.path = rows_path(record.id)
        self._folder = Path(tempfile.mkdtemp(prefix="profile-", dir=cache_dir()))

    def __enter__(self) -> "Rows":
        import duckdb

        self._db = duckdb.connect(
            config={
                "memory_limit": MEMORY_LIMIT,
                "threads": 2,
                "temp_directory": str(self._folder),
                "preserve_insertion_order": False,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            }
        )
        self.types = {str(name): str(kind) for name, kind, *_ in self.ask(f"DESCRIBE SELECT * FROM {self.source}")}
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def source(self) -> str:
        """The rows as an SQL table, with their number as `file_row_number`."""
        return f"read_parquet({literal(self.path)}, file_row_number = true)"

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """The answer to a query as rows."""
        return list(self._db.execute(query).fetchall())

    def ask_arrays(self, query: str) -> dict[str, npt.NDArray[Any]]:
        """The answer to a query as arrays by column."""
        return dict(self._db.execute(query).fetchnumpy())

    # ---- columns --------------------------------------------------------------------------------------------------
    def describe(self, columns: Sequence[ColumnRecord], progress: Callable[[float], None]) -> list[dict[str, Any]]:
        """A `ColumnProfile` for each column."""
        found: list[dict[str, Any]] = []
        picked = max(self.record.rows // self._step(), 1)
        at_once = max(1, min(_COLUMNS_A_PASS, _VALUES_HELD // picked))
        for start in range(0, len(columns), at_once):

            def tell(share: float, first: int = start) -> None:
                progress(min(first + share * at_once, len(columns)) / len(columns))

            found += self._describe(columns[start : start + at_once], tell)
        return found

    def _describe(self, columns: Sequence[ColumnRecord], progress: Callable[[float], None]) -> list[dict[str, Any]]:
        drawn = [column.name for column in columns if self._is_number(column) or self._is_date(column)]
        places = numbers.places(self.path, drawn, step=self._step()) if drawn else {}
        progress(0.4)
        counted = self._count([column for column in columns if column.name not in places or not column.distinct])
        profiles = [self._profile_of(column, places.get(column.name), counted) for column in columns]
        bins = {profile["name"]: _bins_of(profile) for profile in profiles if "_edges" in profile}
        if bins:
            numbers.spread(self.path, bins)
        progress(0.8)
        for profile in profiles:
            if profile["name"] in bins:
                profile |= _histogram(bins[profile["name"]])
            if profile["kind"] == ColumnKind.CATEGORY:
                self._top(profile)
        progress(1.0)
        return [{key: v for key, v in profile.items() if not key.startswith("_")} for profile in profiles]

    def _is_number(self, column: ColumnRecord) -> bool:
        return column.kind is ColumnKind.NUMBER

    def _is_date(self, column: ColumnRecord) -> bool:
        return column.kind is ColumnKind.DATE and self.types[column.name] in _DATE_TYPES

    def _step(self) -> int:
        """Every so-many-th row is looked at for quantiles.

        Of 200,000 picked rows the rank of a median is known to 0.1 % (one standard deviation), closer than by a
        t-digest of all.
        """
        return 1 if self.record.rows <= _EXACT_ROWS else self.record.rows // _QUANTILE_ROWS

    def _count(self, columns: Sequence[ColumnRecord]) -> dict[str, dict[str, Any]]:
        """Missing values, distinct values where they are not known, and the length of texts."""
        parts: list[str] = []
        for column in columns:
            name = quote(column.name)
            distinct = str(column.distinct) if column.distinct else f"approx_count_distinct({name})"
            long = f"avg(length(CAST({name} AS VARCHAR)))" if column.kind is ColumnKind.TEXT else "0"
            parts.append(f"{{'missing': count(*) - count({name}), 'distinct': {distinct}, 'characters': {long}}}")
        if not parts:
            return {}
        answer = self.ask(f"SELECT {', '.join(parts)} FROM {self.source}")[0]
        return {column.name: figures for column, figures in zip(columns, answer, strict=True)}

    def _profile_of(
        self, column: ColumnRecord, place: numbers.Place | None, counted: dict[str, dict[str, Any]]
    ) -> dict[str, Any]:
        figures = counted.get(column.name, {})
        profile: dict[str, Any] = {
            "name": column.name,
            "kind": column.kind.value,
            "missing": self.record.rows - place.present if place else int(figures["missing"]),
            "distinct": int(column.distinct or figures["distinct"] or 0),
        }
        if column.kind is ColumnKind.TEXT:
            profile["mean_characters"] = round(float(figures["characters"] or 0.0), 1)
        if place is None or not place.present:
            return profile
        low, high = place.low, place.high
        if self._is_date(column):
            edges = np.linspace(low, high if high > low else low + 1.0, _BINS + 1)
            return profile | {"min": _iso(low), "max": _iso(high), "_edges": edges}
        quantiles = place.quantiles(QUANTILES)
        return profile | {
            "min": low,
            "max": high,
            "mean": place.mean,
            "std": place.std,
            "quantiles": {str(share): value for share, value in zip(QUANTILES, quantiles, strict=True)},
            "_edges": _edges(low, high, quantiles, place.whole),
        }

    def _top(self, profile: dict[str, Any]) -> None:
        name = quote(profile["name"])
        rows = self.ask(
            f"SELECT CAST({name} AS VARCHAR) AS value, count(*) AS n FROM {self.source} WHERE {name} IS NOT NULL "
            f"GROUP BY value ORDER BY n DESC, value LIMIT {_TOP}"
        )
        profile["top"] = [[str(value), int(count)] for value, count in rows]
        profile["other"] = self.record.rows - profile["missing"] - sum(count for _, count in profile["top"])

    # ---- the target -----------------------------------------------------------------------------------------------
    def classes(self, target: str) -> dict[str, int]:
        """Rows of each class, most frequent first."""
        name = quote(target)
        rows = self.ask(
            f"SELECT CAST({name} AS VARCHAR) AS value, count(*) AS n FROM {self.source} WHERE {name} IS NOT NULL "
            f"GROUP BY value ORDER BY n DESC, value LIMIT {_MOST_CLASSES}"
        )
        return {_class_name(str(value)): int(count) for value, count in rows}

    def parts(self, target: str) -> dict[str, dict[str, int]]:
        """Given part → class → rows; one nameless class where there are none."""
        if PART_COLUMN not in self.types:
            return {}
        name = f"coalesce(CAST({quote(target)} AS VARCHAR), '')" if target else "''"
        found: dict[str, dict[str, int]] = {}
        for part, value, count in self.ask(
            f"SELECT {quote(PART_COLUMN)} AS part, {name} AS value, count(*) AS n FROM {self.source} "
            f"GROUP BY part, value ORDER BY part, n DESC, value LIMIT {3 * _MOST_CLASSES}"
        ):
            found.setdefault(str(part), {})[_class_name(str(value))] = int(count)
        return found

    def sample(self, rows: int) -> pd.DataFrame:
        """Some rows, the same ones each time; all where there are no more."""
        table = self.source
        if self.record.rows > rows:  # every k-th row: no reservoir to keep, and each part and time gets its share
            step = -(-self.record.rows // rows)
            table = f"(SELECT * FROM {table} WHERE file_row_number % {step} = 0)"
        names = ", ".join(quote(column.name) for column in self.record.columns)
        return self._db.execute(f"SELECT {names} FROM {table} ORDER BY file_row_number").df()


def _bins_of(profile: dict[str, Any]) -> numbers.Bins:
    if "quantiles" not in profile:
        return numbers.Bins(profile["_edges"])
    first, third = profile["quantiles"]["0.25"], profile["quantiles"]["0.75"]
    reach = 1.5 * (third - first)
    return numbers.Bins(profile["_edges"], (first - reach, third + reach))


def _histogram(bins: numbers.Bins) -> dict[str, Any]:
    counts = [int(count) for count in bins.counts]
    edges = [float(edge) for edge in bins.edges]
    drawn = {"edges": edges, "counts": counts[1:-1], "below": counts[0], "above": counts[-1]}
    return {"histogram": drawn} | ({"outliers": bins.outliers} if bins.fences else {})


def _class_name(value: str) -> str:
    return value[:-2] if value.endswith(".0") and value[:-2].lstrip("-").isdigit() else value


def _edges(low: float, high: float, quantiles: list[float], whole: bool) -> npt.NDArray[np.float64]:
    """At most 40 bins: one for each whole number where there are few, else equal ones over the range that matters."""
    if whole and high - low < _BINS:
        return np.arange(low - 0.5, high + 1.0)
    first, last = quantiles[0], quantiles[-1]
    if last > first and high - low > _FAR * (last - first):
        low, high = max(low, first - (last - first)), min(high, last + (last - first))
    if whole:  # bins of equal numbers of whole numbers, else some would look fuller than they are
        width = float(np.ceil((high - low + 1) / _BINS))
        return np.arange(np.floor(low) - 0.5, high + width, width)[: _BINS + 1]
    return np.linspace(low, high if high > low else low + 1.0, _BINS + 1)


def _iso(seconds: float) -> str:
    return str(pd.Timestamp(seconds, unit="s").isoformat())
