"""JSON: one object a line (JSONL), an array of objects, or an object of columns."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from engine.data import limits
from engine.data.encodings import as_utf8, encoding_of
from engine.data.readers.base import Context, FileKind, SourceFile, Table, bad_file, table_reader
from engine.data.readers.delimited import column_names, too_many_columns
from engine.data.text_tables import write_text_table
from engine.text import N_

_SHAPES = N_("Expected one object a line, an array of objects, or an object of columns of equal length.")


@table_reader(FileKind.JSON)
def read(file: SourceFile, context: Context) -> Table:
    """Read objects as rows; objects inside them become columns such as `user.name`, lists become text.

    Raises:
        EngineError: BAD_INPUT where it is no JSON, holds no rows, or is a single document larger than the limit.
    """
    context.progress(0.05, N_("Reading the file"))
    path = as_utf8(file.path, encoding_of(file.path), context.scratch(".utf8"), file.name)
    again = _rows_of(path, file.name)
    columns: dict[str, None] = {}
    for row in again():
        columns |= dict.fromkeys(row)
        if len(columns) > limits.MAX_COLUMNS:
            raise too_many_columns(file.name, len(columns))
    if not columns:
        raise bad_file(file.name, N_("it has no rows"), _SHAPES)
    target, keys = context.scratch(".parquet"), list(columns)
    names = column_names(keys, len(keys), file.name, context)
    rows = write_text_table(([row.get(key) for key in keys] for row in again()), names, target)
    return Table(target, names, True, file.name, rows=rows)


def _rows_of(path: Path, name: str) -> Callable[[], Iterator[dict[str, str | None]]]:
    """A function that reads the rows; it is called twice, first for the columns."""
    with open(path, encoding="utf-8") as file:
        start = file.readline(limits.MAX_CELL_CHARS).strip()
    try:
        by_lines = isinstance(json.loads(start), dict)
    except ValueError:
        by_lines = False
    if by_lines:
        records = _lines_or_columns(path, name)
        return lambda: (_flat(record) for record in records())
    document = _load(path, name)
    rows = _records(document, name)
    return lambda: (_flat(record) for record in rows)


def _lines_or_columns(path: Path, name: str) -> Callable[[], Iterable[dict[str, Any]]]:
    with open(path, encoding="utf-8") as file:
        first = json.loads(file.readline())
        only = not file.readline().strip()
    if only and any(isinstance(value, list | dict) for value in first.values()):
        rows = _records(first, name)
        return lambda: rows
    return lambda: _lines(path, name)


def _lines(path: Path, name: str) -> Iterator[dict[str, Any]]:
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise bad_file(name, f"line {number} is not complete JSON") from error
            if not isinstance(record, dict):
                raise bad_file(name, f"line {number} is not an object", _SHAPES)
            yield record


def _load(path: Path, name: str) -> Any:
    if path.stat().st_size > limits.MAX_JSON_BYTES:
        hint = N_("Save it with one object a line (JSONL), which is read in pieces.")
        raise bad_file(name, f"one JSON document of more than {limits.MAX_JSON_BYTES >> 20} MiB", hint)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise bad_file(name, N_("it is not complete JSON"), _SHAPES) from error


def _records(document: Any, name: str) -> list[dict[str, Any]]:
    if isinstance(document, dict):
        lists = [value for value in document.values() if isinstance(value, list) and value]
        inner = [value for value in lists if all(isinstance(row, dict) for row in value)]
        if len(inner) == 1:
            return inner[0]  # {"data": [{…}, {…}]}
        columns = {key: _column(value) for key, value in document.items()}
        lengths = {len(value) for value in columns.values()}
        if len(lengths) == 1 and lengths != {0}:
            return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    elif isinstance(document, list) and document and all(isinstance(row, dict) for row in document):
        return document
    elif isinstance(document, list) and document and all(isinstance(row, list) for row in document):
        return [{f"column_{i}": value for i, value in enumerate(row, start=1)} for row in document]
    raise bad_file(name, N_("it holds no table"), _SHAPES)


def _column(value: Any) -> list[Any]:
    """A column as a list; pandas writes columns as objects from row numbers to values."""
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _flat(record: dict[str, Any]) -> dict[str, str | None]:
    flat: dict[str, str | None] = {}
    for key, value in record.items():
        if isinstance(value, dict):
            flat |= {f"{key}.{inner}": _text(deeper) for inner, deeper in value.items()}
        else:
            flat[key] = _text(value)
    return flat


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)
