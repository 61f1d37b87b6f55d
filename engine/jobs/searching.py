"""The dispatcher's side of searches: starts the oracle process when a search wants it, and calls it when it may act."""

from __future__ import annotations

import logging
import time
from typing import Any

from engine.jobs.pool import Pool
from engine.store import trials

log = logging.getLogger("lathe.engine")
_LOOK_EVERY_S = 0.25  # at what people do: a new search, a pause, a larger budget
_LONGEST_PAUSE_S = 60.0  # after a loss: one that dies again and again must not take the machine from the runs


class Searching:
    """One step of `turn` looks at the oracle process once.

    Args:
        pool: that starts it.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._looked_at = 0.0
        self._due = True
        self._losses = 0
        self._task: Any = None

    def trial_ended(self) -> None:
        """A run of a trial is over, or has begun: the oracle process has something to do at once."""
        self._due = True

    def turn(self) -> bool:
        """Look once; True where something happened."""
        seat = self._pool.tuner
        if seat is None:
            return self._start_where_wanted()
        if seat.state == "starting":
            return self._look_at_start()
        if self._task is not None:
            return self._collect()
        if not self._due and time.monotonic() - self._looked_at < _LOOK_EVERY_S:
            return False
        self._due, self._looked_at = False, time.monotonic()
        self._task = seat.actor.advance.remote(max(len(self._pool.seats), 1)).future()
        return True

    def _start_where_wanted(self) -> bool:
        if time.monotonic() - self._looked_at < _LOOK_EVERY_S:
            return False
        self._looked_at = time.monotonic()
        if not trials.active():
            return False
        self._pool.start_tuner()
        return True

    def _look_at_start(self) -> bool:
        seat = self._pool.tuner
        if seat is None or not seat.ready.done():
            return False
        problem = seat.ready.exception()
        if problem is not None:
            self._lost(problem)
            return True
        seat.info, seat.state, self._due = seat.ready.result(), "idle", True
        log.info("the tuner is ready")
        return True

    def _collect(self) -> bool:
        if not self._task.done():
            return False
        task, self._task = self._task, None
        problem = task.exception()
        if problem is not None:
            self._lost(problem)
            return True
        self._losses = 0
        self._due |= bool(task.result()["happened"])
        return bool(task.result()["happened"])

    def _lost(self, problem: BaseException) -> None:
        """It holds nothing that is not in the store: a fresh one goes on."""
        self._losses += 1
        log.warning("the tuner was lost: %s", (str(problem).strip().splitlines() or [type(problem).__name__])[0])
        self._pool.end_tuner()
        pause_s = min(2.0 ** (self._losses - 1) - 1.0, _LONGEST_PAUSE_S)  # none after the first
        self._looked_at = time.monotonic() + pause_s - _LOOK_EVERY_S
