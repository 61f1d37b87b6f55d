"""What the oracle process reads and writes of a search.

Each change is one transaction: a proposal with its runs, a result with what the oracle made of it, and beside them the
state that the oracle goes on from. A process killed at any moment leaves either all of a change or nothing of it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from engine.errors import EngineError, ErrorKind
from engine.specs import RunSpec, RunStatus
from engine.specs.search import SearchBudget
from engine.specs.search_records import Origin, SearchStatus, TrialStatus
from engine.store.database import reading, writing
from engine.store.runs import insert_run
from engine.store.schema import details, runs, searches, trials, values
from engine.store.searches import end_runs, full_id
from engine.text import N_


@dataclass
class TrialRow:
    """A trial as the oracle process knows it."""

    number: int
    status: TrialStatus = TrialStatus.RUNNING
    origin: Origin = "oracle"
    oracle_id: str = ""
    told: int = 0
    proposal: dict[str, Any] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    plan: dict[str, Any] = field(default_factory=dict)
    run_ids: list[str] = field(default_factory=list)
    score: float | None = None
    result: dict[str, Any] = field(default_factory=dict)
    reason: str = ""
    error: EngineError | None = None
    created_at: float = 0.0
    ended_at: float | None = None

    @classmethod
    def of(cls, row: Any) -> TrialRow:
        """From a row of `lathe_trials`."""
        return cls(
            number=row.number,
            status=TrialStatus(row.status),
            origin=row.origin,
            oracle_id=row.oracle_id,
            told=row.told,
            proposal=json.loads(row.proposal),
            values=json.loads(row.values),
            plan=json.loads(row.plan),
            run_ids=json.loads(row.run_ids),
            score=row.score,
            result=json.loads(row.result),
            reason=row.reason,
            error=EngineError.from_record(json.loads(row.error)) if row.error else None,
            created_at=row.created_at,
            ended_at=row.ended_at,
        )

    def columns(self) -> dict[str, Any]:
        """As a row of `lathe_trials`."""
        return {
            "status": self.status.value,
            "origin": self.origin,
            "oracle_id": self.oracle_id,
            "told": self.told,
            "proposal": json.dumps(self.proposal),
            "values": json.dumps(self.values, ensure_ascii=False),
            "plan": json.dumps(self.plan),
            "run_ids": json.dumps(self.run_ids),
            "score": self.score,
            "result": json.dumps(self.result),
            "reason": self.reason,
            "error": json.dumps(self.error.to_record(), ensure_ascii=False) if self.error else "",
            "created_at": self.created_at or time.time(),
            "ended_at": self.ended_at,
        }


@dataclass(frozen=True)
class SearchState:
    """A search as the oracle process finds it."""

    id: str
    status: SearchStatus
    spec: RunSpec
    budget: SearchBudget
    dataset_name: str
    seconds: float
    oracle: dict[str, Any]


@dataclass(frozen=True)
class RunEnd:
    """How one run of a trial stands."""

    run_id: str
    trial: int
    part: int
    status: RunStatus
    ended_at: float | None
    error: EngineError | None
    result: dict[str, Any]


class NotOurs(Exception):  # noqa: N818 - a signal between two processes, not an error that a person sees
    """Another oracle process has taken the search over."""


def active() -> list[str]:
    """The searches that have something to do: those that run, and those with trials that are not over or not told."""
    untold = sa.and_(trials.c.status == TrialStatus.COMPLETED.value, trials.c.told == 0)  # judged since
    open_trials = sa.select(trials.c.search_id).where(sa.or_(trials.c.status == TrialStatus.RUNNING.value, untold))
    wanted = sa.or_(searches.c.status == SearchStatus.RUNNING.value, searches.c.id.in_(open_trials))
    with reading() as connection:
        return [str(i) for i in connection.execute(sa.select(searches.c.id).where(wanted)).scalars()]


def take(search_id: str, owner: str) -> None:
    """Make this process the one that may write to a search."""
    with writing() as connection:
        connection.execute(searches.update().where(searches.c.id == search_id).values(owner=owner))


def load(search_id: str) -> SearchState:
    """A search as it stands.

    Raises:
        EngineError: BAD_INPUT for a document that this version does not understand.
    """
    with reading() as connection:
        row = connection.execute(sa.select(searches).where(searches.c.id == search_id)).one()
    return SearchState(
        id=row.id,
        status=SearchStatus(row.status),
        spec=RunSpec.parse(row.spec),
        budget=SearchBudget.model_validate_json(row.budget),
        dataset_name=row.dataset_name,
        seconds=row.seconds,
        oracle=json.loads(row.oracle) if row.oracle else {},
    )


def status_of(search_id: str) -> tuple[SearchStatus, SearchBudget, float]:
    """What may change while a search is known: (status, budget, seconds)."""
    query = sa.select(searches.c.status, searches.c.budget, searches.c.seconds).where(searches.c.id == search_id)
    with reading() as connection:
        row = connection.execute(query).one()
    return SearchStatus(row.status), SearchBudget.model_validate_json(row.budget), row.seconds


def all_rows(search_id: str) -> list[TrialRow]:
    """All trials of a search by number."""
    with reading() as connection:
        query = sa.select(trials).where(trials.c.search_id == search_id).order_by(trials.c.number)
        return [TrialRow.of(row) for row in connection.execute(query)]


def new_rows(search_id: str) -> list[TrialRow]:
    """Trials that the oracle has not heard of (added by hand, or judged since), by number."""
    waiting = sa.and_(trials.c.told == 0, trials.c.status != TrialStatus.RUNNING.value, trials.c.score.is_not(None))
    unknown = sa.and_(trials.c.oracle_id == "", trials.c.status == TrialStatus.RUNNING.value)
    query = sa.select(trials).where(trials.c.search_id == search_id, sa.or_(waiting, unknown))
    with reading() as connection:
        return [TrialRow.of(row) for row in connection.execute(query.order_by(trials.c.number))]


def runs_of_open_trials(search_id: str) -> dict[int, list[RunEnd]]:
    """The runs of the trials that are not over, by the trial's number."""
    open_ones = sa.select(trials.c.number).where(
        trials.c.search_id == search_id, trials.c.status == TrialStatus.RUNNING.value
    )
    columns = [runs.c[n] for n in ("id", "trial", "part", "status", "ended_at")]
    query = (
        sa.select(*columns, details.c.error, details.c.result)
        .join(details, details.c.run_id == runs.c.id)
        .where(runs.c.search_id == search_id, runs.c.trial.in_(open_ones))
        .order_by(runs.c.trial, runs.c.part)
    )
    found: dict[int, list[RunEnd]] = {}
    with reading() as connection:
        for row in connection.execute(query):
            error = EngineError.from_record(json.loads(row.error)) if row.error else None
            result = json.loads(row.result) if row.result else {}
            end = RunEnd(row.id, row.trial, row.part, RunStatus(row.status), row.ended_at, error, result)
            found.setdefault(row.trial, []).append(end)
    return found


def curves_of_ended_runs(search_id: str, *, but_for: int) -> list[list[float]]:
    """The objective after each epoch of every run of the search that has ended, those of one trial left out."""
    over = (RunStatus.FINISHED.value, RunStatus.KILLED.value)
    query = (
        sa.select(details.c.result)
        .join(runs, details.c.run_id == runs.c.id)
        .where(runs.c.search_id == search_id, runs.c.status.in_(over), runs.c.trial != but_for, details.c.result != "")
    )
    with reading() as connection:
        results = [json.loads(text) for text in connection.execute(query).scalars()]
    return [result["objective"] for result in results if result.get("objective")]


# ---- writing ------------------------------------------------------------------------------------------------------
@contextmanager
def change(search_id: str, owner: str) -> Iterator[sa.Connection]:
    """A transaction of the process that holds the search.

    Raises:
        NotOurs: where another process has taken it over.
    """
    with writing() as connection:
        mine = sa.and_(searches.c.id == search_id, searches.c.owner == owner)
        # An update, not a look: on PostgreSQL it holds the row, so that numbers of trials are given one at a time.
        if connection.execute(searches.update().where(mine).values(owner=owner)).rowcount == 0:
            raise NotOurs(search_id)
        yield connection


def put(connection: sa.Connection, search_id: str, row: TrialRow) -> None:
    """Write a trial, new or changed."""
    known = sa.and_(trials.c.search_id == search_id, trials.c.number == row.number)
    if connection.execute(trials.update().where(known).values(row.columns())).rowcount == 0:
        connection.execute(trials.insert().values(search_id=search_id, number=row.number, **row.columns()))


def enter_runs(
    connection: sa.Connection, search_id: str, number: int, specs: Sequence[RunSpec], dataset_name: str
) -> list[str]:
    """Put the runs of a trial into the queue; their ids."""
    columns = {"purpose": "trial", "search_id": search_id, "trial": number}
    return [
        insert_run(connection, spec, dataset_name=dataset_name, part=part, **columns) for part, spec in enumerate(specs)
    ]


def next_number(connection: sa.Connection, search_id: str) -> int:
    """The number of the next trial; only to be used within a transaction that holds the search."""
    query = sa.select(sa.func.max(trials.c.number)).where(trials.c.search_id == search_id)
    newest = connection.execute(query).scalar()
    return 0 if newest is None else int(newest) + 1


def keep_oracle(connection: sa.Connection, search_id: str, state: Mapping[str, Any]) -> None:
    """Write what the oracle goes on from."""
    text = json.dumps(state, separators=(",", ":"))
    connection.execute(searches.update().where(searches.c.id == search_id).values(oracle=text))


def keep_seconds(search_id: str, owner: str, seconds: float) -> None:
    """Write how long a search has run."""
    with change(search_id, owner) as connection:
        connection.execute(searches.update().where(searches.c.id == search_id).values(seconds=seconds))


def end_search(
    connection: sa.Connection,
    search_id: str,
    status: SearchStatus,
    *,
    reason: str = "",
    error: EngineError | None = None,
    stop_running: bool = False,
) -> None:
    """End a search that runs: what waits is withdrawn, what runs goes on to its end or is stopped."""
    record = json.dumps(error.to_record(), ensure_ascii=False) if error else ""
    running = sa.and_(searches.c.id == search_id, searches.c.status == SearchStatus.RUNNING.value)
    changes = {"status": status.value, "reason": reason, "error": record, "ended_at": time.time()}
    if connection.execute(searches.update().where(running).values(changes)).rowcount == 0:
        return
    if stop_running:
        end_runs(connection, search_id)
        return
    waiting = sa.and_(runs.c.search_id == search_id, runs.c.status == RunStatus.SCHEDULED.value, runs.c.attempt == 0)
    begun = sa.select(runs.c.trial).where(runs.c.search_id == search_id, runs.c.started_at.is_not(None))
    killed = {"status": RunStatus.KILLED.value, "ended_at": time.time(), "changed": runs.c.changed + 1}
    connection.execute(runs.update().where(waiting, runs.c.trial.not_in(begun)).values(killed))


# ---- what pages enter ---------------------------------------------------------------------------------------------
def add_by_hand(search_id: str, chosen: Mapping[str, Any], *, origin: Origin = "hand") -> int:
    """Enter a trial that a person wants; the oracle process gives it its runs. Returns its number."""
    with writing() as connection:
        key = full_id(search_id, connection)
        connection.execute(searches.update().where(searches.c.id == key).values(owner=searches.c.owner))
        row = TrialRow(number=next_number(connection, key), origin=origin, values=dict(chosen))
        put(connection, key, row)
    return row.number


def judge(search_id: str, number: int, score: float) -> None:
    """Keep the judgement of a trial that waits for one; the oracle is told with its next turn.

    Raises:
        EngineError: CONFLICT for a trial that does not wait for a judgement.
    """
    with writing() as connection:
        key = full_id(search_id, connection)
        row = connection.execute(
            sa.select(trials).where(trials.c.search_id == key, trials.c.number == number)
        ).one_or_none()
        if row is None or row.status != TrialStatus.JUDGING.value:
            raise EngineError(
                ErrorKind.CONFLICT,
                N_("Trial {number} does not wait for a judgement."),
                hint=N_("Trials can be judged once they are trained, where the objective is a judgement."),
                number=number,
            )
        result = json.loads(row.result)
        result["objectives"] = {"judgement": score}
        connection.execute(
            trials.update()
            .where(trials.c.search_id == key, trials.c.number == number)
            .values(status=TrialStatus.COMPLETED.value, score=score, result=json.dumps(result), ended_at=time.time())
        )


def metrics_of_run(run_id: str) -> dict[str, float]:
    """The newest value of each metric of a run."""
    with reading() as connection:
        query = sa.select(values.c.key, values.c.value).where(values.c.run_id == run_id)
        return {row.key: row.value for row in connection.execute(query)}
