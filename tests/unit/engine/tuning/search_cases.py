"""Searches without Ray and without training: the real dispatcher, store and oracles, and trials that sleep."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from thread_pool import ThreadPool

from engine.jobs.dispatcher import Dispatcher
from engine.specs import RunSpec
from engine.specs.search_records import SearchRecord
from engine.store import searches

JOB = "sleeping_trials:execute"
RATE = {"kind": "float", "path": "training.optimizer.learning_rate", "low": 1e-4, "high": 1e-1, "scale": "log"}
DROPOUT = {"kind": "float", "path": "model.dropout", "low": 0.0, "high": 0.5}


def document(search: dict[str, Any] | None = None, **changes: Any) -> RunSpec:
    """A small document with a search over learning rate and dropout."""
    spec = RunSpec.parse(
        {
            "data": {"dataset": "0" * 16, "task": "image_classification", "preprocessing": {"kind": "image"}},
            "model": {"kind": "cnn", "dropout": 0.1},
            "training": {"epochs": 3},
        }
    )
    whole = {"dimensions": [RATE, DROPOUT], "budget": {"trials": 6}, **(search or {})}
    return spec.edit({"search": whole, **changes})


class Engine:
    """A dispatcher with workers that are threads."""

    def __init__(self, workers: int = 1, job: str = JOB) -> None:
        self.pool = ThreadPool(job, workers)
        self.pool.start()
        self.dispatcher = Dispatcher(self.pool)

    def turn_until(self, condition: Callable[[], object], timeout_s: float = 120.0) -> None:
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, "it did not happen in time"
            if not self.dispatcher.turn():
                time.sleep(0.002)

    def finish(self, search_id: str, timeout_s: float = 120.0) -> SearchRecord:
        def over() -> bool:
            if not searches.get_search(search_id).status.is_over:
                return False
            return all(trial.status.is_over for trial in searches.list_trials(search_id))

        self.turn_until(over, timeout_s)
        return searches.get_search(search_id)


@contextmanager
def running_engine(workers: int = 1, job: str = JOB) -> Iterator[Engine]:
    engine = Engine(workers, job)
    try:
        yield engine
    finally:
        engine.pool.stop()
        if engine.pool.tuner_process is not None:
            for loop in engine.pool.tuner_process._loops.values():
                loop.close()
