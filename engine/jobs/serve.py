"""The engine process: `python -m engine serve`. One a workspace; ends in good order when it is asked or orphaned."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import threading
import time
from types import FrameType

import psutil

from engine.errors import EngineError
from engine.jobs import machine
from engine.jobs.dispatcher import Dispatcher
from engine.jobs.pool import Pool
from engine.jobs.worker import DEFAULT_JOB
from engine.specs.records import EngineState
from engine.store import lease as leases
from engine.store import probes, questions, queue, tracking

log = logging.getLogger("lathe.engine")
_TURN_S = 0.025  # between two looks at the queue: a submitted run waits half of it on average
_HEARTBEAT_S = 1.0
_GIVE_BACK_S = 4.0  # for checkpoints at the end; all in all the engine is gone within 10 s
_LINGER_S = 2.0  # for Ray's own processes, before they are killed


def serve(*, parent_pid: int | None = None, job: str = DEFAULT_JOB, verbs: dict[str, str] | None = None) -> int:
    """Serve the workspace until asked to end; returns the exit code.

    Args:
        parent_pid: end when this process is gone; None: serve until asked.
        job: see `Pool`.
        verbs: see `Pool`.
    """
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    lease = leases.Lease()
    if not lease.acquire():
        log.info("another engine serves this workspace")
        return 0
    return _Engine(lease, parent_pid, Pool(job, verbs)).live()


class _Engine:
    def __init__(self, lease: leases.Lease, parent_pid: int | None, pool: Pool) -> None:
        self._lease = lease
        self._parent_pid = parent_pid
        self._pool = pool
        self._end = threading.Event()
        self._over = threading.Event()
        self._ready = False

    def live(self) -> int:
        self._listen()
        threads = [threading.Thread(target=work, daemon=True) for work in (self._beat, self._mirror)]
        for thread in threads:
            thread.start()
        code = 0
        try:
            questions.hand_back(forget_answers=True)
            probes.hand_back()
            for run_id in queue.recover():
                log.info("run %s goes on", run_id)
            if not self._end.is_set():
                self._pool.start()  # in the main thread: Ray's processes end with the thread that started them
                self._listen()  # Ray has put its own handlers there
                self._work()
        except Exception:  # whatever happened, leave nothing behind
            log.exception("the engine ends")
            code = 1
        self._leave()
        return code

    def _work(self) -> None:
        dispatcher = Dispatcher(self._pool)
        trouble_since = 0.0
        while not self._end.is_set():
            self._ready = all(seat.state != "starting" for seat in self._pool.seats)
            try:
                busy = dispatcher.turn()
                trouble_since = 0.0
            except EngineError as error:  # the store does not answer: wait for it
                if not trouble_since:
                    trouble_since = time.monotonic()
                    log.error("%s", error)
                self._end.wait(1.0)
                continue
            if not busy:
                self._end.wait(_TURN_S)
        with contextlib.suppress(EngineError):
            dispatcher.give_all_back(_GIVE_BACK_S)

    def _leave(self) -> None:
        self._end.set()
        children = _family()
        with contextlib.suppress(Exception):  # Ray was not started, or is gone
            self._pool.stop()
        _gone, alive = psutil.wait_procs(children, timeout=_LINGER_S)
        for process in alive:
            with contextlib.suppress(psutil.Error):
                process.kill()
        self._over.set()
        with contextlib.suppress(EngineError):
            self._lease.release()
        log.info("the engine has ended")

    def _listen(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self._end.set()

    # ---- beside the main thread -----------------------------------------------------------------------------------
    def _beat(self) -> None:
        """Heartbeat, state of the machine, and a look at whether anyone still wants this engine."""
        processes: list[tuple[int, float]] = []
        beats = 0
        while not self._over.is_set():
            if self._parent_pid is not None and os.getppid() != self._parent_pid:
                self._end.set()
            try:
                if beats % 2 == 0 or len(processes) < 3:
                    processes = [(process.pid, process.create_time()) for process in _family()]
                if not self._lease.renew(self._state(), processes):
                    log.error("another engine has taken over")
                    self._end.set()
            except (EngineError, psutil.Error) as error:
                log.warning("no heartbeat: %s", error)
            beats += 1
            self._over.wait(_HEARTBEAT_S)

    def _state(self) -> EngineState:
        workers = tuple(seat.to_record() for seat in list(self._pool.seats))
        state = "ready" if self._ready else "starting"
        return EngineState.model_validate({"state": state, "workers": workers, **machine.sample()})

    def _mirror(self) -> None:
        """Keep MLflow in step with the index of runs, and the table of questions small."""
        cleaned_at = 0.0
        while not self._ready and not self._end.wait(0.2):
            pass  # importing MLflow takes two seconds of a core that the workers want first
        while not self._end.is_set():
            try:
                while tracking.mirror() and not self._end.is_set():
                    pass
                if time.monotonic() - cleaned_at > 600 or not cleaned_at:
                    questions.clean_up()
                    probes.clean_up()
                    cleaned_at = time.monotonic()
            except EngineError as error:
                log.warning("%s", error)
                self._end.wait(10.0)
            self._end.wait(1.0)


def _family() -> list[psutil.Process]:
    """All processes below this one."""
    with contextlib.suppress(psutil.Error):
        return psutil.Process().children(recursive=True)
    return []
