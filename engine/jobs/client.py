"""What pages and command line may ask of the engine process. Imports neither Ray nor Keras.

Everything goes through the store, so that runs can be submitted and listed before any engine is up.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from engine.errors import EngineError, ErrorKind
from engine.specs import RunSpec, RunStatus
from engine.specs.records import EngineState
from engine.store import lease, questions, queue
from engine.store.home import home
from engine.store.runs import add_run, get_run
from engine.text import N_

_ROOT = Path(__file__).resolve().parents[2]
_LOG_LIMIT_BYTES = 4 * 2**20
_CHECK_EVERY_S = 1.0  # a page asks on every rerun; the store is asked at most this often
_RESTART_AFTER_S = 5.0  # an engine that ends at once is not started in a tight circle


class _Child:
    """The engine process that this process has started, if any."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.process: subprocess.Popen[bytes] | None = None
        self.home = ""
        self.started_at = 0.0
        self.checked_at = 0.0


_child = _Child()


# ---- the engine process -------------------------------------------------------------------------------------------
def ensure_engine() -> None:
    """Start `python -m engine serve` beside this process where none serves the workspace; returns at once.

    With `LATHE_ENGINE=external` none is ever started: the engine runs elsewhere, on the same database and workspace.
    """
    if os.environ.get("LATHE_ENGINE") == "external":
        return
    with _child.lock:
        now = time.monotonic()
        folder = str(home())
        if _child.home != folder:  # another workspace (tests): what was known is of no use
            _child.process, _child.home, _child.started_at, _child.checked_at = None, folder, 0.0, 0.0
        if _child.process is not None and _child.process.poll() is None:
            return
        if now - _child.checked_at < _CHECK_EVERY_S and _child.checked_at:
            return
        _child.checked_at = now
        if lease.engine_pid() is not None:
            return
        if _child.started_at and now - _child.started_at < _RESTART_AFTER_S:
            return
        _child.process, _child.started_at = _start(), now


def started_engine() -> subprocess.Popen[bytes] | None:
    """The engine process that this process started and that still runs, or None."""
    process = _child.process
    return process if process is not None and process.poll() is None else None


def stop_engine(timeout_s: float = 10.0) -> None:
    """End the engine that this process started, in good order; nothing happens where it started none."""
    process = started_engine()
    if process is None:
        return
    process.terminate()
    try:
        process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def engine_state() -> EngineState:
    """The machine and the engine, as last reported; where no engine runs, what this process can see by itself."""
    reported = lease.read_state()
    if reported is not None:
        return reported
    memory = psutil.virtual_memory()
    return EngineState(
        state="starting" if started_engine() is not None else "off",
        cpu_percent=psutil.cpu_percent(),
        memory_used_bytes=memory.total - memory.available,
        memory_total_bytes=memory.total,
        disk_free_bytes=shutil.disk_usage(home()).free,
    )


def _start() -> subprocess.Popen[bytes]:
    log = home() / "logs" / "engine.log"
    log.parent.mkdir(exist_ok=True)
    if log.exists() and log.stat().st_size > _LOG_LIMIT_BYTES:
        log.replace(log.with_suffix(".log.1"))
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join([str(_ROOT), os.environ.get("PYTHONPATH", "")]))
    # In our own process group, so that Ctrl-C in a terminal reaches it too.
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "engine", "serve", "--parent", str(os.getpid())],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=_ROOT,
            env=environment | {"LATHE_HOME": str(home())},
        )


# ---- questions ----------------------------------------------------------------------------------------------------
def ask(verb: str, document: Mapping[str, Any], *, timeout_s: float = 60.0) -> dict[str, Any]:
    """Ask the engine and wait for its answer; the same question is answered once and then read from the store.

    Raises:
        EngineError: the engine's own, or UNAVAILABLE where no answer came in time (ask again to go on waiting).
    """
    # A run that was resumed or continued since is another model: its old answers are of no use.
    about = str(get_run(document["run_id"]).ended_at) if "run_id" in document else ""
    key = questions.put(verb, document, timeout_s=timeout_s, about=about)
    deadline = time.monotonic() + timeout_s
    pause_s = 0.005
    while True:
        answer = questions.answer_of(key)
        if answer is not None:
            return answer
        ensure_engine()
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            raise _no_answer(timeout_s)
        time.sleep(min(pause_s, left_s))
        pause_s = min(pause_s * 1.3, 0.1)


def _no_answer(timeout_s: float) -> EngineError:
    if engine_state().state != "ready":
        return EngineError(
            ErrorKind.UNAVAILABLE,
            N_("The engine is still starting."),
            hint=N_("This takes half a minute at most; try again then."),
        )
    return EngineError(
        ErrorKind.UNAVAILABLE,
        N_("The engine has not answered within {timeout_s} s."),
        hint=N_("It may be busy with a large task; try again in a moment."),
        timeout_s=round(timeout_s, 1),
    )


# ---- runs ---------------------------------------------------------------------------------------------------------
def submit(spec: RunSpec, *, token: str = "") -> str:
    """Put a document into the queue; the same `token` never makes a second run.

    Raises:
        EngineError: NOT_FOUND where its data set is not in the workspace.
    """
    from engine.store.datasets import get_dataset

    dataset = get_dataset(spec.data.dataset)
    return add_run(spec, token=token, dataset_name=dataset.name)


def stop(run_id: str) -> None:
    """Ask a run to stop in good order; a waiting one is taken out of the queue."""
    queue.request_stop(run_id)


def resume(run_id: str) -> None:
    """Put a stopped or failed run back into the queue."""
    queue.requeue(run_id)


def continue_training(run_id: str, epochs: int) -> str:
    """A new run that starts from a finished run's weights and trains `epochs` more.

    Raises:
        EngineError: CONFLICT where the run has not finished.
    """
    parent = get_run(run_id)
    if parent.status is not RunStatus.FINISHED:
        raise EngineError(
            ErrorKind.CONFLICT,
            N_("Only a finished run can be continued for more epochs; {name} has not finished."),
            hint=N_("Resume it instead: it goes on from its newest checkpoint."),
            name=parent.name,
        )
    spec = parent.spec.edit({"training.epochs": epochs, "parent_run": parent.id, "branch_step": 0, "name": parent.name})
    return submit(spec)


def reorder(run_ids: Sequence[str]) -> None:
    """Set the order of the waiting runs."""
    queue.reorder(run_ids)
