"""The id of a data set: a fingerprint of what it holds, whatever its files were called or packed in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from engine.store.datasets import FILES, PIXELS, ROWS

_CHUNK_BYTES = 1 << 20


def fingerprint(folder: Path) -> str:
    """16 hexadecimal digits over the columns, the values in order, and the pixels or files of a data set's folder.

    Each column has a hash of its own over values, lengths and gaps, so that it does not matter in which portions they
    are read. Names of image files do not count; what they hold does.
    """
    import pyarrow.parquet as parquet

    whole = hashlib.blake2b(digest_size=32)
    stored_as_files = (folder / FILES).is_dir()
    with parquet.ParquetFile(folder / ROWS, memory_map=True, pre_buffer=False) as file:
        names = [name for name in file.schema_arrow.names if not (stored_as_files and name == "image")]
        hashes = [_ColumnHash(name, str(file.schema_arrow.field(name).type)) for name in names]
        for group in range(file.num_row_groups):  # row group by row group: memory stays that of one
            table = file.read_row_group(group, columns=names, use_threads=False)
            for column in hashes:
                for chunk in table.column(column.name).chunks:
                    column.update(chunk)
    for column in hashes:
        whole.update(column.digest())
    for path in _image_files(folder, stored_as_files):
        whole.update(_file_digest(path))
    return whole.hexdigest()[:16]


class _ColumnHash:
    """Hashes one column portion by portion."""

    def __init__(self, name: str, kind: str) -> None:
        self.name = name
        self._head = f"{name}\0{'string' if 'string' in kind else kind}".encode()
        self._values, self._lengths, self._gaps = (hashlib.blake2b(digest_size=32) for _ in range(3))

    def update(self, array: Any) -> None:
        """Take the next values, a pyarrow array."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as compute

        self._gaps.update(np.asarray(array.is_null()).astype(np.uint8).tobytes())
        if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
            filled = compute.fill_null(array, "").cast(pa.large_binary())
            self._lengths.update(np.asarray(compute.binary_length(filled)).astype("<i8").tobytes())
            offsets = np.frombuffer(filled.buffers()[1], dtype="<i8")[filled.offset : filled.offset + len(filled) + 1]
            if filled.buffers()[2] is not None and len(offsets):
                self._values.update(memoryview(filled.buffers()[2])[int(offsets[0]) : int(offsets[-1])])
            return
        if pa.types.is_timestamp(array.type):
            array = array.cast(pa.timestamp("us")).cast(pa.int64())
        self._values.update(np.ascontiguousarray(compute.fill_null(array, 0)).tobytes())

    def digest(self) -> bytes:
        """The hash over name, type, values, lengths and gaps."""
        return b"".join([hashlib.blake2b(self._head, digest_size=32).digest(), self._values.digest(),
                         self._lengths.digest(), self._gaps.digest()])  # fmt: skip


def _image_files(folder: Path, stored_as_files: bool) -> Iterator[Path]:
    import pyarrow.parquet as parquet

    if (folder / PIXELS).is_file():
        yield folder / PIXELS
    if stored_as_files:
        for key in parquet.read_table(folder / ROWS, columns=["image"]).column("image").to_pylist():
            yield folder / FILES / key


def _file_digest(path: Path) -> bytes:
    with open(path, "rb") as file:
        return digest_of(iter(lambda: file.read(_CHUNK_BYTES), b""))


def digest_of(chunks: Iterable[bytes]) -> bytes:
    """The hash of bytes that come in portions."""
    hashed = hashlib.blake2b(digest_size=32)
    for chunk in chunks:
        hashed.update(chunk)
    return hashed.digest()
