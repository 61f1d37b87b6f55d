"""Texts in class folders, one a file, with or without train, validation and test (as IMDb comes)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from engine.data.class_folders import Labelled, label_by_folders
from engine.data.encodings import encoding_of
from engine.data.image_sets import natural_key
from engine.data.limits import MAX_CELL_CHARS
from engine.data.readers.base import Context, Draft, FileKind, SourceFile, set_reader
from engine.data.text_tables import write_text_table
from engine.specs import Modality, Part
from engine.store.datasets import PART_COLUMN, ROWS
from engine.text import N_

_TEXT_SUFFIXES = {".txt", ".text", ""}
_MIN_FILES_A_CLASS = 2  # a folder with one text is no class; two tables in two folders are no texts


@set_reader(order=40)
def read(files: list[SourceFile], context: Context) -> Draft | None:
    """Take texts whose folders are classes."""
    texts = [file for file in files if _is_text(file)]
    tables = [file for file in files if file.kind in (FileKind.DELIMITED, FileKind.PARQUET, FileKind.EXCEL)]
    labelled, outside = label_by_folders(texts)
    counts = Counter(entry.label for entry in labelled)
    if len(counts) < 2 or min(counts.values()) < _MIN_FILES_A_CLASS or len(tables) > 0:
        return None
    if outside:
        context.warn(N_("{count} texts that lie in no class folder were left out."), count=outside)
    has_parts = any(entry.part for entry in labelled)
    columns = ["text", "label", *([PART_COLUMN] if has_parts else [])]
    rows = write_text_table(_rows(labelled, has_parts, context), columns, context.draft_dir / ROWS)
    parts = Counter(entry.part for entry in labelled)
    return Draft(
        modality=Modality.TEXT,
        rows=rows,
        parts={part: parts[part] for part in Part if parts[part]},
        classes=tuple(sorted(counts, key=natural_key)),
        target="label",
    )


def _is_text(file: SourceFile) -> bool:
    suffix = PurePosixPath(file.name.lower()).suffix
    return file.kind == FileKind.PROSE and (suffix in _TEXT_SUFFIXES or suffix[1:].isdigit())


def _rows(labelled: Sequence[Labelled], has_parts: bool, context: Context) -> Iterator[list[str | None]]:
    for number, entry in enumerate(labelled):
        encoding = encoding_of(entry.file.path)
        with open(entry.file.path, encoding=encoding, errors="replace") as file:
            text = file.read(MAX_CELL_CHARS).strip() or None
        yield [text, entry.label, *([str(entry.part)] if has_parts else [])]
        if number % 1000 == 0:
            context.progress(0.1 + 0.7 * number / len(labelled), N_("Reading the texts"))
