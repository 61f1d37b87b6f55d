"""From columns of text to typed columns: gaps, whole numbers, numbers, dates; the rest stays text.

Everything is looked at, not a sample: one word in row 900,000 keeps a column text (and a warning says so).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.data import database
from engine.data.database import quote
from engine.data.readers.base import Context, Table
from engine.text import N_

MISSING = ("", "?", "na", "n/a", "#n/a", "nan", "-nan", "null", "none", "<na>", "\\n", "inf", "-inf", "infinity")
_NONE_IS_A_GAP = 0.98  # share of the other values that must be numbers before a few words are named in a warning
_DATE_FORMATS = ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ",
                 "%Y-%m-%d %H:%M:%S.%f", "%Y/%m/%d", "%Y/%m/%d %H:%M", "%Y/%m/%d %H:%M:%S", "%d.%m.%Y",
                 "%d.%m.%Y %H:%M", "%m/%d/%Y", "%d/%m/%Y", "%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M", "%m/%d/%y", "%Y-%m",
                 "%Y年%m月%d日", "%b %d, %Y", "%B %d, %Y", "%d-%b-%Y", "%d-%b-%y", "%d %b %Y")  # fmt: skip
_COLUMNS_A_QUERY = 64  # keeps a query over thousands of columns within DuckDB's memory
_SAMPLE_FOR_DATES = 2000


@dataclass(frozen=True)
class _Counts:
    """What one column of text holds."""

    present: int
    whole: int  # integers
    numbers: int
    comma_numbers: int  # 1,5
    padded: int  # 007: a code, not a number


def type_columns(table: Table, target: Path, context: Context) -> None:
    """Write `table` to `target` with every column in the type that all its values have."""
    connection = database.connect(context.work_dir)
    try:
        if table.typed:
            expressions = _canonical(connection, table)
        else:
            context.progress(0.4, N_("Looking at the columns"))
            counts = _count(connection, table)
            expressions = {name: _expression(connection, table, name, counts[name], context) for name in table.columns}
        context.progress(0.6, N_("Writing the rows"))
        selected = ", ".join(f"{expression} AS {quote(name)}" for name, expression in expressions.items())
        connection.execute(database.copy_to(f"SELECT {selected} FROM {database.source(table.path)}", target))  # noqa: S608
    finally:
        connection.close()


def cleaned(name: str) -> str:
    """SQL of a text value without blanks around it, NULL where it means a gap."""
    gaps = ", ".join(database.literal(word) for word in MISSING)
    trimmed = f"trim({quote(name)}, ' ' || chr(9) || chr(10) || chr(13) || chr(160) || chr(12288))"
    return f"CASE WHEN lower({trimmed}) IN ({gaps}) THEN NULL ELSE {trimmed} END"


def _count(connection: Any, table: Table) -> dict[str, _Counts]:
    found: dict[str, _Counts] = {}
    for start in range(0, len(table.columns), _COLUMNS_A_QUERY):
        names = table.columns[start : start + _COLUMNS_A_QUERY]
        values = ", ".join(f"{cleaned(name)} AS v{i}" for i, name in enumerate(names))
        asked = ", ".join(
            f"count(v{i}), count(TRY_CAST(v{i} AS BIGINT)) FILTER (v{i} NOT LIKE '%.%' AND v{i} NOT ILIKE '%e%'), "
            f"count(TRY_CAST(v{i} AS DOUBLE)), "
            + (f"count(TRY_CAST(replace(v{i}, ',', '.') AS DOUBLE)), " if table.decimal_comma else "0, ")
            + f"count(*) FILTER (v{i} LIKE '0%' AND regexp_full_match(v{i}, '0[0-9]+'))"
            for i in range(len(names))
        )
        row = connection.execute(f"SELECT {asked} FROM (SELECT {values} FROM {database.source(table.path)})").fetchone()  # noqa: S608 - names are quoted
        found |= {name: _Counts(*row[5 * i : 5 * i + 5]) for i, name in enumerate(names)}
    return found


def _expression(connection: Any, table: Table, name: str, counts: _Counts, context: Context) -> str:
    """SQL that turns a column of text into its own type."""
    value = cleaned(name)
    if counts.present == 0 or counts.padded:
        return value
    if counts.whole == counts.present:
        return f"CAST({value} AS BIGINT)"
    if counts.numbers == counts.present:
        return f"CAST({value} AS DOUBLE)"
    if table.decimal_comma and counts.comma_numbers == counts.present:
        return f"CAST(replace({value}, ',', '.') AS DOUBLE)"
    if counts.numbers >= _NONE_IS_A_GAP * counts.present:
        context.warn(
            N_("The column {column} in {file} holds numbers, but also {count} other values: it was kept as text."),
            column=name,
            file=table.name,
            count=counts.present - counts.numbers,
        )
    date = _date_format(connection, table, name) if counts.numbers == 0 else None
    return f"CAST(strptime({value}, {database.literal(date)}) AS TIMESTAMP)" if date else value


def _date_format(connection: Any, table: Table, name: str) -> str | None:
    """The first format that reads every value; candidates are found in a sample, then held to the whole column."""
    source, value = database.source(table.path), cleaned(name)
    sample = f"SELECT v FROM (SELECT {value} AS v FROM {source}) WHERE v IS NOT NULL LIMIT {_SAMPLE_FOR_DATES}"  # noqa: S608
    for written in _DATE_FORMATS:
        asked = f"SELECT count(*) - count(TRY_STRPTIME(v, {database.literal(written)})) FROM "  # noqa: S608
        if connection.execute(f"{asked} ({sample})").fetchone()[0]:
            continue
        whole = f"(SELECT {value} AS v FROM {source}) WHERE v IS NOT NULL"  # noqa: S608
        if connection.execute(asked + whole).fetchone()[0] == 0:
            return written
    return None


def _canonical(connection: Any, table: Table) -> dict[str, str]:
    """Typed columns (Parquet, JSON, Excel) in one of four types, so that equal content is stored equally."""
    described = connection.execute(f"DESCRIBE SELECT * FROM {database.source(table.path)}").fetchall()  # noqa: S608
    return {name: _canonical_expression(name, str(kind)) for name, kind, *_ in described}


def _canonical_expression(name: str, kind: str) -> str:
    column = quote(name)
    if kind in {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"}:
        return f"CAST({column} AS BIGINT)"
    if kind in {"FLOAT", "DOUBLE", "UBIGINT", "HUGEINT", "UHUGEINT"} or kind.startswith("DECIMAL"):
        return f"CASE WHEN isnan(CAST({column} AS DOUBLE)) THEN NULL ELSE CAST({column} AS DOUBLE) END"
    if kind.startswith(("DATE", "TIMESTAMP")):
        return f"CAST({column} AS TIMESTAMP)"
    if kind == "VARCHAR":
        return cleaned(name)
    return f"CAST({column} AS VARCHAR)"  # truth values, times, lists
