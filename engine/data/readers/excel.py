"""Excel workbooks (.xlsx): the first sheet that holds something; the others are named in a warning."""

from __future__ import annotations

import datetime
import itertools
import zipfile
from collections.abc import Iterator
from typing import Any

from engine.data import limits
from engine.data.dialect import has_header
from engine.data.readers.base import Context, FileKind, SourceFile, Table, bad_file, table_reader
from engine.data.readers.delimited import column_names, too_many_columns
from engine.data.text_tables import write_text_table
from engine.text import N_

_HEAD_ROWS = 200


@table_reader(FileKind.EXCEL)
def read(file: SourceFile, context: Context) -> Table:
    """Read the values (not the formulas) of the first sheet with content.

    Raises:
        EngineError: BAD_INPUT where the workbook is corrupt, empty, too large or too wide.
    """
    import openpyxl

    context.progress(0.05, N_("Reading the file"))
    _check_size(file)
    try:
        book = openpyxl.load_workbook(file.path, read_only=True, data_only=True, keep_links=False)
    except Exception as error:  # a corrupt workbook raises whatever its XML parser meets
        raise bad_file(file.name, N_("it is truncated or corrupt")) from error
    try:
        sheets = [sheet for sheet in book.worksheets if next(_cells(sheet), None) is not None]
        if not sheets:
            raise bad_file(file.name, N_("it has no rows"), N_("Choose a file with at least a few rows of data."))
        if len(sheets) > 1:
            others = ", ".join(sheet.title for sheet in sheets[1:])
            context.warn(
                N_("Only the first sheet of {file}, {sheet}, was read; left out: {others}."),
                file=file.name,
                sheet=sheets[0].title,
                others=others,
            )
        return _read_sheet(sheets[0], file, context)
    finally:
        book.close()


def _read_sheet(sheet: Any, file: SourceFile, context: Context) -> Table:
    head = list(itertools.islice(_cells(sheet), _HEAD_ROWS))
    width = max(map(len, head))
    if width > limits.MAX_COLUMNS:
        raise too_many_columns(file.name, width)
    texts = [[cell or "" for cell in row] + [""] * (width - len(row)) for row in head]
    wished = context.options.get("header")
    named = has_header(texts) if wished is None else bool(wished)
    columns = column_names(texts[0] if named else [], width, file.name, context)
    rows = itertools.islice(_cells(sheet), int(named), None)
    target = context.scratch(".parquet")
    count = write_text_table(((row + [None] * width)[:width] for row in rows), columns, target)
    if count == 0:
        raise bad_file(file.name, N_("it has no rows"), N_("Choose a file with at least a few rows of data."))
    return Table(target, columns, named, file.name, rows=count)


def _cells(sheet: Any) -> Iterator[list[str | None]]:
    """The rows that are not blank, as text."""
    for row in sheet.iter_rows(values_only=True):
        cells = [_text(value) for value in row]
        while cells and cells[-1] is None:
            cells.pop()
        if cells:
            yield cells


def _text(value: Any) -> str | None:
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date().isoformat()
    return str(value)


def _check_size(file: SourceFile) -> None:
    try:
        with zipfile.ZipFile(file.path) as archive:
            size_bytes = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, OSError) as error:
        raise bad_file(file.name, N_("it is truncated or corrupt")) from error
    if size_bytes > limits.MAX_EXCEL_BYTES:
        problem = f"it unpacks to {size_bytes >> 20} MiB, more than {limits.MAX_EXCEL_BYTES >> 20}"
        raise bad_file(file.name, problem, N_("Save the sheet as CSV, which is read in pieces."))
