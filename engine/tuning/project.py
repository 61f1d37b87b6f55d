"""`python -m engine.tuning.project SEARCH FOLDER`: a search as a KerasTuner project, by KerasTuner's own states."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.specs.search_records import TrialStatus
from engine.store import trials as store
from engine.store.searches import objectives_of
from engine.store.trials import TrialRow
from engine.tuning.book import Book
from engine.tuning.export import PROJECT


def write_project(search_id: str, folder: Path) -> Path:
    """Write `oracle.json`, `tuner0.json` and `trial_*/trial.json` below `folder`/keras_tuner."""
    found = store.load(search_id)
    goals = objectives_of(found.spec)
    rows = [row for row in store.all_rows(search_id) if row.oracle_id and row.status is not TrialStatus.WITHDRAWN]
    state = found.oracle or {"seed_state": 1, "ongoing": {}}
    known = {row.oracle_id for row in rows}
    state["ongoing"] = {tuner: trial for tuner, trial in state["ongoing"].items() if trial in known}
    book = Book(found.spec, goals, rows, state)
    project = folder / PROJECT
    project.mkdir(parents=True, exist_ok=True)
    for row in rows:
        trial = book.oracle.trials[row.oracle_id]
        trial.message = str(row.error) if row.error else None
        _fill_metrics(trial.metrics, row, goals)
        place = project / f"trial_{row.oracle_id}"
        place.mkdir(exist_ok=True)
        (place / "trial.json").write_text(json.dumps(trial.get_state()), encoding="utf-8")
    (project / "oracle.json").write_text(json.dumps(book.oracle.get_state()), encoding="utf-8")
    (project / "tuner0.json").write_text("{}", encoding="utf-8")
    return project


def _fill_metrics(metrics: Any, row: TrialRow, goals: Sequence[tuple[str, str]]) -> None:
    first = int(row.plan.get("first_epoch", 0)) + 1
    curve = list(enumerate(row.result.get("curve", ()), start=first))
    for i, (metric, direction) in enumerate(goals):
        end = row.result.get("objectives", {}).get(metric)
        if end is None:
            continue
        metrics.register(metric, direction=direction)
        for epoch, value in curve if i == 0 and curve else [(int(row.plan.get("epochs", 1)), end)]:
            metrics.update(metric, value, step=epoch)


if __name__ == "__main__":
    write_project(sys.argv[1], Path(sys.argv[2]))
