"""What fine-tuning did, in the folder of its run: `finetuning.json`, and `drift.json` while it runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from engine.errors import EngineError, ErrorKind
from engine.specs.finetuning_records import DriftPoint, FineTuningRecord
from engine.store.artifacts import folder_of, write_atomically
from engine.store.database import store_errors
from engine.text import N_

RECORD, DRIFT = "finetuning.json", "drift.json"


def write_record(folder: Path, record: FineTuningRecord) -> None:
    """Keep what was found in the folder of a run."""
    write_atomically(folder / RECORD, record.model_dump_json())


def read_record(run_id: str) -> FineTuningRecord:
    """What is known of a fine-tuned run.

    Raises:
        EngineError: NOT_FOUND where the run is not finished, or was not fine-tuned.
    """
    text = _text_of(folder_of(run_id) / RECORD)
    if not text:
        raise EngineError(
            ErrorKind.NOT_FOUND,
            N_("The run {run} has no figures of before and after."),
            hint=N_("They are worked out when a fine-tuned run has finished."),
            run=run_id[:8],
        )
    return FineTuningRecord.model_validate_json(text)


def has_record(run_id: str) -> bool:
    """Whether there is something to read."""
    return (folder_of(run_id) / RECORD).exists()


def write_drift(folder: Path, points: Sequence[DriftPoint]) -> None:
    """Keep how far the body has moved, an epoch a point."""
    write_atomically(folder / DRIFT, json.dumps([point.model_dump(mode="json") for point in points]))


def read_drift_file(folder: Path) -> list[DriftPoint]:
    """The points of a run's folder, by epoch; empty before its first epoch has ended."""
    text = _text_of(folder / DRIFT)
    return [DriftPoint.model_validate(point) for point in json.loads(text)] if text else []


def read_drift(run_id: str) -> list[DriftPoint]:
    """The same by the id of the run."""
    return read_drift_file(folder_of(run_id))


def _text_of(file: Path) -> str:
    with store_errors():
        return file.read_text(encoding="utf-8") if file.exists() else ""
