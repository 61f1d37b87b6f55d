"""How a run that is at work is asked for a checkpoint to branch off from, and how its worker answers.

Requests are numbered. The worker sees the newest open number with its pulse and writes down that it was answered, with
the step of the checkpoint; one checkpoint answers all requests before it.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from engine.specs import RunStatus
from engine.store.database import reading, writing
from engine.store.queue import Claim
from engine.store.runs import full_id
from engine.store.schema import runs


@dataclass(frozen=True)
class Answer:
    """What became of a request.

    Attributes:
        status: of the run now.
        step: of the checkpoint that is kept; None where it is not there yet.
    """

    status: RunStatus
    step: int | None


def ask(run_id: str) -> int | None:
    """Ask a running run for a checkpoint; the number of the request, None where the run is not at work."""
    with writing() as connection:
        mine = runs.c.id == full_id(run_id, connection)
        asked = connection.execute(
            runs.update()
            .where(mine, runs.c.status == RunStatus.RUNNING.value)
            .values(checkpoint_asked=runs.c.checkpoint_asked + 1)
        )
        if asked.rowcount == 0:
            return None
        return int(connection.execute(sa.select(runs.c.checkpoint_asked).where(mine)).scalar_one())


def run_of_form(token: str) -> str | None:
    """The run that a form has already made, so that a second click takes no second checkpoint."""
    if not token:
        return None
    with reading() as connection:
        return connection.execute(sa.select(runs.c.id).where(runs.c.token == token)).scalar()


def children(run_id: str) -> list[str]:
    """The runs that went on from a run (its whole id), oldest first; those in the bin are left out."""
    with reading() as connection:
        # Ordered here: asked to order by age, SQLite walks over all runs that are not deleted.
        query = sa.select(runs.c.created_at, runs.c.id, runs.c.deleted).where(runs.c.parent_run == run_id)
        found = sorted(tuple(row) for row in connection.execute(query))
    return [child for _created, child, deleted in found if not deleted]


def withdraw(run_id: str, number: int) -> None:
    """Take a request back that nobody waits for any longer; one that came after it stays."""
    with writing() as connection:
        connection.execute(
            runs.update()
            .where(runs.c.id == run_id, runs.c.checkpoint_asked == number, runs.c.checkpoint_kept < number)
            .values(checkpoint_asked=runs.c.checkpoint_kept)
        )


def answer_to(run_id: str, number: int) -> Answer:
    """Whether a request was answered yet."""
    query = sa.select(runs.c.status, runs.c.checkpoint_kept, runs.c.checkpoint_step)
    with reading() as connection:
        row = connection.execute(query.where(runs.c.id == run_id)).one()
    return Answer(RunStatus(row.status), int(row.checkpoint_step) if row.checkpoint_kept >= number else None)


def write_answer(claim: Claim, number: int, step: int) -> bool:
    """Write down that the checkpoint of request `number` is kept; False where the run is no longer ours."""
    with writing() as connection:
        written = connection.execute(
            runs.update()
            .where(runs.c.id == claim.run_id, runs.c.owner == claim.owner)
            .values(checkpoint_kept=number, checkpoint_step=step)
        )
        return written.rowcount == 1
