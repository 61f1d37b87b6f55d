"""The states of a run and who may change them.

SCHEDULED → RUNNING → FINISHED | FAILED | KILLED. Each claim of a run has an owner of its own; whoever lost it (a worker
that was thought dead, an engine that was replaced) can no longer write to the run.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import sqlalchemy as sa

from engine.errors import EngineError, ErrorKind
from engine.specs import RunSpec, RunStatus
from engine.store.database import reading, writing
from engine.store.runs import full_id
from engine.store.schema import details, runs, values
from engine.text import N_


@dataclass(frozen=True)
class Claim:
    """One attempt at a run: whoever holds it may write to the run."""

    run_id: str
    owner: str
    attempt: int
    seconds_before: float = 0.0  # of training in the attempts before
    search_id: str = ""  # of the search that it is a trial of
    trial: int = 0  # its number there


def claim_next(worker: str = "") -> Claim | None:
    """Take the first waiting run out of the queue, or None; `worker` names who will do it."""
    query = (
        sa.select(runs.c.id, runs.c.attempt, runs.c.seconds, runs.c.search_id, runs.c.trial)
        .where(runs.c.status == RunStatus.SCHEDULED.value)
        .order_by(runs.c.position)
        .limit(1)
    )
    with reading() as connection:  # the usual answer is "nothing", and costs no write lock
        if connection.execute(query).first() is None:
            return None
    with writing() as connection:
        row = connection.execute(query).first()
        if row is None:
            return None
        claim = Claim(row.id, uuid.uuid4().hex, row.attempt + 1, row.seconds, row.search_id, row.trial)
        taken = connection.execute(
            runs.update()
            .where(runs.c.id == row.id, runs.c.status == RunStatus.SCHEDULED.value)
            .values(
                status=RunStatus.RUNNING.value,
                owner=claim.owner,
                worker=worker,
                attempt=claim.attempt,
                give_back=False,
                started_at=sa.func.coalesce(runs.c.started_at, time.time()),
                changed=runs.c.changed + 1,
            )
        )
        return claim if taken.rowcount == 1 else None


class Signals(NamedTuple):
    """What the world wants of a claimed run."""

    ours: bool  # this claim still holds it
    stop: bool
    give_back: bool
    checkpoint: int = 0  # number of the newest open request for a checkpoint, see `engine.store.branches`


def signals(claim: Claim) -> Signals:
    """What the world wants of a claimed run."""
    wanted = ("owner", "status", "stop_requested", "give_back", "checkpoint_asked", "checkpoint_kept")
    with reading() as connection:
        row = connection.execute(sa.select(*(runs.c[name] for name in wanted)).where(runs.c.id == claim.run_id)).first()
    if row is None:
        return Signals(False, True, False)
    ours = row.owner == claim.owner and row.status == RunStatus.RUNNING.value
    asked = row.checkpoint_asked if row.checkpoint_asked > row.checkpoint_kept else 0
    return Signals(ours, bool(row.stop_requested), bool(row.give_back), asked)


def finish(claim: Claim, status: RunStatus, *, error: EngineError | None = None) -> bool:
    """End a claimed run; False where it was no longer ours."""
    record = json.dumps(error.to_record(), ensure_ascii=False) if error is not None else ""
    return _leave(claim, {"status": status.value, "ended_at": time.time(), "stop_requested": False}, record)


def give_back(claim: Claim, *, counted: bool) -> bool:
    """Put a claimed run back into the queue, at its old place.

    Args:
        claim: the attempt.
        counted: True where the attempt failed (its worker died), False where the engine ends in good order.
    """
    attempt = claim.attempt if counted else claim.attempt - 1
    return _leave(claim, {"status": RunStatus.SCHEDULED.value, "attempt": attempt}, "")


def ask_give_back(run_id: str = "") -> list[str]:
    """Ask all running runs, or one, to checkpoint and return to the queue; their ids."""
    running = runs.c.status == RunStatus.RUNNING.value
    if run_id:
        running = sa.and_(running, runs.c.id == run_id)
    with writing() as connection:
        ids = [str(i) for i in connection.execute(sa.select(runs.c.id).where(running)).scalars()]
        connection.execute(runs.update().where(running).values(give_back=True))
    return ids


def recover() -> list[str]:
    """Return to the queue what an engine that is gone left running; their ids.

    The attempt does not count: nothing says that the run was to blame.
    """
    running = runs.c.status == RunStatus.RUNNING.value
    with writing() as connection:
        ids = [str(i) for i in connection.execute(sa.select(runs.c.id).where(running)).scalars()]
        stopped = sa.and_(running, runs.c.stop_requested == sa.true())
        connection.execute(
            runs.update()
            .where(stopped)
            .values(
                status=RunStatus.KILLED.value,
                owner="",
                stop_requested=False,
                ended_at=time.time(),
                changed=runs.c.changed + 1,
            )
        )
        connection.execute(
            runs.update()
            .where(running)
            .values(
                status=RunStatus.SCHEDULED.value,
                owner="",
                give_back=False,
                attempt=runs.c.attempt - 1,
                changed=runs.c.changed + 1,
            )
        )
    return ids


def request_stop(run_id: str) -> None:
    """Take a waiting run out of the queue, or ask a running one to stop; nothing happens to one that is over."""
    with writing() as connection:
        key = full_id(run_id, connection)
        connection.execute(
            runs.update()
            .where(runs.c.id == key, runs.c.status == RunStatus.SCHEDULED.value)
            .values(status=RunStatus.KILLED.value, ended_at=time.time(), changed=runs.c.changed + 1)
        )
        connection.execute(
            runs.update().where(runs.c.id == key, runs.c.status == RunStatus.RUNNING.value).values(stop_requested=True)
        )


def requeue(run_id: str) -> None:
    """Put a stopped or failed run back at the end of the queue, with all its attempts.

    Raises:
        EngineError: CONFLICT for a run that is not stopped or failed.
    """
    with writing() as connection:
        key = full_id(run_id, connection)
        back = connection.execute(
            runs.update()
            .where(runs.c.id == key, runs.c.status.in_([RunStatus.KILLED.value, RunStatus.FAILED.value]))
            .values(
                status=RunStatus.SCHEDULED.value,
                attempt=0,
                position=time.time(),
                ended_at=None,
                stop_requested=False,
                give_back=False,
                deleted=False,
                owner="",
                changed=runs.c.changed + 1,
            )
        )
        if back.rowcount == 0:
            raise EngineError(
                ErrorKind.CONFLICT,
                N_("Only a stopped or failed run can be resumed."),
                hint=N_("To train a finished run further, continue it for more epochs."),
            )
        connection.execute(details.update().where(details.c.run_id == key).values(error=""))


def reorder(run_ids: Sequence[str]) -> None:
    """Set the order of waiting runs among themselves; what has begun meanwhile is left out."""
    with writing() as connection:
        ids = [full_id(run_id, connection) for run_id in dict.fromkeys(run_ids)]
        query = sa.select(runs.c.id, runs.c.position).where(runs.c.status == RunStatus.SCHEDULED.value)
        places = {row.id: row.position for row in connection.execute(query.where(runs.c.id.in_(ids)))}
        waiting = [run_id for run_id in ids if run_id in places]
        for run_id, position in zip(waiting, sorted(places.values()), strict=True):
            connection.execute(runs.update().where(runs.c.id == run_id).values(position=position))


def spec_of(run_id: str) -> RunSpec:
    """The document of a run.

    Raises:
        EngineError: NOT_FOUND, or BAD_INPUT for a document that this version does not understand.
    """
    with reading() as connection:
        key = full_id(run_id, connection)
        text = connection.execute(sa.select(details.c.spec).where(details.c.run_id == key)).scalar()
    return RunSpec.parse(str(text))


def write_progress(claim: Claim, progress: dict[str, Any], newest: dict[str, float], *, seconds: float) -> bool:
    """Write what a run is doing; False where it is no longer ours.

    Args:
        claim: the attempt.
        progress: epoch, step, total_steps, seconds_left, phase, metrics, best, sparkline.
        newest: metric values that are new since the last call, by key.
        seconds: of training over all attempts.
    """
    with writing() as connection:
        mine = sa.and_(runs.c.id == claim.run_id, runs.c.owner == claim.owner)
        if connection.execute(runs.update().where(mine).values(seconds=seconds)).rowcount == 0:
            return False
        text = json.dumps(progress, ensure_ascii=False)
        connection.execute(details.update().where(details.c.run_id == claim.run_id).values(progress=text))
        if newest:
            keys = list(newest)
            connection.execute(values.delete().where(values.c.run_id == claim.run_id, values.c.key.in_(keys)))
            rows = [{"run_id": claim.run_id, "key": key, "value": value} for key, value in newest.items()]
            connection.execute(values.insert(), rows)
    return True


def write_result(claim: Claim, result: dict[str, Any]) -> bool:
    """Write what a trial came to, before its end is written; False where it is no longer ours."""
    with writing() as connection:
        mine = sa.select(runs.c.id).where(runs.c.id == claim.run_id, runs.c.owner == claim.owner)
        if connection.execute(mine).first() is None:
            return False
        text = json.dumps(result, ensure_ascii=False)
        connection.execute(details.update().where(details.c.run_id == claim.run_id).values(result=text))
    return True


def read_progress(run_id: str) -> dict[str, Any]:
    """What `write_progress` last wrote."""
    with reading() as connection:
        text = connection.execute(sa.select(details.c.progress).where(details.c.run_id == run_id)).scalar()
    return dict(json.loads(text)) if text else {}


def add_warning(run_id: str, message: str, **values: Any) -> None:
    """Note something a person should know beside a run; each sentence once, at most twenty.

    Args:
        run_id: the run.
        message: a template, marked for translation.
        **values: what is filled in; plain JSON.
    """
    notice = {"message": message, "values": values}
    with writing() as connection:
        text = connection.execute(sa.select(details.c.warnings).where(details.c.run_id == run_id)).scalar()
        notices = json.loads(text or "[]")
        if notice not in notices and len(notices) < 20:
            record = json.dumps([*notices, notice], ensure_ascii=False)
            connection.execute(details.update().where(details.c.run_id == run_id).values(warnings=record))


def _leave(claim: Claim, changes: dict[str, Any], error: str) -> bool:
    with writing() as connection:
        left = connection.execute(
            runs.update()
            .where(runs.c.id == claim.run_id, runs.c.owner == claim.owner)
            .values(
                **changes,
                owner="",
                give_back=False,
                changed=runs.c.changed + 1,
            )
        )
        if left.rowcount == 0:
            return False
        connection.execute(details.update().where(details.c.run_id == claim.run_id).values(error=error))
    return True
