"""Files as a browser sends them: put into a folder of their own, read, and taken away again whatever happens."""

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from engine.errors import EngineError, ErrorKind
from engine.specs.records import DatasetRecord
from engine.store.home import home
from engine.text import N_

Progress = Callable[[float, str], None]
LONGEST_NAME = 150  # bytes; file systems end at 255, and the import adds to it


def import_uploads(
    files: Sequence[tuple[str, BinaryIO]],
    *,
    name: str = "",
    options: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> DatasetRecord:
    """Read uploaded files into the workspace.

    Args:
        files: name (as the browser says it; folders in it are kept, so that class folders work) and content.
        name: of the data set; the file's where it is empty.
        options: as for `api.import_data`.
        progress: told the share that is done, and what is being done.

    Raises:
        EngineError: as the import does; OUT_OF_DISK where the files do not fit.
    """
    from engine.data.importing import import_data

    if not files:
        raise EngineError(ErrorKind.BAD_INPUT, N_("No file was chosen."), hint=N_("Choose one or several files."))
    inbox = home() / "inbox"
    inbox.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=inbox))
    try:
        paths = [place(folder, file_name, content) for file_name, content in files]
        tops = sorted({folder / path.relative_to(folder).parts[0] for path in paths})
        return import_data(tops, name=name, options=options, progress=progress)
    except OSError as error:
        raise EngineError(
            ErrorKind.OUT_OF_DISK,
            N_("The uploaded files could not be kept: {problem}."),
            hint=N_("Make room on the disk and try again."),
            problem=error.strerror or str(error),
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def import_text(
    text: str, *, name: str = "", options: Mapping[str, Any] | None = None, progress: Progress | None = None
) -> DatasetRecord:
    """Read a pasted table into the workspace.

    Raises:
        EngineError: BAD_INPUT where nothing was pasted; else as the import does.
    """
    import io

    if not text.strip():
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("Nothing was pasted."),
            hint=N_("Paste rows, the first with the names of the columns."),
        )
    kind = "jsonl" if text.lstrip().startswith("{") else "csv"
    content = io.BytesIO(text.encode("utf-8"))
    return import_uploads(
        [(f"{name.strip() or 'pasted'}.{kind}", content)], name=name, options=options, progress=progress
    )


def place(folder: Path, file_name: str, content: BinaryIO) -> Path:
    """Write one file below `folder`, wherever its name points, beside others of the same name."""
    cleaned = "".join(sign for sign in file_name.replace("\\", "/").replace(":", "_") if sign.isprintable())
    parts = [_shortened(part) for part in cleaned.split("/") if part not in ("", ".", "..")] or ["file"]
    target = folder.joinpath(*parts)
    target.parent.mkdir(parents=True, exist_ok=True)
    number = 1
    while target.exists():  # two files of one name in one upload
        number += 1
        target = target.with_name(f"{Path(parts[-1]).stem} ({number}){Path(parts[-1]).suffix}")
    with target.open("wb") as out:
        shutil.copyfileobj(content, out, length=1 << 20)
    return target


def _shortened(part: str) -> str:
    stem, suffix = Path(part).stem, Path(part).suffix
    return stem.encode()[:LONGEST_NAME].decode(errors="ignore") + suffix[:20]
