"""Data sets on disk: listed, read, thrown into the bin and taken out again.

Light to import: the page process reads rows and thumbnails through here. Parquet keeps rows, so that a window of a
million rows is read without the rest; equal-sized images lie decoded in one memory-mapped array.
"""

from __future__ import annotations

import functools
import io
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import EngineError, ErrorKind
from engine.specs.records import DatasetRecord
from engine.store.home import dataset_dir, home
from engine.text import N_

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

MANIFEST = "manifest.json"
ROWS = "rows.parquet"
PIXELS = "pixels.npy"
FILES = "files"
PART_COLUMN = "__part__"  # train, validation or test, where the data came in parts
MAX_THUMBNAILS = 500  # one page never shows more; bounds the memory of a request
MAX_THUMBNAIL_PX = 512


def list_datasets() -> list[DatasetRecord]:
    """All data sets, newest first. A folder without a readable manifest is passed over: it harms no other."""
    folder = home() / "datasets"
    records = [_manifest(path) for path in folder.glob(f"[0-9a-f]*/{MANIFEST}")] if folder.is_dir() else []
    return sorted((record for record in records if record), key=lambda r: (-r.created_at, r.id))


def get_dataset(dataset_id: str) -> DatasetRecord:
    """One data set.

    Raises:
        EngineError: NOT_FOUND where there is none of this id.
    """
    record = _manifest(_folder(dataset_id) / MANIFEST)
    if record is None:
        raise _not_found(dataset_id)
    return record


def delete_dataset(dataset_id: str) -> None:
    """Move a data set to the bin; `restore_dataset` undoes it."""
    folder = _folder(dataset_id)
    _not_there = not folder.is_dir()
    if _not_there:
        raise _not_found(dataset_id)
    kept = home() / "bin" / dataset_id
    kept.parent.mkdir(parents=True, exist_ok=True)
    if kept.exists():  # the same content was deleted before, and imported again since
        shutil.rmtree(kept)
    folder.rename(kept)
    _open_manifest.cache_clear()


def restore_dataset(dataset_id: str) -> None:
    """Undo `delete_dataset`. Where the same content was imported again meanwhile, that stays."""
    folder = _folder(dataset_id)
    kept = home() / "bin" / dataset_id
    if folder.is_dir():
        return
    if not kept.is_dir():
        raise _not_found(dataset_id)
    folder.parent.mkdir(parents=True, exist_ok=True)
    kept.rename(folder)


def read_rows(
    dataset_id: str, *, offset: int = 0, limit: int = 100, columns: Sequence[str] | None = None
) -> pd.DataFrame:
    """Some rows as they were imported; the index is the row number. Reads only the row groups that hold them."""
    import pyarrow.parquet as parquet

    offset, limit = max(offset, 0), max(limit, 0)
    with parquet.ParquetFile(_rows_path(dataset_id)) as file:
        groups, first = _groups_of(file.metadata, offset, limit)
        table = file.read_row_groups(groups, columns=_known(file, columns))
    frame = table.slice(offset - first, limit).to_pandas()
    frame.index = frame.index.__class__(range(offset, offset + len(frame)))
    return frame


def read_table(dataset_id: str, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """All rows of some columns (all where none are named); the index is the row number."""
    import pyarrow.parquet as parquet

    with parquet.ParquetFile(_rows_path(dataset_id)) as file:
        return file.read(columns=_known(file, columns)).to_pandas()


def read_images(dataset_id: str, keys: Sequence[Any]) -> list[np.ndarray]:
    """Images by the values of the `image` column.

    Returns:
        One uint8 array (height, width, channels) each; palettes, alpha and CMYK become grey (1) or RGB (3 channels).

    Raises:
        EngineError: NOT_FOUND where the data set or an image is missing.
    """
    import numpy as np

    folder = _folder(dataset_id)
    if not folder.is_dir():
        raise _not_found(dataset_id)
    if (folder / PIXELS).is_file():
        pixels = np.load(folder / PIXELS, mmap_mode="r", allow_pickle=False)
        return [np.array(pixels[int(key)]) for key in keys]
    return [_read_file(folder / FILES, str(key)) for key in keys]


def thumbnails(dataset_id: str, row_numbers: Sequence[int], *, size_px: int = 96) -> list[bytes]:
    """PNG thumbnails of rows, at most `size_px` on the longer side; small images are enlarged in whole steps."""
    from PIL import Image

    numbers = [int(number) for number in row_numbers][:MAX_THUMBNAILS]
    size_px = min(max(size_px, 8), MAX_THUMBNAIL_PX)
    return [
        _thumbnail(Image.fromarray(pixels.squeeze(-1) if pixels.shape[-1] == 1 else pixels), size_px)
        for pixels in read_images(dataset_id, image_keys(dataset_id, numbers))
    ]


def image_keys(dataset_id: str, row_numbers: Sequence[int]) -> list[str]:
    """The `image` values of rows."""
    keys = _all_image_keys(str(_rows_path(dataset_id)), _rows_path(dataset_id).stat().st_mtime_ns)
    for number in row_numbers:
        if not 0 <= number < len(keys):
            raise EngineError(
                ErrorKind.NOT_FOUND,
                N_("There is no row {row}; the data set has {rows} rows."),
                hint=N_("Choose a row number from 0 on."),
                row=number,
                rows=len(keys),
            )
    return [keys[number].as_py() for number in row_numbers]


def rows_path(dataset_id: str) -> Path:
    """The Parquet file of a data set, for readers that work out of core (DuckDB)."""
    return _rows_path(dataset_id)


@functools.lru_cache(maxsize=8)
def _all_image_keys(path: str, changed: int) -> Any:  # `changed` is part of the cache's key only
    import pyarrow.parquet as parquet

    return parquet.read_table(path, columns=["image"]).column("image").combine_chunks()


def _groups_of(metadata: Any, offset: int, limit: int) -> tuple[list[int], int]:
    """The row groups that hold rows `offset` to `offset + limit`, and the row number of the first of them."""
    groups: list[int] = []
    first = start = 0
    for number in range(metadata.num_row_groups):
        end = start + metadata.row_group(number).num_rows
        if end > offset and start < offset + limit:
            if not groups:
                first = start
            groups.append(number)
        start = end
    return groups, first if groups else offset


def _known(file: Any, columns: Sequence[str] | None) -> list[str] | None:
    if columns is None:
        return None
    unknown = [name for name in columns if name not in file.schema_arrow.names]
    if unknown:
        raise EngineError(
            ErrorKind.NOT_FOUND,
            N_("There is no column {column} in this data set."),
            hint=N_("Choose one of: {columns}."),
            column=unknown[0],
            columns=", ".join(file.schema_arrow.names[:20]),
        )
    return list(columns)


def _read_file(folder: Path, key: str) -> np.ndarray:
    from engine.data.pictures import decode

    path = folder / key
    if not path.resolve().is_relative_to(folder.resolve()) or not path.is_file():
        raise EngineError(
            ErrorKind.NOT_FOUND,
            N_("The image {image} is not in the data set."),
            hint=N_("Import the data set again."),
            image=key,
        )
    return decode(path)[0]


def _thumbnail(image: Any, size_px: int) -> bytes:
    from PIL import Image

    longest = max(image.size)
    if longest > size_px:
        image.thumbnail((size_px, size_px))
    elif longest * 2 <= size_px:  # pixel art stays crisp
        factor = size_px // longest
        image = image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _folder(dataset_id: str) -> Path:
    if len(dataset_id) != 16 or not set(dataset_id) <= set("0123456789abcdef"):
        raise _not_found(dataset_id)
    return dataset_dir(dataset_id)


def _rows_path(dataset_id: str) -> Path:
    path = _folder(dataset_id) / ROWS
    if not path.is_file():
        raise _not_found(dataset_id)
    return path


def _manifest(path: Path) -> DatasetRecord | None:
    try:
        return _open_manifest(str(path), os.stat(path).st_mtime_ns)
    except (OSError, ValueError):
        return None


@functools.lru_cache(maxsize=1024)
def _open_manifest(path: str, changed: int) -> DatasetRecord:  # `changed` is part of the cache's key only
    return DatasetRecord.model_validate_json(Path(path).read_bytes())


def _not_found(dataset_id: str) -> EngineError:
    return EngineError(
        ErrorKind.NOT_FOUND,
        N_("There is no data set {dataset}."),
        hint=N_("It may have been deleted: restore it, or import the data again."),
        dataset=dataset_id,
    )
