"""Figures of columns, computed by DuckDB over the Parquet file: a few passes over all columns at once, in bounded
memory, however many rows there are."""

import math
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.data.database import literal, quote
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
_COLUMNS_A_QUERY = 32  # bounds the memory of one pass
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
        for start in range(0, len(columns), _COLUMNS_A_QUERY):
            chunk = columns[start : start + _COLUMNS_A_QUERY]
            profiles = self._count(chunk)
            progress((start + len(chunk) / 2) / len(columns))
            self._histograms(profiles)
            for profile in profiles:
                if profile["kind"] == ColumnKind.CATEGORY:
                    self._top(profile)
            found += [{key: v for key, v in profile.items() if not key.startswith("_")} for profile in profiles]
            progress((start + len(chunk)) / len(columns))
        return found

    def _expression(self, column: ColumnRecord) -> tuple[str, str]:
        """The SQL of a column, and how it is treated: "number", "date", "text" or "other"."""
        name, kind = quote(column.name), self.types[column.name]
        numeric = kind.startswith(("DECIMAL", "FLOAT", "DOUBLE")) or kind.endswith("INT") or kind.endswith("INTEGER")
        if column.kind is ColumnKind.NUMBER:
            plain = f"CAST({name} AS DOUBLE)" if numeric or kind == "BOOLEAN" else f"TRY_CAST({name} AS DOUBLE)"
            return (f"CASE WHEN isfinite({plain}) THEN {plain} END" if not kind.endswith("INT") else plain), "number"
        if column.kind is ColumnKind.DATE and kind in _DATE_TYPES:
            return f"epoch({name})", "date"
        if column.kind is ColumnKind.TEXT:
            return name, "text"
        return name, "other"

    def _count(self, columns: Sequence[ColumnRecord]) -> list[dict[str, Any]]:
        quantiles = self._quantiles(columns)
        parts: list[str] = []
        for column in columns:
            sql, role = self._expression(column)
            distinct = column.distinct or None
            counted = str(distinct) if distinct is not None else f"approx_count_distinct({quote(column.name)})"
            fields = [f"'missing': count(*) - count({sql})", f"'distinct': {counted}"]
            if role in ("number", "date"):
                fields += [f"'low': min({sql})", f"'high': max({sql})"]
            if role == "number":
                fields += [f"'mean': avg({sql})", f"'std': stddev_samp({sql})"]
                fields += [f"'whole': bool_and({sql} = round({sql}))"]
            if role == "text":
                fields += [f"'characters': avg(length(CAST({sql} AS VARCHAR)))"]
            parts.append("{" + ", ".join(fields) + "}")
        answer = self.ask(f"SELECT {', '.join(parts)} FROM {self.source}")[0]
        return [
            self._profile_of(column, {**figures, "q": quantiles.get(column.name)})
            for column, figures in zip(columns, answer, strict=True)
        ]

    def _quantiles(self, columns: Sequence[ColumnRecord]) -> dict[str, list[float] | None]:
        """`QUANTILES` of each number: exact, of long tables exact among rows picked evenly.

        Of 200,000 picked rows the rank of a median is known to 0.1 % (one standard deviation), closer than by the
        t-digest of `approx_quantile`, which also took most of the time of a profile.
        """
        wanted = "[" + ", ".join(map(str, QUANTILES)) + "]"
        numbers = [column for column in columns if self._expression(column)[1] == "number"]
        if not numbers:
            return {}
        asked = ", ".join(f"quantile_cont({self._expression(column)[0]}, {wanted})" for column in numbers)
        step = 1 if self.record.rows <= _EXACT_ROWS else self.record.rows // _QUANTILE_ROWS
        where = f"WHERE file_row_number % {step} = 0" if step > 1 else ""
        (row,) = self.ask(f"SELECT {asked} FROM {self.source} {where}")
        return {column.name: found for column, found in zip(numbers, row, strict=True)}

    def _profile_of(self, column: ColumnRecord, figures: dict[str, Any]) -> dict[str, Any]:
        sql, role = self._expression(column)
        profile: dict[str, Any] = {
            "name": column.name,
            "kind": column.kind.value,
            "missing": int(figures["missing"]),
            "distinct": int(figures["distinct"] or 0),
            "_sql": sql,
            "_role": role,
        }
        if role == "text":
            profile["mean_characters"] = round(float(figures["characters"] or 0.0), 1)
        if role not in ("number", "date") or figures["low"] is None:
            return profile
        low, high = float(figures["low"]), float(figures["high"])
        profile["_edges"] = np.linspace(low, high if high > low else low + 1.0, _BINS + 1)
        if role == "date":
            profile |= {"min": _iso(low), "max": _iso(high)}
            return profile
        # A column with gaps nearly everywhere may have no value among the rows that were picked.
        quantiles = [float(value) for value in figures["q"] or np.linspace(low, high, len(QUANTILES))]
        std = figures["std"]
        profile |= {
            "min": low,
            "max": high,
            "mean": float(figures["mean"]),
            "std": 0.0 if std is None or math.isnan(std) else float(std),
            "quantiles": {str(share): value for share, value in zip(QUANTILES, quantiles, strict=True)},
            "_edges": _edges(low, high, quantiles, bool(figures["whole"])),
        }
        return profile

    def _histograms(self, profiles: list[dict[str, Any]]) -> None:
        """Counts by bin and outliers of all numbers and dates, in one pass."""
        drawn = [profile for profile in profiles if "_edges" in profile]
        parts: list[str] = []
        for profile in drawn:
            sql, edges = profile["_sql"], profile["_edges"]
            step = (edges[-1] - edges[0]) / (len(edges) - 1)
            # The bin of a value; the last bin holds its upper edge; -1 and `bins` are below and above.
            place = f"floor(({sql} - {float(edges[0])!r}) / {float(step)!r})"
            last = len(edges) - 2
            first_edge, last_edge = float(edges[0]), float(edges[-1])
            bin_of = (
                f"CASE WHEN {sql} IS NULL THEN NULL WHEN {sql} < {first_edge!r} THEN -1 "
                f"WHEN {sql} > {last_edge!r} THEN {last + 1} ELSE least({last}, greatest(0, {place})) END"
            )
            fields = [f"'bins': histogram(CAST({bin_of} AS TINYINT))"]
            if "quantiles" in profile:
                first, third = profile["quantiles"]["0.25"], profile["quantiles"]["0.75"]
                reach = 1.5 * (third - first)
                fields.append(f"'out': count_if({sql} < {first - reach!r} OR {sql} > {third + reach!r})")
            parts.append("{" + ", ".join(fields) + "}")
        if not parts:
            return
        answer = self.ask(f"SELECT {', '.join(parts)} FROM {self.source}")[0]
        for profile, figures in zip(drawn, answer, strict=True):
            bins = {int(place): int(count) for place, count in (figures["bins"] or {}).items()}
            count = len(profile["_edges"]) - 1
            profile["histogram"] = {
                "edges": [float(edge) for edge in profile["_edges"]],
                "counts": [bins.get(place, 0) for place in range(count)],
                "below": bins.get(-1, 0),
                "above": bins.get(count, 0),
            }
            if "out" in figures:
                profile["outliers"] = int(figures["out"])

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
