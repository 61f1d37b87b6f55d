"""The ledger: every tweak of a baseline, its effect, who made it. One line a change; looking again brings it up."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from engine.specs import RunSpec, flatten
from engine.specs.probe import LedgerEntry, ProbeBudget, VerdictRecord
from engine.store.database import reading, writing
from engine.store.probes import document_id
from engine.store.schema import ledger as table


def note_tweak(
    baseline: RunSpec, changes: Mapping[str, Any], budget: ProbeBudget, verdict: VerdictRecord, *, who: str = ""
) -> LedgerEntry:
    """Write a tweak down, or bring the line of the same tweak up to date.

    Args:
        baseline: the document that was changed.
        changes: dotted path -> value.
        budget: of the probes behind the verdict.
        verdict: the effect as far as it is known.
        who: the person; "" where nobody signed in.
    """
    now, digest = time.time(), document_id(baseline)
    named = json.dumps([digest, dict(changes), budget.model_dump(mode="json")], sort_keys=True)
    key = hashlib.sha256(named.encode()).hexdigest()[:24]
    leaves = flatten(baseline)
    with writing() as connection:
        found = connection.execute(sa.select(table.c.entry).where(table.c.id == key)).scalar()
        first = LedgerEntry.model_validate_json(found) if found else None
        entry = LedgerEntry(
            id=key,
            baseline=digest,
            baseline_name=baseline.name,
            changes=dict(changes),
            before={path: leaves.get(path) for path in changes},
            budget=budget,
            verdict=verdict,
            who=first.who if first else who,
            created_at=first.created_at if first else now,
            updated_at=now,
        )
        if first is None:
            row = {"id": key, "baseline": digest, "created_at": now, "updated_at": now}
            connection.execute(table.insert().values(**row, entry=entry.model_dump_json()))
        elif first.verdict != verdict:
            changed = {"updated_at": now, "entry": entry.model_dump_json()}
            connection.execute(table.update().where(table.c.id == key).values(changed))
    return entry


def ledger(baseline: RunSpec, *, limit: int = 200) -> list[LedgerEntry]:
    """The tweaks of a baseline, newest first."""
    query = sa.select(table.c.entry).where(table.c.baseline == document_id(baseline))
    with reading() as connection:
        rows = list(connection.execute(query.order_by(table.c.updated_at.desc()).limit(limit)).scalars())
    return [LedgerEntry.model_validate_json(row) for row in rows]


def forget_tweak(entry_id: str) -> None:
    """Take a line out."""
    with writing() as connection:
        connection.execute(table.delete().where(table.c.id == entry_id))
