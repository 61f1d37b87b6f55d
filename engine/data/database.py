"""DuckDB as imports use it: little memory, spilling to the scratch folder, rows kept in order, no extensions."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine.data.limits import DUCKDB_MEMORY

_PROGRESS_EVERY_S = 0.5


def connect(scratch: Path) -> Any:
    """An in-memory database that keeps to `DUCKDB_MEMORY` and spills to `scratch`."""
    import duckdb

    scratch.mkdir(parents=True, exist_ok=True)
    config = {
        "memory_limit": DUCKDB_MEMORY,
        "threads": 2,  # each thread holds buffers of its own; two are enough to keep a disk busy
        "temp_directory": str(scratch / "duckdb"),
        "preserve_insertion_order": True,  # the row number is the row's name
        "autoinstall_known_extensions": False,  # nothing is fetched behind a person's back
        "autoload_known_extensions": False,
    }
    return duckdb.connect(config=config)


def quote(name: str) -> str:
    """A column name as SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str | Path) -> str:
    """A text as SQL."""
    return "'" + str(text).replace("'", "''") + "'"


def source(path: Path) -> str:
    """A Parquet file as an SQL table; brackets and stars in its name are no patterns."""
    return f"read_parquet({literal(path)})"


def copy_to(query: str, path: Path) -> str:
    """SQL that writes a query to Parquet in row groups small enough to page through."""
    return f"COPY ({query}) TO {literal(path)} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 61440)"


@contextmanager
def progress_of(connection: Any, report: Callable[[float], None]) -> Iterator[None]:
    """Report the share done (0 to 1) of the query that runs within, as DuckDB knows it."""
    done = threading.Event()
    connection.execute("SET enable_progress_bar = true; SET enable_progress_bar_print = false")

    def watch() -> None:
        told = 0.0
        while not done.wait(_PROGRESS_EVERY_S):
            share = connection.query_progress() / 100  # below zero while it is not known
            if share > told:
                told = min(share, 1.0)
                report(told)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
