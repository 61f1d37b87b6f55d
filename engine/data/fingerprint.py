"""The id of a data set: a fingerprint of what it holds, whatever its files were called or packed in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from engine.store.datasets import FILES, PIXELS, ROWS

_CHUNK_BYTES = 1 << 20


def fingerprint(folder: Path, columns: bytes = b"") -> str:
    """16 hexadecimal digits over the columns, the values in order, and the pixels or files of a data set's folder.

    Names of image files do not count; what they hold does.

    Args:
        folder: of the data set.
        columns: the hash over its columns, where it was taken while they were written.
    """
    whole = hashlib.blake2b(columns or _columns_digest(folder), digest_size=32)
    for path in _image_files(folder, (folder / FILES).is_dir()):
        whole.update(_file_digest(path))
    return whole.hexdigest()[:16]


def _columns_digest(folder: Path) -> bytes:
    import pyarrow.parquet as parquet

    stored_as_files = (folder / FILES).is_dir()
    with parquet.ParquetFile(folder / ROWS, pre_buffer=False) as file, ThreadPoolExecutor(1) as pool:
        names = [name for name in file.schema_arrow.names if not (stored_as_files and name == "image")]
        hashes = ColumnHashes()
        before: Future[None] | None = None
        for group in range(file.num_row_groups):  # one is read while the one before it is hashed: memory is that of two
            table = file.read_row_group(group, columns=names, use_threads=False)
            if before is not None:
                before.result()
            before = pool.submit(hashes.update, names, table.columns)
        if before is not None:
            before.result()
        return hashes.digest()


class ColumnHashes:
    """The hash over the columns of a table, portion by portion.

    Each column has a hash of its own over its values, their lengths and the row numbers of its gaps, so that it does
    not matter in which portions they come.
    """

    def __init__(self) -> None:
        self._columns: list[_ColumnHash] = []

    def update(self, names: Sequence[str], columns: Sequence[Any]) -> None:
        """Take the next rows: the names of all columns, and each as a pyarrow array."""
        import pyarrow as pa

        if not self._columns:
            self._columns = [_ColumnHash(name, str(array.type)) for name, array in zip(names, columns, strict=True)]
        for hashed, array in zip(self._columns, columns, strict=True):
            for chunk in array.chunks if isinstance(array, pa.ChunkedArray) else [array]:
                hashed.update(chunk)

    def digest(self) -> bytes:
        """The hashes of all columns."""
        return b"".join(column.digest() for column in self._columns)


class _ColumnHash:
    """Hashes one column portion by portion."""

    def __init__(self, name: str, kind: str) -> None:
        self.name = name
        self._head = f"{name}\0{'string' if 'string' in kind else kind}".encode()
        self._values, self._lengths, self._gaps = (hashlib.sha256() for _ in range(3))  # processors know SHA-256
        self._rows = 0

    def update(self, array: Any) -> None:
        """Take the next values, a pyarrow array."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as compute

        if array.null_count:
            gaps = np.frombuffer(_raw(compute.indices_nonzero(array.is_null())), "<u8") + np.uint64(self._rows)
            self._gaps.update(gaps.data)
        self._rows += len(array)
        present = array.drop_null() if array.null_count else array
        if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
            present = present.cast(pa.large_string())
            self._lengths.update(_raw(compute.binary_length(present)))
            offsets, characters = memoryview(present.buffers()[1]).cast("q"), present.buffers()[2]
            if characters is not None and len(present):
                first, last = offsets[present.offset], offsets[present.offset + len(present)]
                self._values.update(memoryview(characters)[first:last])
            return
        if pa.types.is_timestamp(array.type):
            present = present.cast(pa.timestamp("us")).cast(pa.int64())
        if pa.types.is_boolean(array.type):
            present = present.cast(pa.int8())
        self._values.update(_raw(present))

    def digest(self) -> bytes:
        """The hash over name, type, number of rows, values, lengths and gaps."""
        return b"".join([hashlib.sha256(self._head + f"\0{self._rows}".encode()).digest(), self._values.digest(),
                         self._lengths.digest(), self._gaps.digest()])  # fmt: skip


def _raw(array: Any) -> memoryview:
    """The bytes of an array of numbers without gaps. By its buffer: to make a NumPy array, Arrow imports pandas."""
    width_bytes = array.type.bit_width // 8
    start = array.offset * width_bytes
    return memoryview(array.buffers()[1] or b"")[start : start + len(array) * width_bytes]


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
