"""CSV, TSV and their kin, with any delimiter, encoding and quoting; out of core."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from engine.data.blocks import NotStrictError, Strict
from engine.data.dialect import SAMPLE_BYTES, Dialect, find_dialect, has_header, parse
from engine.data.encodings import as_utf8, encoding_of, sample_text
from engine.data.limits import MAX_CELL_CHARS, MAX_COLUMNS
from engine.data.one_pass import OnePass
from engine.data.parquet_writer import RowsWriter
from engine.data.readers.base import Context, FileKind, SourceFile, Table, bad_file, table_reader
from engine.data.text_tables import write_text_table
from engine.errors import EngineError, ErrorKind
from engine.text import N_

_MEBIBYTE = 1 << 20
_LOOKS, _LOOK_BYTES = 24, 1 << 14  # what is seen of the rest of a file before its types are guessed


@table_reader(FileKind.PROSE)
@table_reader(FileKind.DELIMITED)
def read(file: SourceFile, context: Context) -> Table:
    """Read a file of delimited text; columns come as text, or in their final types where that takes one pass.

    Raises:
        EngineError: BAD_INPUT where there are no columns, no rows, too many columns, or an unclosed quote.
    """
    context.progress(0.05, N_("Reading the file"))
    encoding = str(context.options.get("encoding") or "") or encoding_of(file.path)
    path = as_utf8(file.path, encoding, context.scratch(".utf8"), file.name)
    dialect, head = look(path, file.name, context.options)
    header = context.options.get("header")
    named = has_header(head) if header is None else bool(header)
    columns = column_names(head[0] if named else [], dialect.columns, file.name, context)
    target = context.scratch(".parquet")
    table = Table(target, columns, named, file.name, decimal_comma=dialect.delimiter != ",")
    strict = _strict_reading(path, dialect, named)
    if strict is None or not _read_fast(strict, head[named:], dialect, table, context):
        _read_tolerant(path, dialect, columns, named, target, file.name, context)
    table.rows = count_rows(target, file.name)
    return table


def look(path: Path, name: str, options: Any) -> tuple[Dialect, list[list[str]]]:
    """The dialect of a UTF-8 file and its first records."""
    sample, size_bytes = sample_text(path, size_bytes=SAMPLE_BYTES), path.stat().st_size
    while sample.count("\n") < 3 and len(sample) < min(size_bytes, 64 * _MEBIBYTE):  # lines of thousands of columns
        sample = sample_text(path, size_bytes=min(size_bytes, 64 * _MEBIBYTE))
        break
    complete = size_bytes <= len(sample.encode())
    dialect = find_dialect(sample, delimiter=options.get("delimiter") or None, complete=complete)
    if dialect is None:
        raise bad_file(
            name,
            N_("no columns were found in it"),
            N_(
                "Expected lines of values divided by commas, tabs, semicolons or another sign; or choose the delimiter."
            ),
        )
    if dialect.columns > MAX_COLUMNS:
        raise too_many_columns(name, dialect.columns)
    text = "".join(sample.splitlines(keepends=True)[dialect.skip_lines :])
    return dialect, parse(text, dialect.delimiter, dialect.quoted)


def column_names(header: list[str], count: int, name: str, context: Context) -> list[str]:
    """Names that are neither empty nor double: column_3 for an empty one, age_2 for the second age."""
    header = [cell.strip()[:200] for cell in header] + [""] * (count - len(header))
    names: list[str] = []
    taken = {cell.lower() for cell in header if cell}
    mended = 0
    for number, cell in enumerate(header[:count], start=1):
        new = cell or f"column_{number}"
        repeat = 2
        while new.lower() in {other.lower() for other in names[-MAX_COLUMNS:]} or (not cell and new.lower() in taken):
            new = f"{cell or f'column_{number}'}_{repeat}"
            repeat += 1
        mended += bool(any(header)) and new != cell
        names.append(new)
    if mended:
        context.warn(
            N_("{count} column names in {file} were empty or double and were given a name of their own."),
            count=mended,
            file=name,
        )
    return names


def too_many_columns(name: str, columns: int) -> EngineError:
    """The error for a table that is too wide."""
    return EngineError(
        ErrorKind.BAD_INPUT,
        N_("{file} has {columns} columns; at most {most} are possible."),
        hint=N_("Leave out columns that say little, or turn groups of them into fewer numbers first."),
        file=name,
        columns=columns,
        most=MAX_COLUMNS,
    )


def count_rows(path: Path, name: str) -> int:
    """Rows of a Parquet file; none at all is an error."""
    import pyarrow.parquet as parquet

    rows = int(parquet.read_metadata(path).num_rows)
    if rows == 0:
        raise bad_file(name, N_("it has no rows"), N_("Choose a file with at least a few rows of data."))
    return rows


def _strict_reading(path: Path, dialect: Dialect, named: bool) -> Strict | None:
    """The file as blocks of records; None where the tolerant way reads it better."""
    if len(dialect.delimiter.encode()) > 1:
        return None
    if path.stat().st_size < _MEBIBYTE // 4:
        return None  # small files are read by the tolerant way, which needs no second reader to agree with
    return Strict(path, dialect.delimiter, dialect.quoted, dialect.columns, dialect.skip_lines, named)


def _read_fast(strict: Strict, head: list[list[str]], dialect: Dialect, table: Table, context: Context) -> bool:
    """Read in blocks: to final types where the table stands alone, else as text.

    Returns:
        False where the file is not written strictly enough: then it is read line by line.
    """
    try:
        if context.alone:
            one_pass = OnePass(strict, table.name, table.columns, table.decimal_comma, context)
            table.digest = one_pass.run(head, _records_further_on(strict.path, dialect), table.path)
            table.typed = table.final = True
        else:
            with RowsWriter(table.path, table.columns) as writer:
                for block in strict.blocks():
                    writer.write(strict.texts(block))
    except NotStrictError:
        table.path.unlink(missing_ok=True)
        return False
    return True


def _records_further_on(path: Path, dialect: Dialect) -> list[list[str]]:
    """Some records from all over the file. Where texts hold line breaks they may begin in the middle of one."""
    found: list[list[str]] = []
    size_bytes = path.stat().st_size
    with open(path, "rb") as file:
        for place in range(1, _LOOKS):
            file.seek(size_bytes * place // _LOOKS)
            lines = file.read(_LOOK_BYTES).decode("utf-8", errors="ignore").splitlines(keepends=True)[1:-1]
            found += parse("".join(lines), dialect.delimiter, dialect.quoted)
    return found


def _read_tolerant(
    path: Path, dialect: Dialect, columns: list[str], named: bool, target: Path, name: str, context: Context
) -> None:
    """Read with Python's csv module: short lines are filled up, longer ones are left out and counted."""
    rows = _records(path, dialect, name)
    if named:
        next(rows, None)
    counts = {"short": 0, "long": 0}
    write_text_table(_even(rows, len(columns), counts), columns, target)
    short = N_("{count} lines of {file} had too few values and were filled up with gaps.")
    long = N_("{count} lines of {file} had too many values and were left out.")
    for message, count in ((short, counts["short"]), (long, counts["long"])):
        if count:
            context.warn(message, count=count, file=name)


def _records(path: Path, dialect: Dialect, name: str) -> Iterator[list[str]]:
    csv.field_size_limit(MAX_CELL_CHARS)
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if dialect.quoted else csv.QUOTE_NONE
    with open(path, encoding="utf-8", newline="") as file:
        for _ in range(dialect.skip_lines):
            file.readline()
        try:
            yield from csv.reader(file, delimiter=dialect.delimiter, quoting=quoting, skipinitialspace=True)
        except csv.Error as error:
            problem = N_("a value is longer than any text should be; a quotation mark is probably never closed")
            raise bad_file(name, problem) from error


def _even(rows: Iterator[list[str]], columns: int, counts: dict[str, int]) -> Iterator[list[str | None]]:
    for row in rows:
        if not row:
            continue
        if len(row) > columns and any(row[columns:]):
            counts["long"] += 1
            continue
        counts["short"] += len(row) < columns
        yield [cell or None for cell in row[:columns]] + [None] * (columns - len(row))
