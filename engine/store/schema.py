"""Lathe's own tables, and how a database gets them.

MLflow keeps parameters and metric histories; lists of ten thousand runs, a queue with transactions and questions to
the engine are not what its tables are made for. `lathe_runs` is narrow, so that a search reads few pages; what only a
shown run needs lies in `lathe_details`.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from engine.errors import EngineError, ErrorKind
from engine.text import N_

SCHEMA_VERSION = 1
# One number for all of Lathe: PostgreSQL's advisory locks are named by integers.
_ADVISORY_LOCK = 0x1A7E

metadata = sa.MetaData()

meta = sa.Table("lathe_meta", metadata, sa.Column("key", sa.Text, primary_key=True), sa.Column("value", sa.Text))

runs = sa.Table(
    "lathe_runs",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("token", sa.String(200), unique=True),  # of the form that made it; NULL: none
    sa.Column("name", sa.Text, nullable=False, default=""),
    sa.Column("status", sa.String(12), nullable=False),
    sa.Column("dataset_id", sa.String(32), nullable=False, default=""),
    sa.Column("dataset_name", sa.Text, nullable=False, default=""),
    sa.Column("search", sa.Text, nullable=False, default=""),  # lower case: name, note, tags, data set, family
    sa.Column("tag_lines", sa.Text, nullable=False, default=""),  # "\nkey\nkey=value\n…"
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("started_at", sa.Float),
    sa.Column("ended_at", sa.Float),
    sa.Column("position", sa.Float, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False, default=0),
    sa.Column("seconds", sa.Float, nullable=False, default=0.0),
    sa.Column("deleted", sa.Boolean, nullable=False, default=False),
    sa.Column("stop_requested", sa.Boolean, nullable=False, default=False),
    sa.Column("give_back", sa.Boolean, nullable=False, default=False),  # the engine goes: checkpoint, then back
    # A branch is to begin in the middle: number of the newest request, of the newest answer, and its step.
    sa.Column("checkpoint_asked", sa.Integer, nullable=False, default=0, server_default="0"),
    sa.Column("checkpoint_kept", sa.Integer, nullable=False, default=0, server_default="0"),
    sa.Column("checkpoint_step", sa.Integer, nullable=False, default=0, server_default="0"),
    sa.Column("parent_run", sa.String(32), nullable=False, default="", server_default=""),  # that it goes on from
    # "run", or "trial" of a search: lists leave trials out unless they are asked for.
    sa.Column("purpose", sa.String(12), nullable=False, default="run", server_default="run"),
    sa.Column("search_id", sa.String(32), nullable=False, default="", server_default=""),
    sa.Column("trial", sa.Integer, nullable=False, default=0, server_default="0"),  # its number in the search
    sa.Column("part", sa.Integer, nullable=False, default=0, server_default="0"),  # which seed or fold of the trial
    sa.Column("worker", sa.String(40), nullable=False, default="", server_default=""),  # that last took it
    sa.Column("owner", sa.String(64), nullable=False, default=""),  # the claim that may write to it
    sa.Column("mlflow_run_id", sa.String(64), nullable=False, default=""),
    sa.Column("changed", sa.Integer, nullable=False, default=1),  # counts edits that MLflow has to hear of
    sa.Column("mirrored", sa.Integer, nullable=False, default=0),  # the edit that MLflow knows
    sa.Index("lathe_runs_created", "deleted", "created_at"),
    sa.Index("lathe_runs_name", "deleted", "name"),
    sa.Index("lathe_runs_seconds", "deleted", "seconds"),
    sa.Index("lathe_runs_queue", "status", "position"),
    sa.Index("lathe_runs_parent", "parent_run"),
    sa.Index("lathe_runs_dataset", "dataset_id", "created_at"),
    sa.Index("lathe_runs_listed", "purpose", "deleted", "created_at"),
    sa.Index("lathe_runs_states", "purpose", "deleted", "status", "created_at"),  # what runs or waits, among thousands
    sa.Index("lathe_runs_search", "search_id", "trial"),
)

details = sa.Table(
    "lathe_details",
    metadata,
    sa.Column("run_id", sa.String(32), primary_key=True),
    sa.Column("spec", sa.Text, nullable=False),
    sa.Column("progress", sa.Text, nullable=False, default="{}"),  # epoch, step, …, metrics, best, sparkline
    sa.Column("error", sa.Text, nullable=False, default=""),
    sa.Column("warnings", sa.Text, nullable=False, default="[]"),
    sa.Column("tags", sa.Text, nullable=False, default="{}"),
    sa.Column("note", sa.Text, nullable=False, default=""),
    sa.Column("result", sa.Text, nullable=False, default="", server_default=""),  # of a trial: metrics, curve, costs
)

# The newest value of each metric of each run, to sort lists by.
values = sa.Table(
    "lathe_values",
    metadata,
    sa.Column("run_id", sa.String(32), primary_key=True),
    sa.Column("key", sa.String(250), primary_key=True),
    sa.Column("value", sa.Float, nullable=False),
    sa.Index("lathe_values_key", "key", "value"),
)

searches = sa.Table(
    "lathe_searches",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("token", sa.String(200), unique=True),
    sa.Column("name", sa.Text, nullable=False, default=""),
    sa.Column("status", sa.String(12), nullable=False),
    sa.Column("dataset_id", sa.String(32), nullable=False, default=""),
    sa.Column("dataset_name", sa.Text, nullable=False, default=""),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("ended_at", sa.Float),
    sa.Column("seconds", sa.Float, nullable=False, default=0.0),  # of wall time while it was running
    sa.Column("deleted", sa.Boolean, nullable=False, default=False),
    sa.Column("owner", sa.String(64), nullable=False, default=""),  # the oracle process that may write to it
    sa.Column("spec", sa.Text, nullable=False),
    sa.Column("budget", sa.Text, nullable=False),  # as it is now; the document says how it began
    sa.Column("oracle", sa.Text, nullable=False, default=""),  # what cannot be rebuilt from the trials
    sa.Column("reason", sa.Text, nullable=False, default=""),
    sa.Column("error", sa.Text, nullable=False, default=""),
    sa.Index("lathe_searches_status", "status"),
    sa.Index("lathe_searches_created", "deleted", "created_at"),
)

trials = sa.Table(
    "lathe_trials",
    metadata,
    sa.Column("search_id", sa.String(32), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("status", sa.String(12), nullable=False),
    sa.Column("origin", sa.String(12), nullable=False, default="oracle"),
    sa.Column("oracle_id", sa.String(40), nullable=False, default=""),  # as KerasTuner calls it; "": not told of yet
    sa.Column("told", sa.Integer, nullable=False, default=0),  # place in the order of tellings; 0: not told its end yet
    sa.Column("proposal", sa.Text, nullable=False, default="{}"),  # KerasTuner's values
    sa.Column("values", sa.Text, nullable=False, default="{}"),  # the document's: dotted path -> value
    sa.Column("plan", sa.Text, nullable=False, default="{}"),  # epochs, first_epoch, continues, bracket, round
    sa.Column("run_ids", sa.Text, nullable=False, default="[]"),
    sa.Column("score", sa.Float),
    sa.Column("result", sa.Text, nullable=False, default="{}"),  # scores, spread, objectives, curve, seconds
    sa.Column("reason", sa.Text, nullable=False, default=""),
    sa.Column("error", sa.Text, nullable=False, default=""),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("ended_at", sa.Float),
    sa.Index("lathe_trials_status", "search_id", "status"),
)

questions = sa.Table(
    "lathe_questions",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("verb", sa.String(40), nullable=False),
    sa.Column("document", sa.Text, nullable=False),
    sa.Column("status", sa.String(12), nullable=False),  # WAITING, ASKED (the desk has it), ANSWERED, FAILED
    sa.Column("asked_at", sa.Float, nullable=False),
    sa.Column("wanted_until", sa.Float, nullable=False),  # nobody waits for the answer any longer
    sa.Column("answered_at", sa.Float),
    sa.Column("answer", sa.Text, nullable=False, default=""),
    sa.Index("lathe_questions_status", "status", "asked_at"),
    sa.Index("lathe_questions_answered", "answered_at"),
)

# One row a probe: the same document with the same budget is never trained twice (`engine.store.probes`).
probes = sa.Table(
    "lathe_probes",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),  # digest of document and budget
    sa.Column("spec", sa.Text, nullable=False),
    sa.Column("budget", sa.Text, nullable=False),
    sa.Column("dataset_id", sa.String(32), nullable=False, default=""),
    sa.Column("family", sa.String(40), nullable=False, default=""),
    sa.Column("status", sa.String(12), nullable=False),
    sa.Column("priority", sa.Integer, nullable=False, default=0),  # lower goes first
    sa.Column("asked_at", sa.Float, nullable=False),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("started_at", sa.Float),
    sa.Column("ended_at", sa.Float),
    sa.Column("attempt", sa.Integer, nullable=False, default=0),
    sa.Column("owner", sa.String(64), nullable=False, default=""),  # the claim that may write to it
    sa.Column("result", sa.Text, nullable=False, default="{}"),  # curves, metrics, seconds, traced…
    sa.Index("lathe_probes_queue", "status", "priority", "asked_at"),
    sa.Index("lathe_probes_dataset", "dataset_id", "status", "ended_at"),
)

# Who wants which probe: one that nobody wants any more is cancelled.
probe_wishes = sa.Table(
    "lathe_probe_wishes",
    metadata,
    sa.Column("session", sa.String(120), primary_key=True),
    sa.Column("probe_id", sa.String(32), primary_key=True),
    sa.Column("wished_at", sa.Float, nullable=False),
    sa.Index("lathe_probe_wishes_probe", "probe_id"),
)

# Every tweak of a baseline with its effect.
ledger = sa.Table(
    "lathe_ledger",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),  # digest of baseline, changes and budget
    sa.Column("baseline", sa.String(32), nullable=False),  # digest of the baseline's document
    sa.Column("entry", sa.Text, nullable=False),  # LedgerEntry
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("updated_at", sa.Float, nullable=False),
    sa.Index("lathe_ledger_baseline", "baseline", "updated_at"),
)

engine_lease = sa.Table(
    "lathe_engine",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),  # always 1: one engine a workspace
    sa.Column("owner", sa.String(64), nullable=False),
    sa.Column("host", sa.Text, nullable=False, default=""),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("pid_started_at", sa.Float, nullable=False, default=0.0),  # pids are used again
    sa.Column("heartbeat", sa.Float, nullable=False),
    sa.Column("processes", sa.Text, nullable=False, default="[]"),  # [[pid, started_at]…] to sweep after a crash
    sa.Column("state", sa.Text, nullable=False, default="{}"),  # EngineState
)


def ensure_schema(engine: sa.Engine) -> None:
    """Create the tables where they are missing; safe where many processes start together.

    Raises:
        EngineError: CONFLICT where a newer Lathe wrote the database.
    """
    with _alone(engine) as connection:
        meta.create(connection, checkfirst=True)
        found = connection.execute(sa.select(meta.c.value).where(meta.c.key == "schema_version")).scalar()
        if found is None:
            metadata.create_all(connection)
            connection.execute(meta.insert().values(key="schema_version", value=str(SCHEMA_VERSION)))
        elif int(found) <= SCHEMA_VERSION:
            _add_what_is_new(connection)
        else:
            raise EngineError(
                ErrorKind.CONFLICT,
                N_("This workspace was written by a newer Lathe (schema {found}, this one knows {known})."),
                hint=N_("Update Lathe, or choose another folder with LATHE_HOME."),
                found=int(found),
                known=SCHEMA_VERSION,
            )


def _add_what_is_new(connection: sa.Connection) -> None:
    """Tables and columns that a database of an older Lathe lacks; a new column needs a default in the database."""
    known = sa.inspect(connection)
    present = set(known.get_table_names())
    metadata.create_all(connection, [table for name, table in metadata.tables.items() if name not in present])
    quoted = connection.dialect.identifier_preparer
    for name, table in metadata.tables.items():
        found = {column["name"] for column in known.get_columns(name)} if name in present else set(table.c.keys())
        for column in table.c:
            if column.name not in found:
                definition = sa.schema.CreateColumn(column).compile(dialect=connection.dialect)
                connection.exec_driver_sql(f"ALTER TABLE {quoted.format_table(table)} ADD COLUMN {definition}")
        if name in present:
            there = {index["name"] for index in known.get_indexes(name)}
            for index in table.indexes:
                if index.name not in there:
                    index.create(connection)
        for index in table.indexes:
            index.create(connection, checkfirst=True)


@contextmanager
def _alone(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction that no other process is in."""
    if engine.dialect.name != "sqlite":
        with engine.begin() as connection:
            connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})"))
            yield connection
        return
    file = engine.url.database
    if not file or file == ":memory:":
        with engine.begin() as connection:
            yield connection
        return
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    # A lock file: the switch to WAL does not wait for other connections, whatever the busy timeout.
    with open(f"{file}.lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with engine.connect() as connection:
            raw = connection.connection.driver_connection
            if raw is not None and raw.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                raw.execute("PRAGMA journal_mode = WAL")
            with connection.execution_options(lathe_write=True).begin():
                yield connection
