"""The index of runs: listing, searching, naming, deleting. Quick with tens of thousands of runs.

What a run is doing is written by `engine.store.queue` and `engine.store.progress`; its curves lie in MLflow's tables
(`engine.store.metrics`), its files below `runs/<id>/` (`engine.store.artifacts`).
"""

from __future__ import annotations

import functools
import json
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from engine.errors import EngineError, ErrorKind
from engine.specs import RunSpec, RunStatus
from engine.specs.records import EvaluationRecord, RunRecord
from engine.store import evaluations
from engine.store.artifacts import read_examples, read_log
from engine.store.database import reading, writing
from engine.store.metrics import history
from engine.store.schema import details, runs, values
from engine.text import N_

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "add_run",
    "count_runs",
    "delete_runs",
    "full_id",
    "get_run",
    "history",
    "insert_run",
    "list_runs",
    "read_evaluation",
    "read_examples",
    "read_log",
    "read_predictions",
    "restore_runs",
    "update_run",
]

_PLAIN_SORTS = {"created_at": runs.c.created_at, "name": runs.c.name, "seconds": runs.c.seconds}
_RECORD_COLUMNS = [
    *(runs.c[n] for n in ("id", "name", "status", "dataset_name", "created_at", "started_at", "ended_at", "attempt")),
    *(runs.c[n] for n in ("position", "seconds", "deleted", "stop_requested", "purpose", "search_id", "trial")),
    *(details.c[n] for n in ("spec", "progress", "error", "warnings", "tags", "note")),
]


def add_run(spec: RunSpec, *, token: str = "", dataset_name: str = "") -> str:
    """Enter a document into the queue and return the run's id; the same `token` always gives the same run."""
    try:
        with writing() as connection:
            if token and (known := _by_token(connection, token)):
                return known
            return insert_run(connection, spec, dataset_name=dataset_name, token=token or None)
    except sa.exc.IntegrityError:  # PostgreSQL: another process entered the same form between our two statements
        with reading() as connection:
            if known := _by_token(connection, token):
                return known
        raise


def insert_run(connection: sa.Connection, spec: RunSpec, *, dataset_name: str = "", **columns: Any) -> str:
    """Enter a document into the queue within a transaction; returns the run's id.

    Args:
        connection: of a writing transaction.
        spec: the document.
        dataset_name: as lists show it.
        **columns: further columns of `lathe_runs`: token, purpose, search_id, trial, part.
    """
    now = time.time()
    run_id = uuid.uuid4().hex[:16]
    name = spec.name or f"{spec.model.label or spec.model.kind} · {dataset_name or spec.data.name or spec.data.dataset}"
    row: dict[str, Any] = {
        "id": run_id,
        "name": name,
        "status": RunStatus.SCHEDULED.value,
        "dataset_id": spec.data.dataset,
        "dataset_name": dataset_name or spec.data.name,
        "parent_run": spec.parent_run,
        "search": _search_text(name, "", {}, dataset_name or spec.data.name, spec),
        "created_at": now,
        "position": now,
    }
    connection.execute(runs.insert().values(row | columns))
    connection.execute(details.insert().values(run_id=run_id, spec=spec.model_dump_json()))
    return run_id


def list_runs(
    *,
    search: str = "",
    status: RunStatus | None = None,
    dataset_id: str = "",
    tag: str = "",
    sort: str = "-created_at",
    offset: int = 0,
    limit: int = 50,
    deleted: bool = False,
    purpose: str = "run",
) -> list[RunRecord]:
    """A page of runs. `sort`: created_at, name, seconds or a metric key ("-" before it: descending); see `api.runs`."""
    key, descending = sort.removeprefix("-"), sort.startswith("-")
    query = sa.select(runs.c.id)
    if key in _PLAIN_SORTS:
        column: Any = _PLAIN_SORTS[key]
    else:
        query = query.outerjoin(values, sa.and_(values.c.run_id == runs.c.id, values.c.key == key))
        column = values.c.value
    order = column.desc() if descending else column.asc()
    if key not in _PLAIN_SORTS:
        order = order.nulls_last()
    query = query.where(*_filters(search, status, dataset_id, tag, deleted, purpose)).order_by(order, runs.c.id)
    with reading() as connection:
        ids = list(connection.execute(query.offset(max(offset, 0)).limit(max(limit, 0))).scalars())
        found = _records(connection, ids)
    return [found[run_id] for run_id in ids if run_id in found]


def count_runs(
    *,
    search: str = "",
    status: RunStatus | None = None,
    dataset_id: str = "",
    tag: str = "",
    deleted: bool = False,
    purpose: str = "run",
) -> int:
    """How many runs `list_runs` would list over all pages."""
    query = sa.select(sa.func.count()).select_from(runs)
    query = query.where(*_filters(search, status, dataset_id, tag, deleted, purpose))
    with reading() as connection:
        return int(connection.execute(query).scalar() or 0)


def get_run(run_id: str) -> RunRecord:
    """One run; a unique prefix of its id is enough.

    Raises:
        EngineError: NOT_FOUND, or BAD_INPUT where several runs begin like this.
    """
    with reading() as connection:
        key = full_id(run_id, connection)
        found = _records(connection, [key])
    if key not in found:
        raise EngineError(
            ErrorKind.CONFLICT,
            N_("The document of run {run} cannot be read by this version of Lathe."),
            hint=N_("Update Lathe to the version that wrote it."),
            run=key,
        )
    return found[key]


def full_id(run_id: str, connection: sa.Connection | None = None) -> str:
    """The whole id of the one run whose id begins with `run_id`.

    Raises:
        EngineError: NOT_FOUND, or BAD_INPUT where several runs begin like this.
    """
    if connection is None:
        with reading() as opened:
            return full_id(run_id, opened)
    prefix = run_id.strip().lower()
    query = sa.select(runs.c.id).where(runs.c.id.startswith(prefix, autoescape=True)).order_by(runs.c.id).limit(2)
    ids = list(connection.execute(query).scalars()) if prefix else []
    if not ids:
        raise EngineError(
            ErrorKind.NOT_FOUND,
            N_("There is no run {run}."),
            hint=N_("See the list of runs for those that are there."),
            run=run_id or '""',
        )
    if len(ids) > 1 and ids[0] != prefix:
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("Several runs begin with {run}."),
            hint=N_("Give more of the id."),
            run=run_id,
        )
    return str(ids[0])


def update_run(
    run_id: str, *, name: str | None = None, note: str | None = None, tags: Mapping[str, str] | None = None
) -> None:
    """Rename a run, set its note, replace its tags."""
    with writing() as connection:
        key = full_id(run_id, connection)
        record = connection.execute(
            sa.select(runs.c.name, runs.c.dataset_name, details.c.note, details.c.tags, details.c.spec)
            .join(details, details.c.run_id == runs.c.id)
            .where(runs.c.id == key)
        ).one()
        new_name = record.name if name is None else name.strip()[:200] or record.name
        new_note = record.note if note is None else note[:20_000]
        new_tags = json.loads(record.tags) if tags is None else _clean_tags(tags)
        spec = _parse(record.spec)
        connection.execute(
            runs.update()
            .where(runs.c.id == key)
            .values(
                name=new_name,
                search=_search_text(new_name, new_note, new_tags, record.dataset_name, spec),
                tag_lines=_tag_lines(new_tags),
                changed=runs.c.changed + 1,
            )
        )
        connection.execute(
            details.update()
            .where(details.c.run_id == key)
            .values(note=new_note, tags=json.dumps(new_tags, ensure_ascii=False))
        )


def delete_runs(run_ids: Sequence[str]) -> None:
    """Move runs to the bin; waiting ones leave the queue, running ones have to be stopped first.

    Raises:
        EngineError: CONFLICT where one of them is running; none is deleted then.
    """
    with writing() as connection:
        ids = [full_id(run_id, connection) for run_id in run_ids]
        busy = connection.execute(
            sa.select(runs.c.name).where(runs.c.id.in_(ids), runs.c.status == RunStatus.RUNNING.value).limit(1)
        ).scalar()
        if busy is not None:
            raise EngineError(
                ErrorKind.CONFLICT,
                N_("{name} is still running."),
                hint=N_("Stop it first, then delete it."),
                name=busy,
            )
        waiting = sa.and_(runs.c.id.in_(ids), runs.c.status == RunStatus.SCHEDULED.value)
        connection.execute(runs.update().where(waiting).values(status=RunStatus.KILLED.value, ended_at=time.time()))
        connection.execute(runs.update().where(runs.c.id.in_(ids)).values(deleted=True, changed=runs.c.changed + 1))


def restore_runs(run_ids: Sequence[str]) -> None:
    """Undo `delete_runs`."""
    with writing() as connection:
        ids = [full_id(run_id, connection) for run_id in run_ids]
        connection.execute(runs.update().where(runs.c.id.in_(ids)).values(deleted=False, changed=runs.c.changed + 1))


def read_evaluation(run_id: str, part: str) -> EvaluationRecord:
    """How good a run is on a part or on another data set; a unique prefix of its id is enough."""
    return evaluations.read_evaluation(full_id(run_id), part)


def read_predictions(run_id: str, part: str) -> pd.DataFrame:
    """The rows behind an evaluation; a unique prefix of the run's id is enough."""
    return evaluations.read_predictions(full_id(run_id), part)


def _by_token(connection: sa.Connection, token: str) -> str | None:
    return connection.execute(sa.select(runs.c.id).where(runs.c.token == token)).scalar()


def _filters(
    search: str, status: RunStatus | None, dataset_id: str, tag: str, deleted: bool, purpose: str
) -> list[Any]:
    conditions: list[Any] = [runs.c.deleted == sa.literal(deleted)]
    if purpose:
        conditions.append(runs.c.purpose == purpose)
    # Every word has to be found somewhere: "cnn fashion" finds the CNN runs on Fashion-MNIST.
    conditions += [runs.c.search.contains(word, autoescape=True) for word in search.lower().split()[:10]]
    if status is not None:
        conditions.append(runs.c.status == status.value)
    if dataset_id:
        conditions.append(runs.c.dataset_id == dataset_id)
    if tag:
        conditions.append(runs.c.tag_lines.contains(f"\n{tag}\n", autoescape=True))
    return conditions


def _records(connection: sa.Connection, ids: Sequence[str]) -> dict[str, RunRecord]:
    query = sa.select(*_RECORD_COLUMNS).join(details, details.c.run_id == runs.c.id).where(runs.c.id.in_(ids))
    records = {}
    for row in connection.execute(query).mappings():
        spec = _parse(row["spec"])
        if spec is not None:
            records[row["id"]] = _record(row, spec)
    return records


def _record(row: Mapping[Any, Any], spec: RunSpec) -> RunRecord:
    fields = dict(row)
    progress = json.loads(fields.pop("progress"))
    error = fields.pop("error")
    status = RunStatus(row["status"])
    if status is not RunStatus.RUNNING:
        progress |= {"phase": N_("waiting") if status is RunStatus.SCHEDULED else "", "seconds_left": None}
    # model_construct: every value was checked when it was written, and lists of fifty must stay quick
    return RunRecord.model_construct(
        **fields
        | {
            "spec": spec,
            "status": status,
            "error": json.loads(error) if error else None,
            **_noted(row["warnings"]),
            "tags": json.loads(row["tags"]),
            "sparkline": tuple(progress.pop("sparkline", ())),
        },
        **progress,
    )


def _noted(text: str) -> dict[str, Any]:
    """The warnings of a run as sentences, and the same as templates with their values."""
    notices: list[dict[str, Any]] = []
    for entry in json.loads(text):
        notices.append({"message": entry, "values": {}} if isinstance(entry, str) else entry)
    sentences = (str(EngineError(ErrorKind.BAD_DATA, notice["message"], **notice["values"])) for notice in notices)
    return {"warnings": tuple(sentences), "notices": tuple(notices)}


@functools.lru_cache(maxsize=512)
def _parse(document: str) -> RunSpec | None:
    """Documents never change, so each is parsed once; None for one that this version does not understand."""
    try:
        return RunSpec.parse(document)
    except EngineError:
        return None


def _search_text(name: str, note: str, tags: Mapping[str, str], dataset_name: str, spec: RunSpec | None) -> str:
    family = [spec.model.kind, spec.model.label, spec.data.task.value] if spec is not None else []
    words = [name, dataset_name, *family, *tags, *tags.values(), note[:2000]]
    return "\n".join(word for word in words if word).lower()


def _clean_tags(tags: Mapping[str, str]) -> dict[str, str]:
    clean = {key.strip()[:100]: value.strip()[:400] for key, value in tags.items()}
    return {key: value for key, value in clean.items() if key and "\n" not in key + value}


def _tag_lines(tags: Mapping[str, str]) -> str:
    lines = [line for key, value in tags.items() for line in ([key, f"{key}={value}"] if value else [key])]
    return "\n" + "\n".join(lines) + "\n" if lines else ""
