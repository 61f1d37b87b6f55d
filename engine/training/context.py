"""What a job may say to the world, and the plain form of it that writes into a folder.

The fit knows nothing of queues, databases or pages: it speaks through a `RunContext`. In the engine that is the store;
in tests and notebooks it is `LocalContext`. Every call returns at once; none of them may slow a training step, so that
the fit calls them from a thread of its own (`engine.training.callbacks.reporter`).
"""

import json
import threading
import time
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from engine.specs.records import ExampleRecord
from engine.text import N_

PREPARING = N_("preparing data")
BUILDING = N_("building")
FEATURES = N_("working out features")
TRAINING = N_("training")
EVALUATING = N_("evaluating")


class Outcome(StrEnum):
    """How a job ended where it did not fail."""

    FINISHED = "finished"
    STOPPED = "stopped"  # on request, after a checkpoint: the same document in the same folder goes on from there


@runtime_checkable
class RunContext(Protocol):
    """The job's way out. Implementations must be safe to call from several threads."""

    @property
    def run_dir(self) -> Path:
        """The run's own folder: checkpoints/, model/, predictions/ are written below it."""
        ...

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Values after `step` optimizer steps since the start of the run, by key: "train/loss", "val/accuracy"…"""
        ...

    def progress(self, *, epoch: int, step: int, total_steps: int, seconds_left: float | None) -> None:
        """How far the fit is: finished epochs, steps done, steps planned (may shrink), seconds left where known."""
        ...

    def log(self, line: str) -> None:
        """One line of the run's log."""
        ...

    def examples(self, records: Sequence[ExampleRecord]) -> None:
        """The newest best, worst and random validation examples; they take the place of those before."""
        ...

    def phase(self, name: str) -> None:
        """What is being done now: one of `PREPARING`, `BUILDING`, `FEATURES`, `TRAINING`, `EVALUATING`."""
        ...

    def stop_requested(self) -> bool:
        """True as soon as someone asked the run to stop; cheap, it is asked after every call of the compiled step."""
        ...

    def checkpoint_saved(self, path: Path) -> None:
        """A whole checkpoint lies at `path` (already synced and renamed into place)."""
        ...

    def checkpoint_requested(self) -> int:
        """The number of the newest request to keep a checkpoint for a branch, 0 where none is open; cheap as well."""
        ...

    def checkpoint_kept(self, request: int, step: int) -> None:
        """The checkpoint that `request` asked for is kept in `branches/`, taken after `step` steps."""
        ...


class LocalContext:
    """A context without an engine: JSON lines in `run_dir`, for tests and notebooks.

    Args:
        run_dir: made where it is missing; gets metrics.jsonl, progress.jsonl, phases.jsonl, examples.jsonl,
            checkpoints.jsonl, kept.jsonl and log.txt.
    """

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = Path(run_dir)
        self._run_dir.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._asked = self._kept = 0

    @property
    def run_dir(self) -> Path:
        """The run's own folder."""
        return self._run_dir

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        """One line in metrics.jsonl."""
        self._append("metrics", {"step": step, "values": dict(values)})

    def progress(self, *, epoch: int, step: int, total_steps: int, seconds_left: float | None) -> None:
        """One line in progress.jsonl."""
        record = {"epoch": epoch, "step": step, "total_steps": total_steps, "seconds_left": seconds_left}
        self._append("progress", record)

    def log(self, line: str) -> None:
        """One line in log.txt."""
        with self._lock, (self._run_dir / "log.txt").open("a", encoding="utf-8") as file:
            file.write(line.rstrip("\n") + "\n")

    def examples(self, records: Sequence[ExampleRecord]) -> None:
        """One line in examples.jsonl with all of them."""
        self._append("examples", {"examples": [record.model_dump(mode="json") for record in records]})

    def phase(self, name: str) -> None:
        """One line in phases.jsonl."""
        self._append("phases", {"phase": name})

    def stop_requested(self) -> bool:
        """True after `request_stop`."""
        return self._stop.is_set()

    def checkpoint_saved(self, path: Path) -> None:
        """One line in checkpoints.jsonl."""
        self._append("checkpoints", {"path": str(path)})

    def checkpoint_requested(self) -> int:
        """The newest request of `request_checkpoint` that was not answered yet."""
        return self._asked if self._asked > self._kept else 0

    def checkpoint_kept(self, request: int, step: int) -> None:
        """One line in kept.jsonl."""
        self._append("kept", {"request": request, "step": step})
        self._kept = max(self._kept, request)

    def request_checkpoint(self) -> int:
        """Ask the job to keep a checkpoint in `branches/` as soon as it can; the number of the request."""
        with self._lock:
            self._asked += 1
            return self._asked

    def request_stop(self) -> None:
        """Ask the job to checkpoint and end in good order."""
        self._stop.set()

    def read(self, name: str) -> list[dict[str, Any]]:
        """The lines written so far under `name`: "metrics", "progress", "phases", "examples", "checkpoints", "kept"."""
        file = self._run_dir / f"{name}.jsonl"
        if not file.exists():
            return []
        return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]

    def history(self, key: str) -> list[tuple[int, float]]:
        """The (step, value) points of one metric."""
        return [(line["step"], line["values"][key]) for line in self.read("metrics") if key in line["values"]]

    def _append(self, name: str, record: dict[str, Any]) -> None:
        line = json.dumps({"time": time.time(), **record})
        with self._lock, (self._run_dir / f"{name}.jsonl").open("a", encoding="utf-8") as file:
            file.write(line + "\n")
