"""A warm worker: a long-lived process that has imported Keras and traced a step before anyone asks.

It runs one job at a time and writes the end of each run itself; only where the process dies does the dispatcher do
that for it.
"""

from __future__ import annotations

import importlib
import os
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any

import psutil

from engine.errors import EngineError, ErrorKind
from engine.jobs.context import StoreContext
from engine.specs import RunSpec, RunStatus
from engine.store import queue
from engine.store.queue import Claim
from engine.text import N_
from engine.training.context import Outcome

DEFAULT_JOB = "engine.training.job:execute"
TRIAL_JOB = "engine.tuning.trial:execute"
_PARENT_CHECK_S = 0.5


class Worker:
    """The Ray actor behind one worker; see `engine.jobs.pool` for the other side.

    Args:
        environment: variables to set before anything heavy is imported (on a cluster, Ray does not carry them over).
        engine: (host, pid, start time) of the engine process; the worker ends when it is gone.
        job: "module:function" that is called with a document and a context.
    """

    def __init__(self, environment: Mapping[str, str], engine: tuple[str, int, float], job: str = DEFAULT_JOB) -> None:
        os.environ.update(environment)
        end_with(engine)
        self._job_name = job
        self._jobs: dict[str, Callable[..., Any]] = {}

    def warm_up(self) -> dict[str, Any]:
        """Import what a job needs and trace a small step; says who this is."""
        from engine.jobs.warmth import warm_up

        device = warm_up(training=self._job_name == DEFAULT_JOB)
        self._load_job()
        return whoami() | {"device": device}

    def run(self, claim_fields: tuple[str, str, int, float]) -> dict[str, Any]:
        """Do one attempt at a run and write its end."""
        self._attempt(Claim(*claim_fields))
        return whoami()

    def _load_job(self, *, trial: bool = False) -> Callable[..., Any]:
        """What does a run; a trial of a search has a lighter one."""
        name = TRIAL_JOB if trial and self._job_name == DEFAULT_JOB else self._job_name
        if name not in self._jobs:
            module, function = name.split(":")
            self._jobs[name] = getattr(importlib.import_module(module), function)
        return self._jobs[name]

    def _attempt(self, claim: Claim) -> None:
        try:
            spec = queue.spec_of(claim.run_id)
            with StoreContext(claim, spec) as context:
                result = self._do(spec, context)
        except EngineError as error:  # the document cannot be read, or the store does not answer
            queue.finish(claim, RunStatus.FAILED, error=error)
            return
        if context.lost:
            return  # another attempt holds the run and writes its end
        if isinstance(result, EngineError):
            queue.finish(claim, RunStatus.FAILED, error=result)
        elif result == Outcome.FINISHED:
            queue.finish(claim, RunStatus.FINISHED)
        elif context.give_back:
            queue.give_back(claim, counted=False)
        else:
            queue.finish(claim, RunStatus.KILLED)

    def _do(self, spec: RunSpec, context: StoreContext) -> Outcome | EngineError:
        """Run the job; how it ended, or the error that ended it."""
        try:
            return Outcome(self._load_job(trial=bool(context.search_id))(spec, context))
        except EngineError as error:
            context.log(str(error))
            return error
        except Exception as error:  # noqa: BLE001 - the border of the process: a person gets a sentence
            for line in traceback.format_exc().splitlines():
                context.log(line)
            return as_engine_error(error)


def as_engine_error(error: Exception) -> EngineError:
    """The sentence for an error that nobody expected."""
    name = type(error).__name__
    if isinstance(error, MemoryError) or name == "ResourceExhaustedError":
        return EngineError(
            ErrorKind.OUT_OF_MEMORY,
            N_("The memory was not enough for this model and batch size."),
            hint=N_("Lower the batch size or the image size, or choose a smaller model."),
        )
    if isinstance(error, OSError) and error.errno == 28:  # ENOSPC
        return EngineError(
            ErrorKind.OUT_OF_DISK,
            N_("The disk of the workspace is full."),
            hint=N_("Delete what you no longer need, then resume the run."),
        )
    return EngineError(
        ErrorKind.INTERNAL,
        N_("Something went wrong inside Lathe ({name})."),
        hint=N_("The log of the run says more. Resuming it may help; if not, please report it."),
        name=name,
    )


def whoami() -> dict[str, Any]:
    """Process id, start time and memory of this process."""
    me = psutil.Process()
    return {"pid": me.pid, "started_at": me.create_time(), "memory_bytes": me.memory_info().rss}


def end_with(engine: tuple[str, int, float]) -> None:
    """End this process as soon as the engine process is gone, whatever Ray does; only on the same machine."""
    import socket

    host, pid, started_at = engine
    if host != socket.gethostname():
        return

    def watch() -> None:
        while True:
            try:
                process = psutil.Process(pid)
                if abs(process.create_time() - started_at) > 0.5 or process.status() == psutil.STATUS_ZOMBIE:
                    os._exit(1)
            except psutil.Error:
                os._exit(1)
            time.sleep(_PARENT_CHECK_S)

    threading.Thread(target=watch, name="lathe-watch", daemon=True).start()
