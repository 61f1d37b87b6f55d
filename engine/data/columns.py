"""From columns of text to typed columns: gaps, whole numbers, numbers, dates; the rest stays text.

Everything is looked at, not a sample: one word in row 900,000 keeps a column text (and a warning says so).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.data import database
from engine.data.database import quote
from engine.data.readers.base import Context, Table
from engine.text import N_

MISSING = ("", "?", "na", "n/a", "#n/a", "nan", "-nan", "null", "none", "<na>", "\\n", "inf", "-inf", "infinity")
GAPS = sorted({"".join(way) for word in MISSING for way in itertools.product(*({c, c.upper()} for c in word))})
_NONE_IS_A_GAP = 0.98  # share of the other values that must be numbers before a few words are named in a warning
DATE_FORMATS = ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ",
                 "%Y-%m-%d %H:%M:%S.%f", "%Y/%m/%d", "%Y/%m/%d %H:%M", "%Y/%m/%d %H:%M:%S", "%d.%m.%Y",
                 "%d.%m.%Y %H:%M", "%m/%d/%Y", "%d/%m/%Y", "%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M", "%m/%d/%y", "%Y-%m",
                 "%Y年%m月%d日", "%b %d, %Y", "%B %d, %Y", "%d-%b-%Y", "%d-%b-%y", "%d %b %Y")  # fmt: skip
BLANKS = " \t\n\r\u00a0\u3000"
_ANY_BLANKS = r"[ \t\n\r\x{a0}\x{3000}]*"  # the same for a pattern
_COLUMNS_A_QUERY = 24  # each step of an expression holds a vector: keeps wide tables within DuckDB's memory
_SAMPLE_FOR_DATES = 2000


@dataclass(frozen=True)
class Counts:
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
            source = database.source(table.path)
            counts = count_values(connection, source, table.columns, decimal_comma=table.decimal_comma)
            expressions = {name: _expression(connection, table, name, counts[name], context) for name in table.columns}
        context.progress(0.6, N_("Writing the rows"))
        selected = ", ".join(f"{expression} AS {quote(name)}" for name, expression in expressions.items())
        connection.execute(database.copy_to(f"SELECT {selected} FROM {database.source(table.path)}", target))  # noqa: S608
    finally:
        connection.close()


def cleaned(name: str) -> str:
    """SQL of a text value without blanks around it, NULL where it means a gap.

    Trimming and comparing cost more than reading does, so only values that may need it go that way: those that begin
    as a gap does, and those with a blank at an end.
    """
    value = quote(name)
    last = f"{value}[-1]"
    edges = f"{value} < '!' OR {value} > '~' OR {last} < '!' OR {last} > '~'"  # blanks, and all beyond ASCII
    letters = sorted({word[:1].upper() for word in MISSING if word[:1].isalpha()})
    starts = [f"({value} >= '{a}' AND {value} < '{chr(ord(a) + 1)}')" for b in letters for a in (b, b.lower())]
    short = (
        f"strlen({value}) <= {max(map(len, MISSING))} AND ({value} < '@' OR {value}[1] = '\\' OR {' OR '.join(starts)})"
    )
    words = f"chr(31) || {' || '.join(f'{database.literal(word)} || chr(31)' for word in MISSING)}"
    return (
        f"CASE WHEN {edges} THEN CASE WHEN {is_gap(value)} THEN NULL ELSE {trimmed(value)} END "
        f"WHEN {short} AND contains({words}, chr(31) || lower({value}) || chr(31)) THEN NULL ELSE {value} END"
    )


def is_gap(value: str) -> str:
    """SQL that is true for texts that mean a gap, in any case, with or without blanks around them."""
    words = "|".join(re.escape(word) for word in MISSING)
    return f"regexp_full_match({value}, {database.literal(f'{_ANY_BLANKS}(?i:{words}){_ANY_BLANKS}')})"


def trimmed(value: str) -> str:
    """SQL of a text without blanks around it."""
    return f"trim({value}, {_characters(BLANKS)})"


def is_padded(value: str) -> str:
    """SQL that is true for codes such as 007; the comparison spares most values the pattern."""
    return f"({begins_padded(value)} AND regexp_full_match({value}, '0[0-9]+'))"


def begins_padded(value: str) -> str:
    """SQL that is true for texts that begin with a zero and another digit."""
    return f"({value} >= '00' AND {value} < '0:')"


def is_whole(value: str) -> str:
    """SQL that is true for texts that are whole numbers of 64 bits, and written as such."""
    parts = " AND ".join(f"NOT contains({value}, '{char}')" for char in ".eExXbB_")
    return f"(TRY_CAST({value} AS BIGINT) IS NOT NULL AND {parts})"


def count_values(connection: Any, source: str, columns: Sequence[str], *, decimal_comma: bool) -> dict[str, Counts]:
    """What each column of text in `source` (SQL of a table) holds."""
    found: dict[str, Counts] = {}
    for start in range(0, len(columns), _COLUMNS_A_QUERY):
        names = columns[start : start + _COLUMNS_A_QUERY]
        values = ", ".join(f"{cleaned(name)} AS v{i}" for i, name in enumerate(names))
        asked = ", ".join(
            f"count(v{i}), count_if({is_whole(f'v{i}')}), count(TRY_CAST(v{i} AS DOUBLE)), "
            + (f"count(TRY_CAST(replace(v{i}, ',', '.') AS DOUBLE)), " if decimal_comma else "0, ")
            + f"count_if({is_padded(f'v{i}')})"
            for i in range(len(names))
        )
        query = f"SELECT {asked} FROM (SELECT {values} FROM {source})"  # noqa: S608 - names are quoted
        (row,) = connection.execute(query).fetchall()
        found |= {name: Counts(*row[5 * i : 5 * i + 5]) for i, name in enumerate(names)}
    return found


def warn_of_words(context: Context, file: str, column: str, counts: Counts) -> None:
    """Say where a few words keep a column of numbers text."""
    if counts.present > counts.numbers >= _NONE_IS_A_GAP * counts.present:
        context.warn(
            N_("The column {column} in {file} holds numbers, but also {count} other values: it was kept as text."),
            column=column,
            file=file,
            count=counts.present - counts.numbers,
        )


def date_formats(connection: Any, source: str, name: str) -> list[str]:
    """The formats that read every one of the first values of a column, the likelier ones first."""
    value = cleaned(name)
    sample = f"SELECT v FROM (SELECT {value} AS v FROM {source}) WHERE v IS NOT NULL LIMIT {_SAMPLE_FOR_DATES}"  # noqa: S608
    asked = ", ".join(f"count(*) - count(TRY_STRPTIME(v, {database.literal(written)}))" for written in DATE_FORMATS)
    (unread,) = connection.execute(f"SELECT {asked} FROM ({sample})").fetchall()  # noqa: S608
    return [written for written, count in zip(DATE_FORMATS, unread, strict=True) if count == 0]


def _characters(text: str) -> str:
    """A text as SQL, characters that cannot be seen by their number."""
    plain = "".join(char for char in text if char.isprintable() and char != " ")
    return " || ".join([database.literal(plain), *(f"chr({ord(char)})" for char in text if char not in plain)])


def _expression(connection: Any, table: Table, name: str, counts: Counts, context: Context) -> str:
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
    warn_of_words(context, table.name, name, counts)
    date = _date_format(connection, table, name) if counts.numbers == 0 else None
    return f"CAST(strptime({value}, {database.literal(date)}) AS TIMESTAMP)" if date else value


def _date_format(connection: Any, table: Table, name: str) -> str | None:
    """The first format that reads every value; candidates are found in a sample, then held to the whole column."""
    source = database.source(table.path)
    for written in date_formats(connection, source, name):
        asked = f"SELECT count(*) - count(TRY_STRPTIME(v, {database.literal(written)})) FROM "  # noqa: S608
        whole = f"(SELECT {cleaned(name)} AS v FROM {source}) WHERE v IS NOT NULL"  # noqa: S608
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
