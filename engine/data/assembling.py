"""From a pile of files to a data set's folder: readers, typed columns, kinds, task and target, fingerprint, manifest.

Runs in the child process of an import (`engine.data.import_child`).
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

from engine.data import database
from engine.data.columns import type_columns
from engine.data.combining import add_parts, combine
from engine.data.fingerprint import fingerprint
from engine.data.inference import column_facts, infer
from engine.data.limits import MAX_COLUMNS
from engine.data.readers import load_readers
from engine.data.readers.base import SET_READERS, TABLE_READERS, Context, Draft, FileKind, SourceFile, Table, bad_file
from engine.errors import EngineError, ErrorKind
from engine.specs import ColumnKind, Modality, Part, Task
from engine.specs.records import ColumnRecord, DatasetRecord
from engine.store.datasets import MANIFEST, ROWS
from engine.text import N_

_MIN_ROWS = 2  # one row cannot be divided
_REFUSED = {
    FileKind.AUDIO: N_("These are sound files ({file}); Lathe reads pictures, texts and tables so far."),
    FileKind.VIDEO: N_("These are video files ({file}); Lathe reads pictures, texts and tables so far."),
}


def assemble(files: Sequence[SourceFile], context: Context, *, name: str, source: str) -> DatasetRecord:
    """Read files into the draft folder and return the record, which is written there as the manifest too.

    Raises:
        EngineError: where nothing can be read, with the file and the way on.
    """
    load_readers()
    draft = _read(list(files), context)
    if draft.rows < _MIN_ROWS:
        raise bad_file(source, f"it has {draft.rows} rows", N_("Choose data with at least a few rows."))
    columns, task, target = _look(draft, context)
    context.progress(0.9, N_("Taking the fingerprint"))
    record = DatasetRecord(
        id=fingerprint(context.draft_dir, draft.digest),
        name=name,
        modality=task.modality,
        rows=draft.rows,
        columns=columns,
        bytes=sum(path.stat().st_size for path in context.draft_dir.rglob("*") if path.is_file()),
        source=source,
        licence=draft.licence,
        created_at=time.time(),
        parts=draft.parts,
        classes=draft.classes,
        task=task,
        target=target,
        image_size_px=draft.image_size_px,
        channels=draft.channels,
        warnings=tuple(str(EngineError(ErrorKind.BAD_DATA, n["message"], **n["values"])) for n in context.notices),
        notices=tuple(context.notices),
    )
    (context.draft_dir / MANIFEST).write_text(record.model_dump_json(indent=1), encoding="utf-8")
    return record


def _read(files: list[SourceFile], context: Context) -> Draft:
    for _, read in SET_READERS:
        draft = read(files, context)
        if draft is not None:
            return draft
    return _read_tables(files, context)


def _read_tables(files: list[SourceFile], context: Context) -> Draft:
    candidates = [file for file in files if file.kind in TABLE_READERS]
    tables_proper = [file for file in candidates if file.kind != FileKind.PROSE]
    candidates = tables_proper or candidates  # plain .txt beside tables are notes
    if not candidates:
        raise _nothing_to_read(files)
    context.alone = len(candidates) == 1
    tables = _tables(candidates, context)
    table, stretches = combine(tables, context)
    _check_width(table)
    final = table
    if not table.final:
        typed = context.scratch(".parquet")
        type_columns(table, typed, context)
        final = Table(typed, table.columns, table.named, table.name, typed=True, rows=table.rows)
    connection = database.connect(context.work_dir)
    try:
        final = add_parts(connection, final, stretches, context)
    finally:
        connection.close()
    os.replace(final.path, context.draft_dir / ROWS)
    parts: dict[Part, int] = {}
    for part, rows in stretches:
        if part:
            parts[part] = parts.get(part, 0) + rows
    digest = b"" if parts else final.digest  # the column of parts was added
    return Draft(modality=None, rows=table.rows, named=table.named, parts=parts, digest=digest)


def _tables(files: list[SourceFile], context: Context) -> list[Table]:
    """Read every file; beside real tables, notes that are no table are passed over."""
    tables: list[Table] = []
    problems: list[EngineError] = []
    for file in files:
        try:
            tables.append(TABLE_READERS[file.kind](file, context))
        except EngineError as error:
            if file.kind != FileKind.PROSE:
                raise
            problems.append(error)
    if not tables:
        raise problems[0]
    return tables


def _check_width(table: Table) -> None:
    if len(table.columns) > MAX_COLUMNS:
        from engine.data.readers.delimited import too_many_columns

        raise too_many_columns(table.name, len(table.columns))
    if len(table.columns) < 2:
        raise bad_file(
            table.name, N_("it has one column only"), N_("Expected something to learn from and something to predict.")
        )


def _nothing_to_read(files: list[SourceFile]) -> EngineError:
    for kind, message in _REFUSED.items():
        found = next((file for file in files if file.kind == kind), None)
        if found:
            return EngineError(
                ErrorKind.BAD_INPUT, message, hint=N_("Choose pictures, texts or tables."), file=found.name
            )
    if files and all(file.kind == FileKind.EMPTY for file in files):
        return EngineError(
            ErrorKind.BAD_INPUT, N_("{file} is empty."), hint=N_("Choose a file with data."), file=files[0].name
        )
    return EngineError(
        ErrorKind.BAD_INPUT,
        N_("Nothing that can be read was found in {files}."),
        hint=N_(
            "Expected tables (CSV, Parquet, JSON, Excel), pictures in class folders, IDX, NPZ, or these in an archive."
        ),
        files=", ".join(file.name for file in files[:3]) or N_("an empty folder"),
    )


def _look(draft: Draft, context: Context) -> tuple[tuple[ColumnRecord, ...], Task, str]:
    context.progress(0.8, N_("Finding out what the columns hold"))
    facts = column_facts(context.draft_dir / ROWS, context.work_dir)
    if draft.modality == Modality.IMAGE:
        fixed = {"image": ColumnKind.IMAGE, "label": ColumnKind.CATEGORY, "mode": ColumnKind.CATEGORY}
        columns = tuple(
            ColumnRecord(name=f.name, kind=fixed.get(f.name, ColumnKind.NUMBER), dtype=f.dtype,
                         distinct=f.distinct, missing=f.missing)
            for f in facts
        )  # fmt: skip
        return columns, Task.IMAGE_CLASSIFICATION, "label"
    wished = {key: context.options.get(key) for key in ("task", "target")}
    wished["target"] = wished["target"] or draft.target
    if draft.modality == Modality.TEXT:
        wished["task"] = wished["task"] or Task.TEXT_CLASSIFICATION
    return infer(facts, draft.rows, named=draft.named, wished=wished)
