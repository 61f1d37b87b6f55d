"""What people want of the engine as such: how many workers there shall be."""

from __future__ import annotations

import sqlalchemy as sa

from engine.store.database import reading, writing
from engine.store.schema import meta

_WORKERS = "workers"
MOST = 64


def wish_workers(count: int) -> int:
    """Ask for so many workers (1 to 64); returns what was entered."""
    count = min(max(int(count), 1), MOST)
    with writing() as connection:
        known = meta.c.key == _WORKERS
        if connection.execute(meta.update().where(known).values(value=str(count))).rowcount == 0:
            connection.execute(meta.insert().values(key=_WORKERS, value=str(count)))
    return count


def wished_workers() -> int | None:
    """How many workers were asked for, or None where nobody asked."""
    with reading() as connection:
        text = connection.execute(sa.select(meta.c.value).where(meta.c.key == _WORKERS)).scalar()
    return int(text) if text else None
