"""Every run is an MLflow run too: parameters, metrics with steps, tags, state, in one experiment a data set.

MLflow is imported on first use (2 s, 100 MB), by the engine process and its workers only; pages never call this.
"""

from __future__ import annotations

import fcntl
import functools
import json
import math
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from engine.errors import EngineError, ErrorKind
from engine.specs import RunSpec, flatten
from engine.store.database import connect, has_mlflow_tables, reading, store_error, tracking_uri, writing
from engine.store.home import home
from engine.store.schema import details, runs
from engine.text import N_

# MLflow's own limits (mlflow.utils.validation)
_PARAM_LIMIT = 6000
_TAG_LIMIT = 8000
_PARAMS_PER_BATCH = 100
_METRICS_PER_BATCH = 1000
_EXPERIMENT_LOCK = threading.Lock()

Point = tuple[str, float, int, int]  # key, value, Unix milliseconds, step


def client() -> Any:
    """MLflow's client on the workspace's store; makes MLflow's tables on first use."""
    return _client(tracking_uri())


@functools.lru_cache(maxsize=4)
def _client(uri: str) -> Any:
    import logging

    logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)  # "Creating initial tables…"
    if has_mlflow_tables():
        connect()  # Lathe opens the file first, so that it is in WAL mode before anyone else writes
    from mlflow.tracking import MlflowClient

    try:
        # a client by itself does not connect; the first search makes the tables
        with _one_at_a_time():
            _mend()
            made = MlflowClient(tracking_uri=uri)
            made.search_experiments(max_results=1)
    except Exception as error:  # MLflow raises whatever its backend raises
        raise _unavailable(error) from error
    return made


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """MLflow's migrations do not stand two processes that make its tables at the same time (several workers do)."""
    with (home() / ".mlflow.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _mend() -> None:
    """Take back the step of MLflow's migrations in which a process was killed; on SQLite they are no transactions.

    A step copies a table to `_alembic_tmp_<table>`, drops it and gives the copy its name.
    """
    if not has_mlflow_tables() or connect().dialect.name != "sqlite":
        return
    with writing() as connection:
        tables = set(sa.inspect(connection).get_table_names())
        for copy in sorted(table for table in tables if table.startswith("_alembic_tmp_")):
            name = copy.removeprefix("_alembic_tmp_")
            quoted = connection.dialect.identifier_preparer.quote
            undo = f"DROP TABLE {quoted(copy)}"
            redo = f"ALTER TABLE {quoted(copy)} RENAME TO {quoted(name)}"
            connection.exec_driver_sql(undo if name in tables else redo)


def ensure_run(run_id: str, spec: RunSpec) -> str:
    """The MLflow run of a run, made with its parameters where it is missing."""
    with reading() as connection:
        row = connection.execute(
            sa.select(runs.c.mlflow_run_id, runs.c.name, runs.c.dataset_name).where(runs.c.id == run_id)
        ).one()
    if row.mlflow_run_id:
        return str(row.mlflow_run_id)
    with _mlflow_errors():
        experiment = _experiment(spec.data.dataset, row.dataset_name)
        tags = {"lathe.run_id": run_id, "lathe.dataset": spec.data.dataset, "lathe.family": spec.model.kind}
        made = client().create_run(experiment, run_name=row.name, tags=tags)
        _log_params(made.info.run_id, spec)
        mine = sa.and_(runs.c.id == run_id, runs.c.mlflow_run_id == "")
        with writing() as connection:
            first = connection.execute(runs.update().where(mine).values(mlflow_run_id=made.info.run_id)).rowcount == 1
        if first:
            return str(made.info.run_id)
        client().delete_run(made.info.run_id)  # another process was quicker
    return ensure_run(run_id, spec)


def log_metrics(mlflow_run_id: str, points: Sequence[Point]) -> None:
    """Write metric points in batches; NaN and infinity are kept."""
    from mlflow.entities import Metric

    with _mlflow_errors():
        for start in range(0, len(points), _METRICS_PER_BATCH):
            batch = [Metric(*point) for point in points[start : start + _METRICS_PER_BATCH]]
            client().log_batch(mlflow_run_id, metrics=batch, synchronous=True)


def read_metrics(mlflow_run_id: str, keys: Sequence[str] | None) -> Iterable[tuple[str, int, float, int]]:
    """All points (key, step, value, Unix milliseconds) in order of steps, for stores that are MLflow servers."""
    with _mlflow_errors():
        known = client().get_run(mlflow_run_id).data.metrics
        wanted = [key for key in known if keys is None or key in keys]
        points = [point for key in wanted for point in client().get_metric_history(mlflow_run_id, key)]
    points.sort(key=lambda point: (point.step, point.timestamp))
    return [(p.key, p.step, p.value, p.timestamp) for p in points if math.isfinite(p.value) and abs(p.value) < 1e300]


def mirror(limit: int = 20) -> int:
    """Tell MLflow what has changed about runs (state, name, tags, note, bin); returns how many it was told of."""
    columns = [runs.c[n] for n in ("id", "name", "status", "ended_at", "deleted", "tag_lines", "changed", "mirrored")]
    query = (
        sa.select(*columns, details.c.spec, details.c.tags, details.c.note)
        .join(details, details.c.run_id == runs.c.id)
        .where(runs.c.changed != runs.c.mirrored)
        .order_by(runs.c.created_at)
        .limit(limit)
    )
    with reading() as connection:
        changed = list(connection.execute(query))
    for row in changed:
        try:
            spec = RunSpec.parse(row.spec)
        except EngineError:  # written by another version: MLflow knows it from there
            spec = None
        if spec is not None:
            _mirror_one(row, ensure_run(row.id, spec))
        with writing() as connection:
            connection.execute(runs.update().where(runs.c.id == row.id).values(mirrored=row.changed))
    return len(changed)


def _mirror_one(row: Any, mlflow_run_id: str) -> None:
    from mlflow.entities import RunTag

    with _mlflow_errors():
        info = client().get_run(mlflow_run_id).info
        if info.lifecycle_stage == "deleted":
            if row.deleted:
                return
            client().restore_run(mlflow_run_id)
        ended = int(row.ended_at * 1000) if row.ended_at else None
        if row.status in ("FINISHED", "FAILED", "KILLED"):
            client().set_terminated(mlflow_run_id, row.status, ended)
            client().update_run(mlflow_run_id, name=row.name)
        else:
            client().update_run(mlflow_run_id, status=row.status, name=row.name)
        folder = (home() / "runs" / row.id).as_uri()
        tags = {"mlflow.note.content": row.note, "lathe.folder": folder, **json.loads(row.tags)}
        entities = [RunTag(_key(key), value[:_TAG_LIMIT]) for key, value in tags.items()]
        client().log_batch(mlflow_run_id, tags=entities, synchronous=True)
        if row.deleted:
            client().delete_run(mlflow_run_id)


def _experiment(dataset_id: str, dataset_name: str) -> str:
    """The experiment of a data set; the id keeps data sets of the same name apart."""
    name = f"lathe/{dataset_name or 'data'} {dataset_id[:8]}"
    with _EXPERIMENT_LOCK:
        return _experiment_named(name, tracking_uri())


@functools.lru_cache(maxsize=256)
def _experiment_named(name: str, _uri: str) -> str:
    found = client().get_experiment_by_name(name)
    if found is None:
        try:
            # Lathe's own files lie in the run's folder (tag lathe.folder); this is for what others log.
            place = (home() / "mlflow-artifacts").as_uri() if has_mlflow_tables() else None
            return str(client().create_experiment(name, artifact_location=place))
        except Exception:  # another process made it first; MLflow has no error of its own for that
            found = client().get_experiment_by_name(name)
            if found is None:
                raise
    if found.lifecycle_stage == "deleted":
        client().restore_experiment(found.experiment_id)
    return str(found.experiment_id)


def _log_params(mlflow_run_id: str, spec: RunSpec) -> None:
    from mlflow.entities import Param

    leaves: Mapping[str, Any] = flatten(spec)
    params = [Param(_key(path), _text(value)[:_PARAM_LIMIT]) for path, value in leaves.items()]
    for start in range(0, len(params), _PARAMS_PER_BATCH):
        client().log_batch(mlflow_run_id, params=params[start : start + _PARAMS_PER_BATCH], synchronous=True)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _key(name: str) -> str:
    """MLflow allows letters, digits and a few signs in keys, up to 250."""
    return "".join(c if c.isalnum() or c in "_-. /:" else "_" for c in name)[:250] or "_"


class _mlflow_errors:  # noqa: N801 - used as a context manager
    """Turns what MLflow raises into an `EngineError`."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: Any) -> None:
        if isinstance(error, Exception) and not isinstance(error, EngineError):
            raise _unavailable(error) from error


def _unavailable(error: Exception) -> EngineError:
    if isinstance(error, sa.exc.SQLAlchemyError | OSError) and "http" not in tracking_uri()[:4]:
        return store_error(error)
    text = str(error).strip().splitlines()
    return EngineError(
        ErrorKind.UNAVAILABLE,
        N_("MLflow does not answer: {reason}."),
        hint=N_("Check MLFLOW_TRACKING_URI and that the server runs."),
        reason=(text[0] if text else type(error).__name__)[:300].rstrip("."),
    )
