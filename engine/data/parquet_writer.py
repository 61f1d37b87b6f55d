"""Writes typed columns to Parquet, each in the way that is quick to write and small for what it holds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROW_GROUP_ROWS = 61_440  # small enough to page through
_GROUP_BYTES = 48 << 20  # of long texts or thousands of columns fewer rows are held at a time
_LOOKED_AT_ROWS = 20_000
_REPEATED = 0.1  # share of distinct values up to which a dictionary makes a column smaller


class RowsWriter:
    """A Parquet file to which portions of rows are written. It is there, whole, once the writer is closed."""

    def __init__(self, target: Path, names: Sequence[str]) -> None:
        self._target, self._names = target, list(names)
        self._writer: Any = None
        self._held: list[Any] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        try:
            if kind is None:
                self._flush()
        finally:
            if self._writer is not None:
                self._writer.close()

    def write(self, arrays: Sequence[Any]) -> None:
        """Take the next rows: a pyarrow array for each column, of the same types each time."""
        import pyarrow as pa

        self._held.append(pa.record_batch(list(arrays), names=self._names))
        enough = sum(len(batch) for batch in self._held) >= ROW_GROUP_ROWS
        if enough or sum(batch.nbytes for batch in self._held) >= _GROUP_BYTES:
            self._flush()

    def _flush(self) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        if not self._held:
            return
        table = pa.Table.from_batches(self._held)
        self._held = []
        if self._writer is None:
            self._writer = parquet.ParquetWriter(
                self._target, table.schema, store_schema=False, **_ways(table.slice(0, _LOOKED_AT_ROWS))
            )
        self._writer.write_table(table, row_group_size=ROW_GROUP_ROWS)


def _ways(sample: Any) -> dict[str, Any]:
    """How each column is written: whole numbers and times as differences, what repeats by a dictionary, else plain.

    Random digits of numbers do not get smaller by compression; LZ4 costs next to nothing and takes what repeats. Texts
    are worth more work.
    """
    import pyarrow as pa

    repeated, encodings, compression = [], dict[str, str](), dict[str, str]()
    for name, column in zip(sample.column_names, sample.columns, strict=True):
        compression[name] = "lz4"
        if pa.types.is_integer(column.type) or pa.types.is_timestamp(column.type):
            encodings[name] = "DELTA_BINARY_PACKED"
        elif len(column.unique()) <= max(_REPEATED * len(column), 2):
            repeated.append(name)
        elif pa.types.is_string(column.type):
            compression[name] = "zstd"
    return {
        "compression": compression,
        "compression_level": {name: 1 for name, codec in compression.items() if codec == "zstd"},
        "use_dictionary": repeated,
        "column_encoding": encodings or None,
    }
