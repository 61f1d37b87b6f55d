"""Parquet files, read out of core."""

from __future__ import annotations

from engine.data.limits import MAX_COLUMNS
from engine.data.readers.base import Context, FileKind, SourceFile, Table, bad_file, table_reader
from engine.data.readers.delimited import count_rows, too_many_columns
from engine.text import N_

_INDEX = "__index_level_0__"  # what pandas writes for an index without a name


@table_reader(FileKind.PARQUET)
def read(file: SourceFile, context: Context) -> Table:
    """Take a Parquet file as it is; its columns are brought to Lathe's types later.

    Raises:
        EngineError: BAD_INPUT where it is truncated, corrupt, empty or too wide.
    """
    import pyarrow as pa
    import pyarrow.parquet as parquet

    try:
        with parquet.ParquetFile(file.path) as source:
            columns = [name for name in source.schema_arrow.names if name != _INDEX]
    except (pa.ArrowException, OSError) as error:
        raise bad_file(file.name, N_("it is truncated or corrupt")) from error
    if len(columns) > MAX_COLUMNS:
        raise too_many_columns(file.name, len(columns))
    rows = count_rows(file.path, file.name)
    return Table(file.path, columns, True, file.name, typed=True, rows=rows)
