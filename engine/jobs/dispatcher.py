"""The dispatcher: claims waiting runs in order, hands them to idle workers, and picks up what a dead one dropped."""

from __future__ import annotations

import logging
import os
import time
from concurrent.futures import Future
from typing import Any

from engine.errors import EngineError, ErrorKind
from engine.jobs import machine
from engine.jobs.desk import LANES
from engine.jobs.pool import Pool, Seat
from engine.jobs.searching import Searching
from engine.jobs.staffing import Staffing
from engine.specs import RunStatus
from engine.store import probes, questions, queue
from engine.text import N_

log = logging.getLogger("lathe.engine")
_START_TRIES = 3  # a worker that cannot even start is tried so often in a row
_DESK_TRIES = 2
_QUIET_S = 1.0
_PROBES_LOOK_S = 0.2  # between two looks at whether somebody waits for a prober that is not there yet
RETRIED = N_("The process that did the work was lost in attempt {attempt}; the run went on from its newest checkpoint.")


def max_attempts() -> int:
    """How often a run is tried before its loss is final: `LATHE_MAX_ATTEMPTS`, else 3."""
    text = os.environ.get("LATHE_MAX_ATTEMPTS", "")
    return int(text) if text.isdigit() and int(text) > 0 else 3


class Dispatcher:
    """One step of `turn` looks at everything once; the engine process calls it some forty times a second."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._failed_starts = 0
        self._idle_since = 0.0
        self._asked: dict[str, tuple[questions.Question, Future[Any]] | None] = dict.fromkeys(LANES)
        self._tries: dict[str, int] = {}
        self._searching = Searching(pool)
        self._staffing = Staffing(pool)
        self._queue_is_empty = False
        self._probes_seen_at = 0.0

    def turn(self) -> bool:
        """Look at everything once; True where something happened."""
        happened = self._staffing.turn()
        self._queue_is_empty = False
        for seat in list(self._pool.seats):
            happened |= self._look_at(seat)
        for lane in LANES:
            happened |= self._serve(lane)
        happened |= self._searching.turn()
        if self._pool.does_probe:
            happened |= self._look_at_prober()
        return happened

    def give_all_back(self, timeout_s: float) -> None:
        """Ask running jobs to checkpoint and return to the queue; what does not answer in time is taken back."""
        busy = [seat for seat in self._pool.seats if seat.claim is not None]
        if busy:
            queue.ask_give_back()
        deadline = time.monotonic() + timeout_s
        while any(seat.task is not None and not seat.task.done() for seat in busy) and time.monotonic() < deadline:
            time.sleep(0.05)
        self._pool.kill_all()
        for seat in busy:
            if seat.claim is not None:  # no effect where the worker has written the end itself
                queue.give_back(seat.claim, counted=False)
        questions.hand_back()
        probes.hand_back()

    # ---- workers --------------------------------------------------------------------------------------------------
    def _look_at(self, seat: Seat) -> bool:
        if seat.state == "starting":
            return self._look_at_start(seat)
        if seat.task is not None and seat.task.done():
            self._collect(seat)
            return True
        if seat.task is None and not seat.leaving and not self._queue_is_empty:
            claim = queue.claim_next(seat.name)
            self._queue_is_empty = claim is None  # 64 idle workers ask once, not 64 times
            if claim is not None:
                log.info("run %s goes to %s, attempt %d", claim.run_id, seat.name, claim.attempt)
                self._pool.give(seat, claim)
                return True
        return False

    def _look_at_start(self, seat: Seat) -> bool:
        if not seat.ready.done():
            return False
        problem = seat.ready.exception()
        if problem is None:
            seat.info, seat.state = seat.ready.result(), "idle"
            self._failed_starts = 0
            log.info("%s is ready", seat.name)
        else:
            self._failed_starts += 1
            log.error("%s did not start: %s", seat.name, problem)
            if self._failed_starts >= _START_TRIES:
                seat.state = "lost"
                raise RuntimeError(f"workers do not start: {problem}")
            self._pool.replace(seat)
        return True

    def _collect(self, seat: Seat) -> None:
        task, claim = seat.task, seat.claim
        seat.task = seat.claim = None
        seat.state = "idle"
        seat.runs += 0 if claim is not None and claim.search_id else 1  # of trials, memory alone decides
        problem = task.exception() if task is not None else None
        if claim is not None and claim.search_id:
            self._searching.trial_ended()
        if problem is None and task is not None:
            seat.info |= task.result()
            if self._pool.is_worn(seat):
                log.info("%s is replaced by a fresh one", seat.name)
                self._pool.replace(seat)
            return
        log.warning("%s was lost: %s", seat.name, _first_line(problem))
        seat.state = "lost"
        if claim is not None:
            self._take_back(claim, problem)
        self._pool.replace(seat)

    def _take_back(self, claim: queue.Claim, problem: BaseException | None) -> None:
        if queue.signals(claim).stop:
            queue.finish(claim, RunStatus.KILLED)
        elif claim.attempt < max_attempts():
            if queue.give_back(claim, counted=True):
                queue.add_warning(claim.run_id, RETRIED, attempt=claim.attempt)
        else:
            queue.finish(claim, RunStatus.FAILED, error=_lost(claim.attempt, problem))

    # ---- questions ------------------------------------------------------------------------------------------------
    def _serve(self, lane: str) -> bool:
        asked = self._asked[lane]
        if asked is not None:
            return self._collect_answer(lane, *asked)
        if not self._desk_is_ready():
            return False
        question = questions.take(self._pool.verbs_of(lane))
        if question is None:
            return False
        self._asked[lane] = (question, self._pool.ask_desk(lane, question.verb, question.document))
        return True

    def _desk_is_ready(self) -> bool:
        desk = self._pool.desk
        if desk is None:
            # Its start takes a core for ten seconds: it waits for the workers, and for a quiet moment or a question.
            idle = all(seat.state == "idle" for seat in self._pool.seats)
            self._idle_since = (self._idle_since or time.monotonic()) if idle else 0.0
            quiet = idle and time.monotonic() - self._idle_since > _QUIET_S
            if quiet or questions.waiting(tuple(verb for lane in LANES for verb in self._pool.verbs_of(lane))):
                self._pool.start_desk()
            return False
        if desk.state == "starting" and desk.ready.done():
            problem = desk.ready.exception()
            if problem is None:
                desk.info, desk.state = desk.ready.result(), "idle"
                log.info("the desk is ready")
                return True
            self._failed_starts += 1
            if self._failed_starts >= _START_TRIES:
                raise RuntimeError(f"the desk does not start: {problem}")
            self._pool.start_desk()
        return desk.state == "idle"

    def _collect_answer(self, lane: str, question: questions.Question, future: Future[Any]) -> bool:
        if not future.done():
            return False
        self._asked[lane] = None
        problem = future.exception()
        if problem is None:
            result = future.result()
            error = EngineError.from_record(result["error"]) if "error" in result else None
            questions.answer(question.id, error or result["answer"])
            self._tries.pop(question.id, None)
            return True
        log.warning("the desk was lost over %s: %s", question.verb, _first_line(problem))
        tries = self._tries[question.id] = self._tries.get(question.id, 0) + 1
        if tries >= _DESK_TRIES:
            self._tries.pop(question.id)
            questions.answer(question.id, _lost(tries, problem))
        else:
            questions.hand_back()
        if self._pool.desk is not None and self._pool.desk.state != "starting":
            self._pool.start_desk()
        return True

    # ---- the prober -----------------------------------------------------------------------------------------------
    def _look_at_prober(self) -> bool:
        prober = self._pool.prober
        if prober is None:
            if self._prober_is_due():
                self._pool.start_prober()
                return True
            return False
        if prober.state == "starting":
            return self._look_at_prober_start(prober)
        if prober.task is None or not prober.task.done():
            return False
        problem = prober.task.exception()
        if problem is None:
            log.info("the prober is replaced by a fresh one")
        else:
            log.warning("the prober was lost: %s", _first_line(problem))
        probes.hand_back(_lost(probes.MAX_ATTEMPTS, problem))
        self._pool.start_prober()
        return True

    def _prober_is_due(self) -> bool:
        """After workers and desk where the machine has a moment; at once where somebody waits for a probe."""
        now = time.monotonic()
        if now - self._probes_seen_at < _PROBES_LOOK_S:
            return False
        self._probes_seen_at = now
        desk = self._pool.desk
        warm = desk is not None and desk.state == "idle" and all(seat.state == "idle" for seat in self._pool.seats)
        return (warm and machine.is_quiet()) or probes.is_waiting()

    def _look_at_prober_start(self, prober: Seat) -> bool:
        if not prober.ready.done():
            return False
        problem = prober.ready.exception()
        if problem is None:
            prober.info, prober.state = prober.ready.result(), "idle"
            log.info("the prober is ready")
            self._pool.let_probe()
            return True
        self._failed_starts += 1
        log.error("the prober did not start: %s", problem)
        if self._failed_starts >= _START_TRIES:
            raise RuntimeError(f"the prober does not start: {problem}")
        self._pool.start_prober()
        return True


def _first_line(problem: BaseException | None) -> str:
    return (str(problem).strip().splitlines() or [type(problem).__name__])[0]


def _lost(attempts: int, problem: BaseException | None) -> EngineError:
    # Ray's own monitor says so plainly; its general text names the OOM killer whatever the cause was.
    if type(problem).__name__ == "OutOfMemoryError" or "running low on memory" in str(problem):
        return EngineError(
            ErrorKind.OUT_OF_MEMORY,
            N_("The machine ran out of memory, {attempts} times."),
            hint=N_("Lower the batch size or the image size, or choose a smaller model."),
            attempts=attempts,
        )
    return EngineError(
        ErrorKind.LOST_WORKER,
        N_("The process that did the work died, {attempts} times."),
        hint=N_("Often the memory was not enough: lower the batch size or choose a smaller model, then resume."),
        attempts=attempts,
    )
