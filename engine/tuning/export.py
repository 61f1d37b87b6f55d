"""A search taken away: a table of its trials, and a project folder that KerasTuner reads."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from engine.errors import EngineError, ErrorKind
from engine.specs.search_records import SearchRecord, TrialRecord
from engine.store.artifacts import write_atomically
from engine.store.home import home
from engine.store.searches import get_search, list_trials
from engine.text import N_

CSV = "trials.csv"
PROJECT = "keras_tuner"
_ROOT = Path(__file__).resolve().parents[2]
_TIMEOUT_S = 300.0  # starting KerasTuner takes seconds, minutes on a machine that is busy


def export_search(search_id: str, folder: Path) -> list[Path]:
    """Write `trials.csv`, `search.json` and the folder `keras_tuner` below `folder`; what was written.

    Read the project again with any tuner of KerasTuner:
    `keras_tuner.RandomSearch(build, "val/accuracy", directory=folder, project_name="keras_tuner")`.

    Raises:
        EngineError: NOT_FOUND, or OUT_OF_DISK and UNAVAILABLE where the folder cannot be written.
    """
    record = get_search(search_id)
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_csv(folder / CSV, record, list_trials(record.id))
        write_atomically(folder / "search.json", record.spec.to_json())
    except OSError as error:
        raise _cannot_write(folder, error) from error
    _write_project(record.id, folder)
    return [folder / CSV, folder / "search.json", folder / PROJECT]


def table_of(search_id: str) -> bytes:
    """What `trials.csv` holds."""
    with tempfile.TemporaryDirectory() as folder:
        write_csv(Path(folder) / CSV, get_search(search_id), list_trials(search_id))
        return (Path(folder) / CSV).read_bytes()


def write_csv(file: Path, record: SearchRecord, trials: Sequence[TrialRecord]) -> None:
    """One line a trial: what it was, what it came to, and a column for each searched field."""
    search = record.spec.search
    paths = list(dict.fromkeys(dimension.path for dimension in search.dimensions)) if search else []
    metrics = [metric for metric, _ in record.objectives]
    head = ["trial", "status", "origin", *metrics, "spread", *paths, "epochs", "seconds", "pareto", "runs", "error"]
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(head)
        for trial in trials:
            values = [_cell(trial.values.get(path)) for path in paths]
            measured = [trial.objectives.get(metric, "") for metric in metrics]
            error = str(EngineError.from_record(trial.error)) if trial.error else ""
            about = [trial.number, trial.status.value, trial.origin]
            spread = "" if trial.spread is None else trial.spread
            end = [trial.epochs, round(trial.seconds, 3), int(trial.pareto), " ".join(trial.run_ids), error]
            writer.writerow([*about, *measured, spread, *values, *end])


def _cell(value: object) -> object:
    if value is None:
        return ""
    return value if isinstance(value, str | int | float) and not isinstance(value, bool) else json.dumps(value)


def _write_project(search_id: str, folder: Path) -> None:
    """By a process of its own: KerasTuner writes its own format, and no page process holds it."""
    environment = dict(os.environ, KERAS_BACKEND="numpy", LATHE_HOME=str(home()), PYTHONPATH=str(_ROOT))
    command = [sys.executable, "-m", "engine.tuning.project", search_id, str(folder.resolve())]
    try:
        done = subprocess.run(
            command, cwd=_ROOT, env=environment, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _cannot_write(folder, error) from error
    if done.returncode:
        raise _cannot_write(folder, OSError((done.stderr.strip().splitlines() or ["?"])[-1]))


def _cannot_write(folder: Path, error: Exception) -> EngineError:
    return EngineError(
        ErrorKind.OUT_OF_DISK if getattr(error, "errno", None) == 28 else ErrorKind.UNAVAILABLE,
        N_("The search could not be written to {folder}: {reason}."),
        hint=N_("Check that the folder can be written and that there is room, then try again."),
        folder=str(folder),
        reason=str(getattr(error, "strerror", None) or error)[:300].rstrip("."),
    )
