"""Adds and removes workers while things run, as `set_workers` asks."""

from __future__ import annotations

import logging
import time

from engine.jobs.pool import Pool, Seat
from engine.store import queue
from engine.store.wishes import wished_workers

log = logging.getLogger("lathe.engine")
_LOOK_EVERY_S = 0.5


class Staffing:
    """One step of `turn` brings the seats nearer to what is wished.

    A worker that is to go takes no more runs. It ends its trial; a run that may take hours it gives back to the queue
    with a checkpoint, for another worker to go on with.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._looked_at = 0.0

    def turn(self) -> bool:
        """Look at what is wished, now and then; True where something happened."""
        now = time.monotonic()
        if now - self._looked_at < _LOOK_EVERY_S:
            return self._dismiss_idle()
        self._looked_at = now
        wished = wished_workers()
        if wished is None:
            return False
        wished = self._pool.possible(wished)
        staying = [seat for seat in self._pool.seats if not seat.leaving]
        for seat in self._pool.seats:  # those that were to go stay, before new ones are started
            if seat.leaving and len(staying) < wished:
                seat.leaving = False
                staying.append(seat)
        happened = False
        while len(staying) < wished:
            staying.append(self._pool.add())
            log.info("%s is added", staying[-1].name)
            happened = True
        for seat in sorted(staying, key=_who_goes_first)[: max(len(staying) - wished, 0)]:
            self._let_go(seat)
            happened = True
        return self._dismiss_idle() or happened

    def _let_go(self, seat: Seat) -> None:
        seat.leaving = True
        log.info("%s is to go", seat.name)
        if seat.claim is not None and not seat.claim.search_id:
            queue.ask_give_back(seat.claim.run_id)

    def _dismiss_idle(self) -> bool:
        idle = [seat for seat in self._pool.seats if seat.leaving and seat.claim is None]
        for seat in idle:
            log.info("%s is gone", seat.name)
            self._pool.dismiss(seat)
        return bool(idle)


def _who_goes_first(seat: Seat) -> tuple[int, int]:
    """Idle ones first, then those with a trial; of equal ones the newest."""
    busy = 0 if seat.claim is None else 1 if seat.claim.search_id else 2
    return busy, -int(seat.name.rsplit(" ", 1)[-1])
