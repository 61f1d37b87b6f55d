"""The table of probes: asked for by pages, taken by the prober, kept by the digest of document and budget.

WAITING → RUNNING → FINISHED | FAILED | CANCELLED. Whoever asks names a session; a probe that no session wants any more
is cancelled, also while it runs. Each claim has an owner of its own, so that a prober that was thought dead can no
longer write.
"""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from engine.errors import EngineError, ErrorKind
from engine.specs import RunSpec
from engine.specs.probe import ProbeBudget, ProbeRecord, ProbeStatus
from engine.store.database import reading, writing
from engine.store.schema import probe_wishes, probes
from engine.text import N_

KEPT_COUNT = 10_000  # probes that are over; about 6 kB each
MAX_ATTEMPTS = 3
_OPEN = (ProbeStatus.WAITING.value, ProbeStatus.RUNNING.value)
# What says nothing about how a document trains.
_NOT_DIGESTED = {"name", "search", "parent_run", "branch_step", "version"}


@dataclass(frozen=True)
class Wish:
    """A probe that is asked for. `priority`: lower goes first."""

    spec: RunSpec
    budget: ProbeBudget
    priority: int = 0

    @property
    def id(self) -> str:
        """See `probe_id`."""
        return probe_id(self.spec, self.budget)


@dataclass(frozen=True)
class ProbeClaim:
    """The right to write to a running probe."""

    id: str
    owner: str
    attempt: int
    spec: RunSpec
    budget: ProbeBudget


def probe_id(spec: RunSpec, budget: ProbeBudget) -> str:
    """24 hex digits of the SHA-256 of what decides a probe's curves."""
    tree = spec.model_dump(mode="json", exclude=_NOT_DIGESTED)
    tree["data"].pop("name", None)
    document = json.dumps([tree, budget.model_dump(mode="json")], sort_keys=True)
    return hashlib.sha256(document.encode()).hexdigest()[:24]


def document_id(spec: RunSpec) -> str:
    """The same of a document alone; the ledger of a baseline is kept under it."""
    tree = spec.model_dump(mode="json", exclude=_NOT_DIGESTED)
    tree["data"].pop("name", None)
    return hashlib.sha256(json.dumps(tree, sort_keys=True).encode()).hexdigest()[:24]


# ---- asking -------------------------------------------------------------------------------------------------------
def ask(wishes: Sequence[Wish], *, session: str = "") -> list[ProbeRecord]:
    """Enter or find probes; what the same session asked for before and does not ask for now is no longer wanted.

    Where all of them are entered already and wanted by the session, nothing is written: asking again to see how far
    they are is cheap.

    Args:
        wishes: the probes.
        session: who asks; "" asks for good (nothing is given up, nobody can cancel them).

    Returns:
        The records in the order of the wishes.
    """
    ids = [wish.id for wish in wishes]
    with reading() as connection:
        found = _rows(connection, ids)
        if _is_settled(connection, found, wishes, ids, session):
            return [_record(found[key]) for key in ids]
    now = time.time()
    with writing() as connection:
        found = _rows(connection, ids)
        for place, (key, wish) in enumerate(zip(ids, wishes, strict=True)):
            if key not in found or found[key].status == ProbeStatus.CANCELLED.value:
                _enter(connection, key, wish, now + place * 1e-6, again=key in found)
            elif found[key].status == ProbeStatus.WAITING.value and wish.priority < found[key].priority:
                urgent = {"priority": wish.priority, "asked_at": now + place * 1e-6}
                connection.execute(probes.update().where(probes.c.id == key).values(urgent))
        _wish(connection, session, list(dict.fromkeys(ids)), now)
        found = _rows(connection, ids)
    return [_record(found[key]) for key in ids]


def _is_settled(
    connection: sa.Connection, found: Mapping[str, Any], wishes: Sequence[Wish], ids: list[str], session: str
) -> bool:
    for key, wish in zip(ids, wishes, strict=True):
        row = found.get(key)
        if row is None or row.status == ProbeStatus.CANCELLED.value:
            return False
        if row.status == ProbeStatus.WAITING.value and wish.priority < row.priority:
            return False
    query = sa.select(probe_wishes.c.probe_id).where(probe_wishes.c.session == session)
    wanted = set(connection.execute(query).scalars())
    return set(ids) <= wanted if not session else set(ids) == wanted


def _enter(connection: sa.Connection, key: str, wish: Wish, now: float, *, again: bool) -> None:
    fields: dict[str, Any] = {
        "status": ProbeStatus.WAITING.value,
        "priority": wish.priority,
        "asked_at": now,
        "owner": "",
        "result": "{}",
        "attempt": 0,
        "started_at": None,
        "ended_at": None,
    }
    if again:
        connection.execute(probes.update().where(probes.c.id == key).values(fields))
        return
    fields |= {
        "id": key,
        "spec": wish.spec.model_dump_json(),
        "budget": wish.budget.model_dump_json(),
        "dataset_id": wish.spec.data.dataset,
        "family": wish.spec.model.kind,
        "created_at": now,
    }
    connection.execute(probes.insert().values(fields))


def _wish(connection: sa.Connection, session: str, ids: list[str], now: float) -> None:
    """Make `ids` the wishes of the session; what nobody wants any more is cancelled."""
    mine = probe_wishes.c.session == session
    before = set(connection.execute(sa.select(probe_wishes.c.probe_id).where(mine)).scalars())
    given_up = before - set(ids) if session else set()
    if given_up:
        connection.execute(probe_wishes.delete().where(mine, probe_wishes.c.probe_id.in_(given_up)))
        _cancel_unwanted(connection, given_up)
    new = [{"session": session, "probe_id": key, "wished_at": now} for key in ids if key not in before]
    if new:
        connection.execute(probe_wishes.insert(), new)


def _cancel_unwanted(connection: sa.Connection, ids: set[str]) -> int:
    wanted = sa.select(probe_wishes.c.probe_id).where(probe_wishes.c.probe_id.in_(ids))
    unwanted = sa.and_(probes.c.id.in_(ids), probes.c.status.in_(_OPEN), probes.c.id.not_in(wanted))
    changes = {"status": ProbeStatus.CANCELLED.value, "owner": "", "ended_at": time.time()}
    return connection.execute(probes.update().where(unwanted).values(changes)).rowcount


def cancel(session: str) -> int:
    """A session (and all below it, `session/…`) wants nothing any more; how many probes were cancelled."""
    if not session:
        return 0
    mine = sa.or_(probe_wishes.c.session == session, probe_wishes.c.session.startswith(f"{session}/", autoescape=True))
    with reading() as connection:
        if connection.execute(sa.select(probe_wishes.c.probe_id).where(mine).limit(1)).first() is None:
            return 0
    with writing() as connection:
        ids = set(connection.execute(sa.select(probe_wishes.c.probe_id).where(mine)).scalars())
        connection.execute(probe_wishes.delete().where(mine))
        return _cancel_unwanted(connection, ids)


# ---- reading ------------------------------------------------------------------------------------------------------
def get_probe(key: str) -> ProbeRecord:
    """One probe.

    Raises:
        EngineError: NOT_FOUND.
    """
    with reading() as connection:
        found = _rows(connection, [key])
    if key not in found:
        raise EngineError(
            ErrorKind.NOT_FOUND,
            N_("The probe {probe} is not there any more."),
            hint=N_("Ask for it again: it takes a second."),
            probe=key,
        )
    return _record(found[key])


def finished_probes(*, dataset_id: str = "", limit: int = 2000) -> list[ProbeRecord]:
    """Probes that ended with curves, newest first: what surrogates and the trust in proxies are fitted to."""
    query = sa.select(probes).where(probes.c.status == ProbeStatus.FINISHED.value)
    if dataset_id:
        query = query.where(probes.c.dataset_id == dataset_id)
    with reading() as connection:
        rows = list(connection.execute(query.order_by(probes.c.ended_at.desc()).limit(limit)))
    found = []
    for row in rows:
        try:
            found.append(_record(row))
        except EngineError:  # written by another version of Lathe
            continue
    return found


def open_count() -> int:
    """How many probes wait or run."""
    query = sa.select(sa.func.count()).select_from(probes).where(probes.c.status.in_(_OPEN))
    with reading() as connection:
        return int(connection.execute(query).scalar() or 0)


def waiting_count() -> int:
    """How many probes wait."""
    query = sa.select(sa.func.count()).select_from(probes).where(probes.c.status == ProbeStatus.WAITING.value)
    with reading() as connection:
        return int(connection.execute(query).scalar() or 0)


# ---- the prober's side --------------------------------------------------------------------------------------------
_NEXT = (
    sa.select(probes.c.id)
    .where(probes.c.status == ProbeStatus.WAITING.value)
    .order_by(probes.c.priority, probes.c.asked_at)
    .limit(1)
)


def is_waiting() -> bool:
    """True where somebody waits for a probe."""
    with reading() as connection:
        return connection.execute(_NEXT).first() is not None


def claim_next() -> ProbeClaim | None:
    """Take the most urgent waiting probe, or None. One that cannot be read any more fails here."""
    if not is_waiting():  # the usual answer, without a write lock
        return None
    with writing() as connection:
        row = connection.execute(sa.select(probes).where(probes.c.id.in_(_NEXT.scalar_subquery()))).first()
        if row is None:
            return None
        owner = uuid.uuid4().hex
        changes = {"status": ProbeStatus.RUNNING.value, "owner": owner, "attempt": row.attempt + 1}
        changes |= {"started_at": time.time(), "result": "{}"}
        connection.execute(probes.update().where(probes.c.id == row.id).values(changes))
        try:
            spec, budget = RunSpec.parse(row.spec), ProbeBudget.model_validate_json(row.budget)
        except EngineError as error:
            result = json.dumps({"error": error.to_record()})
            ended = {"status": ProbeStatus.FAILED.value, "owner": "", "ended_at": time.time(), "result": result}
            connection.execute(probes.update().where(probes.c.id == row.id).values(ended))
            return None
    return ProbeClaim(row.id, owner, row.attempt + 1, spec, budget)


def write(claim: ProbeClaim, result: Mapping[str, Any]) -> bool:
    """Write what a running probe has so far; False where it is no longer ours (cancelled, or taken by another)."""
    with writing() as connection:
        return _update(connection, claim, {"result": json.dumps(result)})


def finish(claim: ProbeClaim, status: ProbeStatus, result: Mapping[str, Any]) -> bool:
    """End a probe; False where it was no longer ours."""
    changes = {"status": status.value, "ended_at": time.time(), "owner": "", "result": json.dumps(result)}
    with writing() as connection:
        return _update(connection, claim, changes)


def is_ours(claim: ProbeClaim) -> bool:
    """False as soon as a probe was cancelled or given to another prober."""
    with reading() as connection:
        owner = connection.execute(sa.select(probes.c.owner).where(probes.c.id == claim.id)).scalar()
    return owner == claim.owner


def hand_back(error: EngineError | None = None) -> int:
    """Probes that a prober took and will not end wait again, at most `MAX_ATTEMPTS` times; how many.

    Args:
        error: what a probe fails with that has been lost so often; None: the engine ended in good order, which does
            not count.
    """
    running = probes.c.status == ProbeStatus.RUNNING.value
    with writing() as connection:
        if error is not None:
            failed = {"status": ProbeStatus.FAILED.value, "owner": "", "ended_at": time.time()}
            failed["result"] = json.dumps({"error": error.to_record()})
            connection.execute(probes.update().where(running, probes.c.attempt >= MAX_ATTEMPTS).values(failed))
        counted = 0 if error is not None else 1
        back = {"status": ProbeStatus.WAITING.value, "owner": "", "attempt": probes.c.attempt - counted, "result": "{}"}
        return connection.execute(probes.update().where(running).values(back)).rowcount


def clean_up(older_than_s: float = 7 * 24 * 3600.0) -> None:
    """Forget old wishes, cancelled probes and all but the newest that are over."""
    old = time.time() - older_than_s
    newest = sa.select(probes.c.id).order_by(probes.c.asked_at.desc()).limit(KEPT_COUNT)
    with writing() as connection:
        open_ids = sa.select(probes.c.id).where(probes.c.status.in_(_OPEN))
        stale = sa.and_(probe_wishes.c.wished_at < old, probe_wishes.c.probe_id.not_in(open_ids))
        connection.execute(probe_wishes.delete().where(stale))
        over = probes.c.status.not_in(_OPEN)
        cancelled = sa.and_(probes.c.status == ProbeStatus.CANCELLED.value, probes.c.asked_at < old)
        connection.execute(probes.delete().where(over, sa.or_(cancelled, probes.c.id.not_in(newest))))


def _update(connection: sa.Connection, claim: ProbeClaim, changes: Mapping[str, Any]) -> bool:
    mine = sa.and_(probes.c.id == claim.id, probes.c.owner == claim.owner)
    return connection.execute(probes.update().where(mine).values(changes)).rowcount == 1


def _rows(connection: sa.Connection, ids: Sequence[str]) -> dict[str, Any]:
    rows = connection.execute(sa.select(probes).where(probes.c.id.in_(list(dict.fromkeys(ids)))))
    return {row.id: row for row in rows}


def _record(row: Any) -> ProbeRecord:
    return ProbeRecord(
        id=row.id,
        spec=RunSpec.parse(row.spec),
        budget=ProbeBudget.model_validate_json(row.budget),
        status=ProbeStatus(row.status),
        priority=row.priority,
        attempt=row.attempt,
        created_at=row.created_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
        **json.loads(row.result),
    )
