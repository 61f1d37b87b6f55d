"""The store behind a running job: a `RunContext` whose calls return at once and whose thread does the writing."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.errors import EngineError
from engine.jobs.progress import ProgressBook, objectives_of
from engine.specs import RunSpec
from engine.specs.records import ExampleRecord
from engine.store import artifacts, branches, queue, tracking
from engine.store.home import run_dir
from engine.store.metrics import history, thin
from engine.store.queue import Claim

_PULSE_S = 0.25  # the index of runs and the stop signs
_SLOWEST_S = 2.0  # between two batches of metric points in a long run
_SLOWER_AFTER_S = 60.0  # a minute in, batches come every second
_POINTS_A_BATCH = 8  # of each key
_LARGEST_BACKLOG = 200_000  # points kept while the store does not answer
_LAST_WRITE_S = 30.0  # how long the end of a run waits for a store that does not answer


class StoreContext:
    """See `engine.training.context.RunContext`. Use as a context manager: leaving it writes what is left.

    Args:
        claim: the attempt; once another one holds the run, nothing is written any more and the job is asked to stop.
        spec: the document of the run.
    """

    def __init__(self, claim: Claim, spec: RunSpec) -> None:
        self.claim = claim
        self._spec = spec
        self._folder = run_dir(claim.run_id)
        self._book = _book(claim, spec)
        self._started_at = time.monotonic()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._ended = threading.Event()
        self._stop = threading.Event()
        self._points: list[tracking.Point] = []
        self._newest: dict[str, float] = {}
        self._lines: list[str] = []
        self._examples: Sequence[ExampleRecord] | None = None
        self._result: Mapping[str, Any] | None = None
        self._dirty = True
        self._asked = 0
        self._kept: tuple[int, int] | None = None  # a request for a checkpoint and the step that answers it
        self._mlflow_run_id = ""
        self._metrics_at = 0.0
        self._problem: EngineError | None = None
        self.lost = False  # another attempt holds the run
        self.give_back = False  # the engine ends: the run goes back into the queue
        self._thread = threading.Thread(target=self._write_on, name="lathe-store", daemon=True)

    def __enter__(self) -> StoreContext:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---- what the job calls ---------------------------------------------------------------------------------------
    @property
    def run_dir(self) -> Path:
        """The run's own folder."""
        return self._folder

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Keep values for the next batch; the first ones of a run are written at once."""
        now_ms = int(time.time() * 1000)
        with self._lock:
            self._newest.update(self._book.add(step, values))
            self._points.extend((key, float(value), now_ms, step) for key, value in values.items())
            self._dirty = True
            first = self._metrics_at == 0.0
        if first:
            self._wake.set()

    def progress(self, *, epoch: int, step: int, total_steps: int, seconds_left: float | None) -> None:
        """Keep how far the fit is for the next pulse."""
        with self._lock:
            self._book.fields |= {"epoch": epoch, "step": step, "total_steps": total_steps}
            self._book.fields["seconds_left"] = seconds_left
            self._dirty = True

    def log(self, line: str) -> None:
        """Keep a line for the next pulse."""
        stamp = time.strftime("%H:%M:%S")
        with self._lock:
            self._lines.append(f"{stamp} {line[:2000]}")

    def examples(self, records: Sequence[ExampleRecord]) -> None:
        """Keep the newest examples for the next pulse."""
        with self._lock:
            self._examples = list(records)

    def phase(self, name: str) -> None:
        """Show what is being done now."""
        with self._lock:
            self._book.fields["phase"] = name
            self._dirty = True
        self._wake.set()

    def stop_requested(self) -> bool:
        """True as soon as someone asked the run to stop (at most a pulse ago)."""
        return self._stop.is_set()

    def checkpoint_saved(self, path: Path) -> None:
        """Nothing to keep: the next attempt finds checkpoints by their manifests."""

    def checkpoint_requested(self) -> int:
        """The newest request for a checkpoint to branch off from (at most a pulse old), 0 where none is open."""
        return self._asked

    def checkpoint_kept(self, request: int, step: int) -> None:
        """Answer a request with the next pulse, which comes at once."""
        with self._lock:
            self._kept = (request, step)
        self._wake.set()

    # ---- what trials of a search call -----------------------------------------------------------------------------
    @property
    def search_id(self) -> str:
        """Of the search that the run is a trial of, or nothing."""
        return self.claim.search_id

    @property
    def trial(self) -> int:
        """Its number in the search."""
        return self.claim.trial

    def result(self, record: Mapping[str, Any]) -> None:
        """Keep what the trial came to so far for the next pulse."""
        with self._lock:
            self._result = dict(record)

    # ---- what the worker calls ------------------------------------------------------------------------------------
    def seconds(self) -> float:
        """Of training over all attempts."""
        return self.claim.seconds_before + time.monotonic() - self._started_at

    def close(self) -> None:
        """Write what is left; waits a while for a store that does not answer.

        Raises:
            EngineError: where the last words of the run could not be written.
        """
        if self._ended.is_set():
            return
        self._ended.set()
        self._wake.set()
        self._thread.join()
        if self._problem is not None:
            raise self._problem

    # ---- the writing thread ---------------------------------------------------------------------------------------
    def _write_on(self) -> None:
        while not self._ended.is_set():
            self._wake.wait(_PULSE_S)
            self._wake.clear()
            self._try_write(last=False)
        give_up_at = time.monotonic() + _LAST_WRITE_S
        while not self._try_write(last=True) and time.monotonic() < give_up_at:
            time.sleep(_PULSE_S)

    def _try_write(self, *, last: bool) -> bool:
        try:
            self._write_index()
            self._write_files()
            self._write_metrics(last=last)
            self._problem = None
        except EngineError as error:
            self._problem = error  # what was not written stays in its buffer for the next pulse
            return False
        return True

    def _write_index(self) -> None:
        ours, stop, give_back, self._asked = queue.signals(self.claim)
        self.lost, self.give_back = not ours, give_back and not stop  # a person's stop goes first
        if stop or give_back or not ours:
            self._stop.set()
        self._answer()
        self._write_result()
        with self._lock:
            if not self._dirty or self.lost:
                return
            record, newest = self._book.to_record(), self._newest
            self._newest, self._dirty = {}, False
        try:
            self.lost = not queue.write_progress(self.claim, record, newest, seconds=self.seconds())
        except EngineError:
            with self._lock:
                self._newest, self._dirty = newest | self._newest, True
            raise

    def _write_result(self) -> None:
        with self._lock:
            result, self._result = self._result, None
        if result is None or self.lost:
            return
        try:
            queue.write_result(self.claim, dict(result))
        except EngineError:
            with self._lock:
                self._result = self._result or result
            raise

    def _answer(self) -> None:
        """Tell whoever waits for a checkpoint that it is kept."""
        with self._lock:
            kept, self._kept = self._kept, None
        if kept is None or self.lost:
            return
        try:
            branches.write_answer(self.claim, *kept)
        except EngineError:
            with self._lock:
                self._kept = self._kept or kept
            raise

    def _write_files(self) -> None:
        with self._lock:
            lines, self._lines = self._lines, []
            examples, self._examples = self._examples, None
        if self.lost:
            return
        try:
            if lines:
                artifacts.append_log(self._folder, lines)
            if examples is not None:
                artifacts.write_examples(self._folder, examples)
        except OSError as error:
            from engine.store.database import store_error

            raise store_error(error) from error

    def _write_metrics(self, *, last: bool) -> None:
        since_start, now = time.monotonic() - self._started_at, time.monotonic()
        pause_s = min(max(since_start / _SLOWER_AFTER_S, _PULSE_S), _SLOWEST_S)
        if not last and self._metrics_at and now - self._metrics_at < pause_s * 0.9:
            return
        if not self._mlflow_run_id and not self.lost:
            self._mlflow_run_id = tracking.ensure_run(self.claim.run_id, self._spec)
        with self._lock:
            points, self._points = self._points, []
        if not points or self.lost:
            return
        try:
            tracking.log_metrics(self._mlflow_run_id, thin_batch(points))
            self._metrics_at = time.monotonic()
        except EngineError:
            with self._lock:
                self._points = (points + self._points)[-_LARGEST_BACKLOG:]
            raise


def _book(claim: Claim, spec: RunSpec) -> ProgressBook:
    before = queue.read_progress(claim.run_id)
    curves = {}
    if before.get("metrics"):  # not the first attempt
        known = history(claim.run_id, keys=objectives_of(spec.data.task), max_points=200)
        curves = {key: [(point.step, point.value) for point in points] for key, points in known.items()}
    return ProgressBook(spec.data.task, before, curves)


def thin_batch(points: Sequence[tracking.Point]) -> list[tracking.Point]:
    """At most eight points of each key: ends and extremes, all that a curve needs of a quarter of a second."""
    by_key: dict[str, list[tracking.Point]] = {}
    for point in points:
        by_key.setdefault(point[0], []).append(point)
    kept: list[tracking.Point] = []
    for group in by_key.values():
        kept += thin(group, _POINTS_A_BATCH, value_of=lambda point: point[1])
    return kept
