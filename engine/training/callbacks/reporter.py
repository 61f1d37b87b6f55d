"""Passes on what the fit has to say, from a thread of its own, so that a slow store never slows a step."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.specs.records import ExampleRecord
from engine.training.context import RunContext

# Live figures are worth nothing when they pile up: beyond this many waiting messages, unimportant ones are left out.
MOST_WAITING = 256


class Reporter:
    """A `RunContext` behind a queue: calls return at once and reach the context in order.

    An error of the context (a store that is gone) is raised in the fit at its next call.
    """

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._waiting: queue.SimpleQueue[Callable[[], Any] | None] = queue.SimpleQueue()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="reporter", daemon=True)
        self._thread.start()

    def metrics(self, step: int, values: Callable[[], Mapping[str, float]], *, live: bool = False) -> None:
        """Report values; they are worked out in the thread. `live` ones may be left out when the store is slow."""
        if live and self._waiting.qsize() > MOST_WAITING:
            return
        self._put(lambda: self._context.metrics(step, values()))

    def progress(self, *, epoch: int, step: int, total_steps: int, seconds_left: float | None) -> None:
        """See `RunContext.progress`."""
        self._put(
            lambda: self._context.progress(epoch=epoch, step=step, total_steps=total_steps, seconds_left=seconds_left)
        )

    def log(self, line: str) -> None:
        """See `RunContext.log`."""
        self._put(lambda: self._context.log(line))

    def examples(self, records: Callable[[], Sequence[ExampleRecord]]) -> None:
        """Report examples; they are put together in the thread."""
        self._put(lambda: self._context.examples(records()))

    def checkpoint_saved(self, path: Path) -> None:
        """See `RunContext.checkpoint_saved`."""
        self._put(lambda: self._context.checkpoint_saved(path))

    def checkpoint_kept(self, request: int, step: int) -> None:
        """See `RunContext.checkpoint_kept`."""
        self._put(lambda: self._context.checkpoint_kept(request, step))

    def close(self, *, quiet: bool = False) -> None:
        """Wait until all is said; with `quiet` an error of the context is kept back (another is on its way)."""
        self._waiting.put(None)
        self._thread.join()
        if self._error is not None and not quiet:
            raise self._error

    def _put(self, call: Callable[[], Any]) -> None:
        if self._error is not None:
            raise self._error
        self._waiting.put(call)

    def _work(self) -> None:
        while (call := self._waiting.get()) is not None:
            if self._error is None:
                try:
                    call()
                except BaseException as error:  # noqa: BLE001 - raised in the fit's thread by the next call
                    self._error = error
