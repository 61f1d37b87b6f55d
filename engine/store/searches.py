"""Searches and their trials as pages see them: entering, listing, steering.

What the oracle process writes stands in `engine.store.trials`. A trial's runs are rows of `lathe_runs` with
`purpose = "trial"`; whether a trial waits or runs is read from them.
"""

from __future__ import annotations

import functools
import json
import math
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import sqlalchemy as sa

from engine.errors import EngineError, ErrorKind
from engine.specs import RunSpec, RunStatus
from engine.specs.search import SearchBudget
from engine.specs.search_records import SearchRecord, SearchStatus, TrialRecord, TrialStatus
from engine.store.database import reading, writing
from engine.store.metrics import lower_is_better
from engine.store.schema import details, runs, searches, trials
from engine.store.trial_rows import standing, trial_record, with_place
from engine.text import N_

_SETTLED_S = 10.0  # after its end, what is written of a trial does not change any more
_RUN_COLUMNS = ("id", "trial", "part", "status", "started_at", "ended_at", "seconds", "worker", "attempt")
_OPEN = (TrialStatus.RUNNING.value, TrialStatus.JUDGING.value)
COSTS = ("parameters", "flops", "latency_ms", "seconds", "memory_bytes")  # objectives of which less is better


def add_search(spec: RunSpec, *, token: str = "", dataset_name: str = "") -> str:
    """Enter a search; the same `token` always gives the same one."""
    search = spec.search
    if search is None:
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("This document says nothing about what to search."),
            hint=N_("Add a search space to it first."),
        )
    search_id = uuid.uuid4().hex[:16]
    row = {
        "id": search_id,
        "token": token or None,
        "name": spec.name or f"{spec.model.label or spec.model.kind} · {dataset_name or spec.data.name}",
        "status": SearchStatus.RUNNING.value,
        "dataset_id": spec.data.dataset,
        "dataset_name": dataset_name or spec.data.name,
        "created_at": time.time(),
        "spec": spec.model_dump_json(),
        "budget": search.budget.model_dump_json(),
    }
    try:
        with writing() as connection:
            if token and (known := _by_token(connection, token)):
                return known
            connection.execute(searches.insert().values(row))
    except sa.exc.IntegrityError:  # PostgreSQL: another process entered the same form between our two statements
        with reading() as connection:
            if known := _by_token(connection, token):
                return known
        raise
    return search_id


def full_id(search_id: str, connection: sa.Connection | None = None) -> str:
    """The whole id of the one search whose id begins with `search_id`.

    Raises:
        EngineError: NOT_FOUND, or BAD_INPUT where several begin like this.
    """
    if connection is None:
        with reading() as opened:
            return full_id(search_id, opened)
    prefix = search_id.strip().lower()
    query = sa.select(searches.c.id).where(searches.c.id.startswith(prefix, autoescape=True)).limit(2)
    ids = list(connection.execute(query.order_by(searches.c.id)).scalars()) if prefix else []
    if not ids:
        raise EngineError(
            ErrorKind.NOT_FOUND,
            N_("There is no search {search}."),
            hint=N_("See the list of searches for those that are there."),
            search=search_id or '""',
        )
    if len(ids) > 1 and ids[0] != prefix:
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("Several searches begin with {search}."),
            hint=N_("Give more of the id."),
            search=search_id,
        )
    return str(ids[0])


# ---- reading ------------------------------------------------------------------------------------------------------
def list_searches(*, limit: int = 200, deleted: bool = False) -> list[SearchRecord]:
    """All searches, newest first."""
    query = sa.select(searches).where(searches.c.deleted == sa.literal(deleted)).order_by(searches.c.created_at.desc())
    with reading() as connection:
        rows = list(connection.execute(query.limit(limit)))
        return [record for row in rows if (record := _search_record(connection, row)) is not None]


def get_search(search_id: str) -> SearchRecord:
    """One search; a unique prefix of its id is enough."""
    with reading() as connection:
        key = full_id(search_id, connection)
        row = connection.execute(sa.select(searches).where(searches.c.id == key)).one()
        record = _search_record(connection, row)
    if record is None:
        raise EngineError(
            ErrorKind.CONFLICT,
            N_("The document of search {search} cannot be read by this version of Lathe."),
            hint=N_("Update Lathe to the version that wrote it."),
            search=key,
        )
    return record


def list_trials(search_id: str, known: Iterable[TrialRecord] = ()) -> list[TrialRecord]:
    """All trials of a search, in the order in which they were proposed.

    Args:
        search_id: of the search.
        known: what this gave before. Trials that were over by then are taken from it, so that following a search of
            a thousand trials reads the few that change.
    """
    with reading() as connection:
        key = full_id(search_id, connection)
        settled_until = time.time() - _SETTLED_S
        settled = {
            trial.number: trial
            for trial in known
            if trial.search_id == key and trial.status.is_over and (trial.ended_at or math.inf) < settled_until
        }
        row = connection.execute(sa.select(searches.c.spec).where(searches.c.id == key)).one()
        query = sa.select(trials).where(trials.c.search_id == key, trials.c.number.not_in(list(settled)))
        rows = list(connection.execute(query.order_by(trials.c.number)))
        live = _runs_of(connection, key, but_for=list(settled))
    spec = parse(row.spec)
    goals = objectives_of(spec) if spec is not None else ()
    best, front = leaders([*map(standing, settled.values()), *rows], goals)
    found = [trial_record(trial, live.get(trial.number, []), best, front) for trial in rows]
    found += [with_place(trial, trial.number == best, trial.number in front) for trial in settled.values()]
    return sorted(found, key=lambda trial: trial.number)


def objectives_of(spec: RunSpec) -> tuple[tuple[str, Literal["max", "min"]], ...]:
    """The objectives with what "auto" stands for: (metric, "max" or "min")."""
    search = spec.search
    if search is None:
        return ()
    first = "val/accuracy" if spec.data.task.is_classification else "val/rmse"
    resolved: list[tuple[str, Literal["max", "min"]]] = []
    for goal in search.objectives:
        metric = first if goal.metric == "auto" else goal.metric
        natural: Literal["max", "min"] = "min" if lower_is_better(metric) or metric in COSTS else "max"
        resolved.append((metric, natural if goal.direction == "auto" else goal.direction))
    return tuple(resolved)


def leaders(rows: Iterable[Any], goals: Sequence[tuple[str, str]]) -> tuple[int | None, frozenset[int]]:
    """The number of the best trial by the first objective, and the trials on the Pareto front of two."""
    from engine.tuning.pareto import front_of

    scored = [row for row in rows if row.score is not None and row.status in _SCORED]
    if not scored or not goals:
        return None, frozenset()
    sign = 1.0 if goals[0][1] == "max" else -1.0
    best = max(scored, key=lambda row: (sign * row.score, -row.number))
    if len(goals) < 2:
        return int(best.number), frozenset()
    points = []
    for row in scored:
        values = json.loads(row.result).get("objectives", {})
        points.append([values.get(metric, float("nan")) for metric, _ in goals])
    chosen = front_of(points, [direction for _, direction in goals])
    return int(best.number), frozenset(int(scored[i].number) for i in chosen)


# ---- steering -----------------------------------------------------------------------------------------------------
def set_status(search_id: str, wanted: SearchStatus) -> None:
    """Pause, resume or stop a search; a stopped one can be resumed too, and goes on where it was.

    Raises:
        EngineError: CONFLICT where the state of the search does not allow it.
    """
    allowed = {
        SearchStatus.PAUSED: (SearchStatus.RUNNING,),
        SearchStatus.RUNNING: (SearchStatus.PAUSED, SearchStatus.STOPPED, SearchStatus.FINISHED, SearchStatus.FAILED),
        SearchStatus.STOPPED: (SearchStatus.RUNNING, SearchStatus.PAUSED),
    }
    with writing() as connection:
        key = full_id(search_id, connection)
        row = connection.execute(sa.select(searches.c.status, searches.c.name).where(searches.c.id == key)).one()
        now = SearchStatus(row.status)
        if wanted is SearchStatus.STOPPED and now.is_over:
            end_runs(connection, key)  # what an engine that ended gave back to the queue meanwhile
            return
        if now is wanted:
            return
        if now not in allowed[wanted]:
            raise EngineError(
                ErrorKind.CONFLICT,
                N_("The search {name} is not running."),
                hint=N_("Resume it first."),
                name=row.name,
            )
        ended = time.time() if wanted is SearchStatus.STOPPED else None
        changes: dict[str, Any] = {"status": wanted.value, "ended_at": ended, "reason": ""}
        if wanted is SearchStatus.RUNNING:
            changes["error"] = ""
        connection.execute(searches.update().where(searches.c.id == key).values(changes))
        if wanted is SearchStatus.STOPPED:
            end_runs(connection, key)


def end_runs(connection: sa.Connection, search_id: str, *, trial: int | None = None) -> None:
    """Take waiting runs of a search (or of one trial) out of the queue and ask running ones to stop."""
    ours = runs.c.search_id == search_id
    if trial is not None:
        ours = sa.and_(ours, runs.c.trial == trial)
    waiting = sa.and_(ours, runs.c.status == RunStatus.SCHEDULED.value)
    killed = {"status": RunStatus.KILLED.value, "ended_at": time.time(), "changed": runs.c.changed + 1}
    connection.execute(runs.update().where(waiting).values(killed))
    running = sa.and_(ours, runs.c.status == RunStatus.RUNNING.value)
    connection.execute(runs.update().where(running).values(stop_requested=True))


def set_budget(search_id: str, changes: Mapping[str, Any]) -> SearchBudget:
    """Raise or lower limits of a search that may be running; returns all of them."""
    from pydantic import ValidationError

    with writing() as connection:
        key = full_id(search_id, connection)
        text = connection.execute(sa.select(searches.c.budget).where(searches.c.id == key)).scalar()
        try:
            budget = SearchBudget.model_validate(json.loads(str(text)) | dict(changes))
        except ValidationError as error:
            first = error.errors()[0]
            raise EngineError(
                ErrorKind.BAD_INPUT,
                N_("{where}: {problem}"),
                hint=N_("Correct this field and try again."),
                where="search.budget." + ".".join(str(part) for part in first["loc"]),
                problem=str(first["msg"]),
            ) from error
        connection.execute(searches.update().where(searches.c.id == key).values(budget=budget.model_dump_json()))
    return budget


def rename(search_id: str, name: str) -> None:
    """Give a search another name."""
    with writing() as connection:
        key = full_id(search_id, connection)
        connection.execute(searches.update().where(searches.c.id == key).values(name=name.strip()[:200]))


def delete(search_id: str, *, deleted: bool = True) -> None:
    """Move a search with its trials to the bin, or bring it back; a running one is stopped first."""
    if deleted:
        set_status(search_id, SearchStatus.STOPPED)
    with writing() as connection:
        key = full_id(search_id, connection)
        connection.execute(searches.update().where(searches.c.id == key).values(deleted=deleted))
        changes = {"deleted": deleted, "changed": runs.c.changed + 1}
        connection.execute(runs.update().where(runs.c.search_id == key).values(changes))


# ---- rows ---------------------------------------------------------------------------------------------------------
_SCORED = (TrialStatus.COMPLETED.value, TrialStatus.STOPPED.value)


@functools.lru_cache(maxsize=256)
def parse(document: str) -> RunSpec | None:
    """The document of a search; None for one that this version does not understand."""
    try:
        return RunSpec.parse(document)
    except EngineError:
        return None


def _by_token(connection: sa.Connection, token: str) -> str | None:
    return connection.execute(sa.select(searches.c.id).where(searches.c.token == token)).scalar()


def _runs_of(connection: sa.Connection, search_id: str, *, but_for: Sequence[int]) -> dict[int, list[Any]]:
    columns = [runs.c[n] for n in _RUN_COLUMNS]
    query = sa.select(*columns, details.c.result).join(details, details.c.run_id == runs.c.id)
    ours = sa.and_(runs.c.search_id == search_id, runs.c.trial.not_in(but_for))
    by_trial: dict[int, list[Any]] = {}
    for row in connection.execute(query.where(ours).order_by(runs.c.trial, runs.c.part)):
        by_trial.setdefault(row.trial, []).append(row)
    return by_trial


def _search_record(connection: sa.Connection, row: Any) -> SearchRecord | None:
    spec = parse(row.spec)
    if spec is None or spec.search is None:
        return None
    goals = objectives_of(spec)
    # Results hold whole curves: they are read only where a second objective stands in them.
    wanted = ("number", "status", "origin", "score", "ended_at", *(("result",) if len(goals) > 1 else ()))
    columns = [trials.c[name] for name in wanted]
    found = list(connection.execute(sa.select(*columns).where(trials.c.search_id == row.id)))
    open_runs = sa.select(runs.c.trial, runs.c.status).where(
        runs.c.search_id == row.id, runs.c.status.in_((RunStatus.RUNNING.value, RunStatus.SCHEDULED.value))
    )
    by_status: dict[str, set[int]] = {RunStatus.RUNNING.value: set(), RunStatus.SCHEDULED.value: set()}
    for run in connection.execute(open_runs):
        by_status[run.status].add(run.trial)
    begun = by_status[RunStatus.RUNNING.value]
    waiting = by_status[RunStatus.SCHEDULED.value] - begun
    best, front = leaders(found, goals)
    tally = Counter(trial.status for trial in found)
    counts = {status: tally[status.value] for status in TrialStatus}
    own = [trial for trial in found if trial.origin != "earlier"]
    budget = SearchBudget.model_validate_json(row.budget)
    shown = spec.model_copy(update={"search": spec.search.model_copy(update={"budget": budget})})
    seconds = float(row.seconds)
    return SearchRecord.model_construct(
        id=row.id,
        name=row.name,
        status=SearchStatus(row.status),
        spec=shown,
        dataset_name=row.dataset_name,
        created_at=row.created_at,
        ended_at=row.ended_at,
        seconds=seconds,
        trials=sum(trial.status != TrialStatus.WITHDRAWN.value for trial in own),
        completed=sum(trial.status in _SCORED and trial.score is not None for trial in own),
        failed=counts[TrialStatus.FAILED],
        running=len(begun),
        waiting=len(waiting),
        judging=counts[TrialStatus.JUDGING],
        objectives=goals,
        best_trial=best,
        best_score=next((trial.score for trial in found if trial.number == best), None),
        front=tuple(sorted(front)),
        seconds_left=_seconds_left(own, budget, seconds) if row.status == SearchStatus.RUNNING.value else None,
        reason=row.reason,
        error=json.loads(row.error) if row.error else None,
    )


def _seconds_left(own: Sequence[Any], budget: SearchBudget, seconds: float) -> float | None:
    done = sum(trial.ended_at is not None for trial in own)
    by_trials = seconds / done * max(budget.trials - done, 0) if budget.trials and done and seconds else None
    by_time = max(budget.seconds - seconds, 0.0) if budget.seconds else None
    known = [value for value in (by_trials, by_time) if value is not None]
    return min(known) if known else None
