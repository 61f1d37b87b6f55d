"""What readers share: the files they are offered, what they hand back, and how they are registered.

Two kinds of readers. A *table reader* turns one file of a kind into one table. A *set reader* looks at all files
together and takes them where they are its shape (class folders, IDX pairs, arrays); set readers are asked first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from engine.errors import EngineError, ErrorKind
from engine.specs import Modality, Part
from engine.text import N_


class FileKind(StrEnum):
    """What a file is, by its content; its name decides only between kinds of plain text."""

    DELIMITED = "delimited"  # CSV, TSV, TXT with columns
    JSON = "json"
    PARQUET = "parquet"
    EXCEL = "excel"
    NPZ = "npz"
    IDX = "idx"
    IMAGE = "image"
    PROSE = "prose"  # plain text without columns
    ARCHIVE = "archive"  # zip, tar, tar.gz…
    AUDIO = "audio"
    VIDEO = "video"
    SIDE = "side"  # licences, read-me files, notes: never data
    EMPTY = "empty"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class SourceFile:
    """A file to be read."""

    path: Path
    name: str  # path below what was given, with "/", as a person knows it
    kind: FileKind


@dataclass
class Context:
    """What a reader may use while it reads."""

    work_dir: Path  # scratch space, thrown away afterwards
    draft_dir: Path  # becomes the data set's folder
    options: Mapping[str, Any] = field(default_factory=dict)
    report: Callable[[float, str], None] = lambda share, text: None
    notices: list[dict[str, Any]] = field(default_factory=list)
    alone: bool = False  # one table only: its reader may bring its columns to their final types at once

    def progress(self, share: float, text: str) -> None:
        """Say how far the work has come: share done (0 to 1), what is being done (marked for translation)."""
        self.report(min(max(share, 0.0), 1.0), text)

    def warn(self, message: str, **values: Any) -> None:
        """Note something that was left out or repaired: an English template marked with `N_`, and its values."""
        notice = {"message": message, "values": {k: v if isinstance(v, int) else str(v) for k, v in values.items()}}
        if notice not in self.notices:
            self.notices.append(notice)

    def scratch(self, suffix: str) -> Path:
        """A new path in the scratch space."""
        self.work_dir.mkdir(parents=True, exist_ok=True)
        number = sum(1 for _ in self.work_dir.iterdir())
        return self.work_dir / f"{number:06d}{suffix}"


@dataclass
class Table:
    """One table, as text or typed columns in a Parquet file."""

    path: Path  # Parquet
    columns: list[str]
    named: bool  # True where the file named its columns
    name: str  # of the file
    typed: bool = False  # False: all columns are text, types are still to be found
    rows: int = 0
    decimal_comma: bool = False  # numbers may be written 1,5
    final: bool = False  # the types are those that are stored, gaps are gaps: nothing is left to be done
    digest: bytes = b""  # the hash over its columns, where it was taken while they were written


@dataclass
class Draft:
    """A data set that was read, before its columns were looked at. Its files lie in the draft folder."""

    modality: Modality | None  # None: a table or text, to be inferred
    rows: int
    named: bool = True
    parts: dict[Part, int] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    image_size_px: tuple[int, int] | None = None
    channels: int = 0
    target: str = ""  # where the shape of the files says it
    digest: bytes = b""  # see Table
    licence: str = ""


TableReader = Callable[[SourceFile, Context], Table]
SetReader = Callable[[list[SourceFile], Context], Draft | None]
TABLE_READERS: dict[FileKind, TableReader] = {}
SET_READERS: list[tuple[int, SetReader]] = []


def table_reader(kind: FileKind) -> Callable[[TableReader], TableReader]:
    """Register a function that reads one file of `kind` into a table."""

    def register(read: TableReader) -> TableReader:
        TABLE_READERS[kind] = read
        return read

    return register


def set_reader(order: int) -> Callable[[SetReader], SetReader]:
    """Register a function that takes all files where they are its shape, else returns None; lower orders go first."""

    def register(read: SetReader) -> SetReader:
        SET_READERS.append((order, read))
        SET_READERS.sort(key=lambda entry: entry[0])
        return read

    return register


def bad_file(name: str, problem: str, hint: str = "") -> EngineError:
    """The error for a file that cannot be read; `problem` is shown as it is, so keep it a plain phrase."""
    return EngineError(
        ErrorKind.BAD_INPUT,
        N_("{file} cannot be read: {problem}."),
        hint=hint or N_("Check that the file is complete, or save it again and retry."),
        file=name,
        problem=problem,
    )
