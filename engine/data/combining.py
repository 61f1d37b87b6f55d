"""Several tables become one: given parts one after the other, the same rows taken once, unlabelled rows left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from engine.data import database, names
from engine.data.database import quote
from engine.data.readers.base import Context, Table
from engine.errors import EngineError, ErrorKind
from engine.specs import Part
from engine.store.datasets import PART_COLUMN
from engine.text import N_

_ORDER = (Part.TRAIN, Part.VALIDATION, Part.TEST)


def combine(tables: Sequence[Table], context: Context) -> tuple[Table, list[tuple[Part | None, int]]]:
    """Join tables of the same columns.

    Returns:
        The table, and for each stretch of its rows its part (None: no part was given) and its number of rows.

    Raises:
        EngineError: BAD_INPUT where the columns of several tables differ and none of them contains the others.
    """
    connection = database.connect(context.work_dir)
    try:
        kept = _without_copies(connection, list(tables), context)
        kept = _without_unlabelled(kept, context)
        if len(kept) == 1:
            return kept[0], [(None, kept[0].rows)]
        _check_columns(kept)
        return _join(connection, kept, context)
    finally:
        connection.close()


def _join(connection: Any, tables: list[Table], context: Context) -> tuple[Table, list[tuple[Part | None, int]]]:
    parts = [names.part_of(table.name) for table in tables]
    split = len({part for part in parts if part}) > 1 and all(parts)
    if split:
        order = sorted(range(len(tables)), key=lambda i: _ORDER.index(parts[i] or Part.TRAIN))
    else:
        order = list(range(len(tables)))
        context.warn(
            N_("{count} files with the same columns were joined into one table: {files}."),
            count=len(tables),
            files=", ".join(table.name for table in tables),
        )
    columns = tables[0].columns
    selected = [_select(tables[i], columns) for i in order]
    target = context.scratch(".parquet")
    connection.execute(database.copy_to(" UNION ALL ".join(selected), target))
    joined = replace(
        tables[0],
        path=target,
        name=", ".join(tables[i].name for i in order),
        rows=sum(table.rows for table in tables),
        typed=all(table.typed for table in tables),
    )
    if split and not joined.typed:
        joined = _without_full_stops(connection, joined, [(parts[i], tables[i].rows) for i in order], context)
    return joined, [(parts[i] if split else None, tables[i].rows) for i in order]


def _select(table: Table, columns: list[str]) -> str:
    """SQL of a table's columns in the order of the first; by place where files have no names for them."""
    pairs = zip(table.columns, columns, strict=True) if not table.named else ((name, name) for name in columns)
    cast = "{}" if table.typed else "CAST({} AS VARCHAR)"
    selected = ", ".join(f"{cast.format(quote(a))} AS {quote(b)}" for a, b in pairs)
    return f"SELECT {selected} FROM {database.source(table.path)}"  # noqa: S608 - names are quoted


def _check_columns(tables: list[Table]) -> None:
    first = tables[0]
    for other in tables[1:]:
        same = set(other.columns) == set(first.columns) and other.named == first.named
        if not same:
            raise EngineError(
                ErrorKind.BAD_INPUT,
                N_("These are different tables: {first} has the columns {first_columns}; {other} has {other_columns}."),
                hint=N_("Import one of them, or files of the same columns together."),
                first=first.name,
                first_columns=", ".join(first.columns[:8]),
                other=other.name,
                other_columns=", ".join(other.columns[:8]),
            )


def _without_unlabelled(tables: list[Table], context: Context) -> list[Table]:
    """Leave out a test file that lacks columns of the train file: it cannot be scored."""
    if len(tables) < 2 or not all(table.named for table in tables):
        return tables
    widest = max(tables, key=lambda table: (len(table.columns), table.rows))
    kept: list[Table] = []
    for table in tables:
        lacking = [name for name in widest.columns if name not in set(table.columns)]
        inside = set(table.columns) < set(widest.columns)
        if inside and len(lacking) <= 2 and names.part_of(table.name) == Part.TEST:
            context.warn(
                N_("{file} was left out: it has no column {column}, so that it cannot be used to test."),
                file=table.name,
                column=", ".join(lacking),
            )
        else:
            kept.append(table)
    return kept


def _without_copies(connection: Any, tables: list[Table], context: Context) -> list[Table]:
    """Take the same rows once where they come in several formats (train.csv and train.parquet)."""
    kept: list[Table] = []
    for table in tables:
        twin = next((other for other in kept if _same_rows(connection, other, table)), None)
        if twin is None:
            kept.append(table)
        else:
            context.warn(
                N_("{file} holds the same rows as {other} and was taken once."), file=table.name, other=twin.name
            )
    return kept


def _same_rows(connection: Any, one: Table, other: Table) -> bool:
    if one.rows != other.rows or one.columns != other.columns:
        return False
    return bool(_digests(connection, one) == _digests(connection, other))


def _digests(connection: Any, table: Table) -> list[Any]:
    """Per column: values present, and the sum of their hashes, with numbers in one writing (7.0 = 7)."""
    from engine.data.columns import cleaned

    found: list[Any] = []
    for start in range(0, len(table.columns), 64):
        asked: list[str] = []
        for name in table.columns[start : start + 64]:
            value = cleaned(name) if not table.typed else f"CAST({quote(name)} AS VARCHAR)"
            plain = f"coalesce(CAST(TRY_CAST({value} AS DOUBLE) AS VARCHAR), lower({value}))"
            asked += [f"count({plain})", f"sum(hash({plain}))"]
        found += connection.execute(f"SELECT {', '.join(asked)} FROM {database.source(table.path)}").fetchone()  # noqa: S608
    return found


def _without_full_stops(
    connection: Any, table: Table, stretches: list[tuple[Part | None, int]], context: Context
) -> Table:
    """Mend labels that differ between the parts only by a full stop at the end, as in the test file of Adult."""
    from engine.data.columns import cleaned

    start, dotted = 0, set[str]()
    seen: list[dict[str, set[str]]] = []
    for _, rows in stretches:
        found: dict[str, set[str]] = {}
        for name in (table.columns[0], table.columns[-1]):
            query = (
                f"SELECT DISTINCT {cleaned(name)} FROM (SELECT {quote(name)} FROM {database.source(table.path)} "  # noqa: S608
                f"LIMIT {rows} OFFSET {start}) LIMIT 101"
            )
            found[name] = {value for (value,) in connection.execute(query).fetchall() if value is not None}
        seen.append(found)
        start += rows
    for name in (table.columns[0], table.columns[-1]):
        if all(len(found[name]) <= 100 for found in seen) and _differ_by_full_stop([found[name] for found in seen]):
            dotted.add(name)
    if not dotted:
        return table
    selected = ", ".join(
        f"regexp_replace({cleaned(name)}, '\\.$', '') AS {quote(name)}" if name in dotted else quote(name)
        for name in table.columns
    )
    target = context.scratch(".parquet")
    connection.execute(database.copy_to(f"SELECT {selected} FROM {database.source(table.path)}", target))  # noqa: S608
    for name in sorted(dotted):
        context.warn(
            N_("The values of {column} differed between the files only by a full stop at the end, which was removed."),
            column=name,
        )
    return replace(table, path=target)


def _differ_by_full_stop(values: list[set[str]]) -> bool:
    plain = [{value.removesuffix(".") for value in found} for found in values]
    words = not any(value.replace(".", "").isdigit() for found in values for value in found)
    return words and values[0] != values[-1] and all(found == plain[0] for found in plain) and len(plain[0]) > 1


def add_parts(connection: Any, table: Table, stretches: Sequence[tuple[Part | None, int]], context: Context) -> Table:
    """Add the column of parts where parts were given."""
    if not any(part for part, _ in stretches):
        return table
    target = context.scratch(".parquet")
    cases, end = [], 0
    for part, rows in stretches:
        end += rows
        cases.append(f"WHEN file_row_number < {end} THEN {database.literal(str(part))}")
    columns = ", ".join(quote(name) for name in table.columns)
    source = f"read_parquet({database.literal(table.path)}, file_row_number=true)"
    query = f"SELECT {columns}, CASE {' '.join(cases)} END AS {quote(PART_COLUMN)} FROM {source}"  # noqa: S608
    connection.execute(database.copy_to(query, target))
    return replace(table, path=target)
