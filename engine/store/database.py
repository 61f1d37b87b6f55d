"""The database: one file by default, PostgreSQL for a team; Lathe's own tables beside MLflow's.

Every process talks to the store through `reading()` and `writing()`. Whatever goes wrong below (a stopped server, a
locked file, a full disk) comes out as one `EngineError` that a person can act on.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from engine.errors import EngineError, ErrorKind
from engine.store.home import home
from engine.store.schema import ensure_schema
from engine.text import N_

BUSY_TIMEOUT_MS = 10_000  # longer than any transaction here; a writer waits for the one before it
_ENGINES: dict[tuple[str, int], sa.Engine] = {}
_ENGINES_LOCK = threading.Lock()


def tracking_uri() -> str:
    """Where MLflow keeps its runs: `MLFLOW_TRACKING_URI`, else the workspace's own database."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{home() / 'lathe.db'}"


def database_url() -> str:
    """The address of the database with Lathe's tables.

    It is MLflow's where that is a database; beside an MLflow server (http) it is the workspace's own file.

    Raises:
        EngineError: BAD_INPUT for an address of another kind.
    """
    uri = tracking_uri()
    scheme = uri.split(":", 1)[0].lower()
    if scheme in ("http", "https"):
        return f"sqlite:///{home() / 'lathe.db'}"
    if scheme.startswith("sqlite"):
        return uri
    if scheme in ("postgresql", "postgres"):
        return "postgresql+psycopg:" + uri.split(":", 1)[1]  # the driver that Lathe brings
    if scheme.startswith("postgresql+"):
        return uri
    raise EngineError(
        ErrorKind.BAD_INPUT,
        N_("MLFLOW_TRACKING_URI must begin with postgresql://, sqlite:///, http:// or https://, got {uri}."),
        hint=N_("Correct it, or leave it out to keep everything in the workspace."),
        uri=scheme,  # the whole address may hold a password
    )


def has_mlflow_tables() -> bool:
    """True where MLflow's tables lie in the same database, so that histories can be read without its client."""
    return not tracking_uri().lower().startswith("http")


def connect() -> sa.Engine:
    """The pool of connections of this process, with the schema in place."""
    url = database_url()
    key = (url, os.getpid())  # connections must not be shared with a forked child
    with _ENGINES_LOCK:
        if key not in _ENGINES:
            _ENGINES[key] = _open(url)
        return _ENGINES[key]


def disconnect() -> None:
    """Close all connections of this process (tests, shutdown)."""
    with _ENGINES_LOCK:
        for engine in _ENGINES.values():
            engine.dispose()
        _ENGINES.clear()


@contextmanager
def reading() -> Iterator[sa.Connection]:
    """A connection that sees one consistent state."""
    with store_errors(), connect().connect() as connection:
        yield connection


@contextmanager
def writing() -> Iterator[sa.Connection]:
    """A transaction that is committed at the end; in SQLite it holds the write lock from its beginning."""
    with store_errors(), connect().connect() as connection:
        connection = connection.execution_options(lathe_write=True)
        with connection.begin():
            yield connection


@contextmanager
def store_errors() -> Iterator[None]:
    """Turn what a database or file system raises into an `EngineError`."""
    try:
        yield
    except (sa.exc.OperationalError, sa.exc.DatabaseError, sa.exc.TimeoutError, OSError) as error:
        if isinstance(error, sa.exc.IntegrityError):
            raise
        raise store_error(error) from error


def store_error(error: Exception) -> EngineError:
    """The error for what went wrong in the store."""
    text = str(getattr(error, "orig", None) or error).strip().splitlines()
    reason = text[0] if text else type(error).__name__
    if "full" in reason.lower() or getattr(error, "errno", None) == 28:
        return EngineError(
            ErrorKind.OUT_OF_DISK,
            N_("The disk of the workspace is full."),
            hint=N_("Delete what you no longer need, then try again."),
        )
    if "locked" in reason.lower():
        return EngineError(
            ErrorKind.UNAVAILABLE,
            N_("The store is locked by another program."),
            hint=N_("Close other programs that have lathe.db open, then try again."),
        )
    return EngineError(
        ErrorKind.UNAVAILABLE,
        N_("The store does not answer: {reason}."),
        hint=N_("Check that the database runs and that the workspace folder can be written, then try again."),
        reason=reason.rstrip("."),
    )


def _open(url: str) -> sa.Engine:
    try:
        if url.startswith("sqlite"):
            engine = sa.create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000})
            sa.event.listen(engine, "connect", _prepare_sqlite)
            sa.event.listen(engine, "begin", _begin_sqlite)
        else:
            engine = sa.create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": 5})
    except (sa.exc.ArgumentError, ImportError) as error:
        raise store_error(error) from error
    with store_errors():
        ensure_schema(engine)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions are begun by `_begin_sqlite`, not by the driver's guess
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA synchronous = NORMAL")  # with WAL: a crash of the machine may lose the last commits only
    cursor.execute("PRAGMA temp_store = MEMORY")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    # A transaction that reads first and writes later can fail halfway in WAL mode: writers take the lock at once.
    write = connection.get_execution_options().get("lathe_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
