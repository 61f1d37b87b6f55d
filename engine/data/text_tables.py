"""Writing tables of text in portions: what readers do that meet a table row by row."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

_BATCH_ROWS = 20_000


def write_text_table(rows: Iterator[Sequence[str | None]], columns: Sequence[str], target: Path) -> int:
    """Write rows, each as long as `columns`, to Parquet with text columns; returns their number."""
    import pyarrow as pa
    import pyarrow.parquet as parquet

    schema = pa.schema([(column, pa.string()) for column in columns])
    count = 0
    with parquet.ParquetWriter(target, schema, compression="zstd") as writer:
        while batch := list(itertools.islice(rows, max(_BATCH_ROWS // max(len(columns) // 100, 1), 100))):
            count += len(batch)
            arrays = [pa.array(list(cells), pa.string()) for cells in zip(*batch, strict=True)]
            writer.write_batch(pa.record_batch(arrays, schema=schema))
    return count
