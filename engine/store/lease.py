"""The engine's lease: one engine serves a workspace at a time, and says here how it is."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
import uuid

import psutil
import sqlalchemy as sa

from engine.specs.records import EngineState
from engine.store.database import reading, writing
from engine.store.schema import engine_lease

STALE_AFTER_S = 6.0  # without a heartbeat; a heartbeat comes every second
_ROW = 1


class Lease:
    """The right to serve the workspace, held by this process."""

    def __init__(self) -> None:
        self.owner = uuid.uuid4().hex

    def acquire(self) -> bool:
        """Take the lease where nobody holds it; sweeps what an engine that crashed here left behind."""
        me = psutil.Process()
        now = time.time()
        row = {
            "owner": self.owner,
            "host": socket.gethostname(),
            "pid": me.pid,
            "pid_started_at": me.create_time(),
            "heartbeat": now,
            "processes": "[]",
            "state": EngineState(state="starting").model_dump_json(),
        }
        with writing() as connection:
            found = connection.execute(sa.select(engine_lease).where(engine_lease.c.id == _ROW)).first()
            if found is not None and _is_held(found, now):
                return False
            if found is None:
                connection.execute(engine_lease.insert().values(id=_ROW, **row))
            else:
                connection.execute(engine_lease.update().where(engine_lease.c.id == _ROW).values(row))
        if found is not None and found.host == row["host"]:
            sweep(json.loads(found.processes))
        return True

    def renew(self, state: EngineState | None, processes: list[tuple[int, float]]) -> bool:
        """Heartbeat; False where another engine has taken over."""
        changes: dict[str, object] = {"heartbeat": time.time(), "processes": json.dumps(processes)}
        if state is not None:
            changes["state"] = state.model_dump_json()
        with writing() as connection:
            mine = sa.and_(engine_lease.c.id == _ROW, engine_lease.c.owner == self.owner)
            return connection.execute(engine_lease.update().where(mine).values(changes)).rowcount == 1

    def release(self) -> None:
        """Give the lease up."""
        with writing() as connection:
            connection.execute(engine_lease.delete().where(engine_lease.c.owner == self.owner))


def read_state() -> EngineState | None:
    """What the engine said last, or None where none serves the workspace."""
    with reading() as connection:
        found = connection.execute(sa.select(engine_lease).where(engine_lease.c.id == _ROW)).first()
    if found is None or not _is_held(found, time.time()):
        return None
    return EngineState.model_validate_json(found.state)


def engine_pid() -> int | None:
    """The process id of the engine that serves the workspace, or None."""
    with reading() as connection:
        found = connection.execute(sa.select(engine_lease).where(engine_lease.c.id == _ROW)).first()
    return int(found.pid) if found is not None and _is_held(found, time.time()) else None


def sweep(processes: list[tuple[int, float]]) -> None:
    """Kill processes of an engine that is gone: (pid, start time) so that no stranger with a reused pid is hit."""
    for pid, started_at in processes:
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            if pid != os.getpid() and abs(process.create_time() - started_at) < 0.5:
                process.kill()


def _is_held(row: sa.Row[tuple[object, ...]], now: float) -> bool:
    if now - row.heartbeat > STALE_AFTER_S:
        return False
    if row.host != socket.gethostname():
        return True
    try:
        process = psutil.Process(row.pid)
        return abs(process.create_time() - row.pid_started_at) < 0.5 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
