"""The prober: a warm process that trains probes and nothing else, so that a long run never keeps a knob waiting.

It takes probes from the store by itself (`engine.store.probes`), the most urgent first; the dispatcher only watches
that it lives.
"""

from __future__ import annotations

import gc
import logging
import math
import os
import resource
import threading
import time
import traceback
from collections.abc import Mapping
from typing import Any

from engine.errors import EngineError
from engine.jobs.worker import as_engine_error, end_with, whoami
from engine.specs.probe import ProbeStatus
from engine.store import probes
from engine.store.probes import ProbeClaim

log = logging.getLogger("lathe.engine")
_PULSE_S = 0.03  # between two looks at whether a running probe is still wanted, and between two writes
_LOOK_S = 0.01  # between two looks at the queue while knobs are being turned
_IDLE_LOOK_S = 0.05  # when nobody has asked for a while
_ATTENTIVE_S = 120.0
_PROGRAMS = 16  # compiled models that are kept: knobs are turned back
_MOST_PROBES = 2000  # the process is replaced after so many: what leaks, leaks for so long


class Prober:
    """The Ray actor; see `engine.jobs.dispatcher` for the other side.

    Args:
        environment: variables to set before anything heavy is imported.
        engine: (host, pid, start time) of the engine process; the prober ends when it is gone.
    """

    def __init__(self, environment: Mapping[str, str], engine: tuple[str, int, float]) -> None:
        os.environ.update(environment)
        end_with(engine)

    def warm_up(self) -> dict[str, Any]:
        """Import what probes need and trace a step; says who this is."""
        from engine.jobs.warmth import warm_up
        from engine.models.live import keep_zeros
        from engine.training.compiling import keep_more
        from engine.whatif import probe

        device = warm_up(training=True)
        keep_zeros(True)
        keep_more(_PROGRAMS)
        gc.collect()
        gc.freeze()  # what is loaded now stays: looking through it for garbage would cost time in every trace
        return whoami() | {"device": device, "module": probe.__name__}

    def serve(self, limit_bytes: int) -> dict[str, Any]:
        """Train probes until the process has grown too large or done very many; the dispatcher then replaces it.

        Args:
            limit_bytes: of memory.
        """
        done, last = 0, time.monotonic()
        while done < _MOST_PROBES and whoami()["memory_bytes"] < limit_bytes:
            try:
                claim = probes.claim_next()
                if claim is not None:
                    train(claim)
                    done, last = done + 1, time.monotonic()
                    continue
            except EngineError as error:  # the store does not answer: wait for it
                log.warning("%s", error)
                time.sleep(1.0)
            time.sleep(_LOOK_S if time.monotonic() - last < _ATTENTIVE_S else _IDLE_LOOK_S)
        return whoami()


def train(claim: ProbeClaim) -> None:
    """Train a claimed probe and write its end."""
    from engine.whatif.probe import run_probe

    with StoreReport(claim) as report:
        try:
            finished = run_probe(claim.spec, claim.budget, report, report.is_cancelled)
            report.end(ProbeStatus.FINISHED if finished else ProbeStatus.CANCELLED)
        except EngineError as error:
            report.end(ProbeStatus.FAILED, error)
        except Exception as error:  # noqa: BLE001 - the border of the process: a person gets a sentence
            traceback.print_exc()
            report.end(ProbeStatus.FAILED, as_engine_error(error))


class StoreReport:
    """The store behind a probe: calls return at once, a thread writes; the first value is written without a pause."""

    def __init__(self, claim: ProbeClaim) -> None:
        self._claim = claim
        self._started = time.monotonic()
        self._lock = threading.Lock()
        self._wake, self._over, self._cancelled = threading.Event(), threading.Event(), threading.Event()
        self._result: dict[str, Any] = {"curves": {}, "metrics": {}, "step": 0}
        self._dirty = False
        self._status: tuple[ProbeStatus, EngineError | None] | None = None
        self._thread = threading.Thread(target=self._write_on, name="lathe-probe", daemon=True)

    def __enter__(self) -> StoreReport:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._wake.set()
        self._thread.join()

    # ---- what the probe calls -------------------------------------------------------------------------------------
    def begin(self, *, total_steps: int, traced: bool) -> None:
        """See `engine.whatif.probe.Report`."""
        with self._lock:
            self._result |= {"total_steps": total_steps, "traced": traced}
            self._dirty = True

    def values(self, step: int, values: Mapping[str, float]) -> None:
        """See `engine.whatif.probe.Report`."""
        finite = {key: float(value) for key, value in values.items() if math.isfinite(value)}
        if not finite:
            return
        with self._lock:
            first = not self._result["curves"]
            for key, value in finite.items():
                self._result["curves"].setdefault(key, []).append([step, value])
                self._result["metrics"][key] = value
            self._result["step"] = step
            if first:
                self._result["first_point_s"] = round(time.monotonic() - self._started, 4)
            self._dirty = True
        if first:
            self._wake.set()

    def cut_off(self) -> None:
        """See `engine.whatif.probe.Report`."""
        with self._lock:
            self._result["cut_off"] = True

    def is_cancelled(self) -> bool:
        """True as soon as nobody wants the probe any more (at most a pulse ago)."""
        return self._cancelled.is_set()

    # ---- what the prober calls ------------------------------------------------------------------------------------
    def end(self, status: ProbeStatus, error: EngineError | None = None) -> None:
        """How it ended; written when the report is left."""
        self._status = (status, error)

    # ---- the writing thread ---------------------------------------------------------------------------------------
    def _write_on(self) -> None:
        while not self._over.is_set():
            self._wake.wait(_PULSE_S)
            self._wake.clear()
            if not self._over.is_set():
                self._try(self._write)
        give_up_at = time.monotonic() + 30.0
        while not self._try(self._finish) and time.monotonic() < give_up_at:
            time.sleep(0.2)

    def _try(self, write: Any) -> bool:
        try:
            write()
        except EngineError as error:  # the store does not answer; the next pulse tries again
            log.warning("%s", error)
            return False
        return True

    def _write(self) -> None:
        with self._lock:
            dirty, self._dirty = self._dirty, False
            record = self._snapshot() if dirty else {}
        ours = probes.write(self._claim, record) if dirty else probes.is_ours(self._claim)
        if not ours:
            self._cancelled.set()

    def _finish(self) -> None:
        if self._status is None or self._status[0] is ProbeStatus.CANCELLED:
            return  # whoever cancelled it has written so
        status, error = self._status
        with self._lock:
            record = self._snapshot()
        if error is not None:
            record["error"] = error.to_record()
        probes.finish(self._claim, status, record)

    def _snapshot(self) -> dict[str, Any]:
        curves = {key: list(points) for key, points in self._result["curves"].items()}
        seconds = round(time.monotonic() - self._started, 4)
        return (
            self._result | {"curves": curves, "metrics": dict(self._result["metrics"]), "seconds": seconds} | _memory()
        )


def _memory() -> dict[str, int]:
    """The largest memory that the process has had; Linux counts it in KiB."""
    return {"memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}
