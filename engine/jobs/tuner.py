"""The process of the oracles: KerasTuner lives here, and nowhere else.

It runs on Keras' NumPy backend: the oracles need no TensorFlow, and without it they start in seconds and take a tenth
of the memory. The dispatcher calls `advance` when a trial has ended and now and then; whatever it decides is written
to the store before it returns, so that it may be killed at any moment.
"""

from __future__ import annotations

import logging
import os
import traceback
import uuid
from collections.abc import Mapping
from typing import Any

from engine.jobs.worker import end_with, whoami

BACKEND = {"KERAS_BACKEND": "numpy", "CUDA_VISIBLE_DEVICES": "-1"}
log = logging.getLogger("lathe.tuner")


class Tuner:
    """The Ray actor that asks and tells; see `engine.jobs.searching` for the other side."""

    def __init__(
        self, environment: Mapping[str, str], engine: tuple[str, int, float], *, own_process: bool = True
    ) -> None:
        if own_process:
            os.environ.update(environment)
            os.environ.update(BACKEND)
            end_with(engine)
        self._owner = uuid.uuid4().hex
        self._loops: dict[str, Any] = {}

    def warm_up(self) -> dict[str, Any]:
        """Import KerasTuner; says who this is."""
        import engine.tuning.loop  # noqa: F401

        return whoami()

    def advance(self, workers: int) -> dict[str, Any]:
        """Take every search as far as it goes now.

        Returns:
            {"active": searches that still have something to do, "happened": whether anything was done}.
        """
        from engine.store import trials

        active = trials.active()
        for search_id in set(self._loops) - set(active):
            self._loops.pop(search_id).close()
        happened = False
        for search_id in active:
            happened |= self._advance(search_id, workers)
        return {"active": len(active), "happened": happened}

    def _advance(self, search_id: str, workers: int) -> bool:
        from engine.store.trials import NotOurs
        from engine.tuning.loop import Loop

        try:
            if search_id not in self._loops:
                self._loops[search_id] = Loop(search_id, self._owner)
            return bool(self._loops[search_id].advance(workers))
        except NotOurs:
            log.info("search %s is led by another process", search_id)
            self._forget(search_id)
        except Exception as error:  # noqa: BLE001 - one search that fails must not take the others with it
            traceback.print_exc()
            self._forget(search_id)
            self._note(search_id, error)
        return False

    def _forget(self, search_id: str) -> None:
        loop = self._loops.pop(search_id, None)
        if loop is not None:
            loop.close()

    def _note(self, search_id: str, error: Exception) -> None:
        """End a search that cannot go on; one that only missed the store goes on with the next turn."""
        from engine.errors import EngineError, ErrorKind
        from engine.jobs.worker import as_engine_error
        from engine.specs.search_records import SearchStatus
        from engine.store import trials

        if isinstance(error, EngineError) and error.kind in (ErrorKind.UNAVAILABLE, ErrorKind.OUT_OF_DISK):
            return
        known = error if isinstance(error, EngineError) else as_engine_error(error)
        try:
            trials.take(search_id, self._owner)
            with trials.change(search_id, self._owner) as connection:
                trials.end_search(connection, search_id, SearchStatus.FAILED, error=known, stop_running=True)
        except EngineError as second:
            log.warning("%s", second)
