"""Writes checkpoints and best weights in a thread: the fit goes on while the disk works."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any


class Writer:
    """Jobs one after the other; an error of one is raised in the fit at the next call."""

    def __init__(self) -> None:
        self._jobs: queue.Queue[Callable[[], Any] | None] = queue.Queue()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="checkpoints", daemon=True)
        self._thread.start()

    @property
    def busy(self) -> bool:
        """True while a job is waiting or being done."""
        return self._jobs.unfinished_tasks > 0

    def put(self, job: Callable[[], Any]) -> None:
        """Do `job` after those before it."""
        self._raise()
        self._jobs.put(job)

    def wait(self) -> None:
        """Until all jobs are done."""
        self._jobs.join()
        self._raise()

    def close(self) -> None:
        """Do what is waiting, then end; errors are kept (see `wait`)."""
        self._jobs.put(None)
        self._thread.join()

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        while True:
            job = self._jobs.get()
            try:
                if job is None:
                    return
                if self._error is None:
                    job()
            except BaseException as error:  # noqa: BLE001 - raised in the fit's thread by the next call
                self._error = error
            finally:
                self._jobs.task_done()
