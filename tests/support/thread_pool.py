"""Workers that are threads of this process: for jobs that need no process of their own (simulated trials, tests).

Everything else is as in `engine.jobs.pool`: the same worker code, the same queue, the same store.
"""

from __future__ import annotations

import os
import socket
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import psutil

from engine.jobs.pool import Pool, Seat
from engine.jobs.tuner import Tuner
from engine.jobs.worker import Worker


class ThreadPool(Pool):
    """A pool without Ray.

    Args:
        job: "module:function" that the workers call.
        workers: how many to begin with.
        with_tuner: False where no search is to be led.
    """

    def __init__(self, job: str, workers: int = 1, *, with_tuner: bool = True) -> None:
        super().__init__(job)
        self._count, self._with_tuner = workers, with_tuner
        self._executors: list[ThreadPoolExecutor] = []
        self.tuner_process: Tuner | None = None

    def start(self) -> None:
        """All seats at once."""
        self._environment: dict[str, str] = {}
        self.seats = [self._seat(i) for i in range(self._count)]

    def stop(self) -> None:
        """Wait for what runs, then end the threads."""
        for executor in self._executors:
            executor.shutdown(wait=True, cancel_futures=True)

    def start_desk(self) -> None:
        """There is none."""

    @property
    def does_probe(self) -> bool:
        """Never."""
        return False

    def start_tuner(self) -> None:
        """The oracles in a thread of their own."""
        if not self._with_tuner:
            return
        self.tuner_process = Tuner({}, (socket.gethostname() + "-none", os.getpid(), 0.0), own_process=False)
        self.tuner = Seat("tuner", _Actor(self, self.tuner_process), _done(self.tuner_process.warm_up()))

    def _kill(self, seat: Seat) -> None:
        """Threads end by themselves."""

    def _seat(self, index: int) -> Seat:
        worker = Worker({}, (socket.gethostname() + "-none", os.getpid(), 0.0), self._job)
        return Seat(f"worker {index + 1}", _Actor(self, worker), _done({"pid": psutil.Process().pid}))


class _Actor:
    """What Ray's handle of an actor looks like: `actor.verb.remote(…).future()`."""

    def __init__(self, pool: ThreadPool, target: Any) -> None:
        self._target = target
        self._executor = ThreadPoolExecutor(1)
        pool._executors.append(self._executor)

    def __getattr__(self, verb: str) -> _Verb:
        return _Verb(self._executor, getattr(self._target, verb))


class _Verb:
    def __init__(self, executor: ThreadPoolExecutor, call: Any) -> None:
        self._executor, self._call = executor, call

    def remote(self, *arguments: Any) -> _Answer:
        return _Answer(self._executor.submit(self._call, *arguments))


class _Answer:
    def __init__(self, future: Future[Any]) -> None:
        self._future = future

    def future(self) -> Future[Any]:
        return self._future


def _done(value: Any) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_result(value)
    return future
