"""Files that a browser sent, and tables that were pasted: laid down in a folder of their own, then imported as any file."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from engine.data.importing import import_data
from engine.errors import EngineError, ErrorKind
from engine.specs.records import DatasetRecord
from engine.store.home import cache_dir
from engine.text import N_

Progress = Callable[[float, str], None]
_COPY_BYTES = 1 << 20
_MAX_NAME_CHARS = 80  # 240 bytes of Chinese, below the 255 that file systems take
_MAX_PASTED_CHARS = 50_000_000  # more is a file


def import_uploads(
    files: Sequence[tuple[str, BinaryIO]],
    *,
    name: str = "",
    options: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> DatasetRecord:
    """Import what a browser sent, as (file name, content); nothing of it is left afterwards but the data set.

    Raises:
        EngineError: as `import_data`; OUT_OF_DISK where the disk fills while the files are laid down.
    """
    with tempfile.TemporaryDirectory(dir=cache_dir(), prefix="upload-") as folder:
        paths: list[Path] = []
        for number, (given, content) in enumerate(files):
            path = Path(folder) / _safe_name(given, number)
            if path.exists():
                path = path.with_name(f"{number}-{path.name}"[-_MAX_NAME_CHARS:])
            try:
                with open(path, "wb") as out:
                    shutil.copyfileobj(content, out, _COPY_BYTES)
            except OSError as error:
                raise _full_disk() from error
            paths.append(path)
        title = name or (_title(paths) if paths else "")
        return import_data(paths, name=title, options=options, progress=progress)


def import_text(
    text: str, *, name: str = "", options: Mapping[str, Any] | None = None, progress: Progress | None = None
) -> DatasetRecord:
    """Import a table that was pasted, as a file of delimited text.

    Raises:
        EngineError: BAD_INPUT where nothing was pasted, or more than a page should carry; else as `import_data`.
    """
    if not text.strip():
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("Nothing was pasted."),
            hint=N_("Copy some rows from a table, with the names of the columns, and paste them here."),
        )
    if len(text) > _MAX_PASTED_CHARS:
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("{count} characters were pasted; at most {most} are possible."),
            hint=N_("Save them as a file and upload that."),
            count=len(text),
            most=_MAX_PASTED_CHARS,
        )
    with tempfile.TemporaryDirectory(dir=cache_dir(), prefix="upload-") as folder:
        path = Path(folder) / "pasted.csv"
        path.write_text(text, encoding="utf-8", newline="")
        return import_data([path], name=name or "pasted", source="pasted", options=options, progress=progress)


def _safe_name(given: str, number: int) -> str:
    """The last part of a name as a file name: no folders, no control characters, not hidden, not too long."""
    last = PurePosixPath(given.replace("\\", "/")).name.lstrip(".")
    plain = "".join(char for char in last if char.isprintable())[-_MAX_NAME_CHARS:]
    return plain or f"file-{number}"


def _title(paths: Sequence[Path]) -> str:
    """The name of a data set of uploads: what the names of its files have in common."""
    stems = [path.name.split(".")[0] or path.name for path in paths]
    common = stems[0]
    for stem in stems[1:]:
        while common and not stem.startswith(common):
            common = common[:-1]
    common = common.rstrip("-_. ")
    return common if len(common) >= 3 else stems[0]


def _full_disk() -> EngineError:
    return EngineError(
        ErrorKind.OUT_OF_DISK,
        N_("The disk is full: the import could not be finished, and nothing of it was kept."),
        hint=N_("Free some space, or empty the bin, and import again."),
    )
