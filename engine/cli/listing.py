"""`engine runs` and `engine history`."""

from __future__ import annotations

import csv
import sys
import time
from contextlib import nullcontext
from pathlib import Path

from engine import api
from engine.cli.output import OK, print_json, run_line

_SHOWN = ("test/accuracy", "test/rmse", "val/accuracy", "val/rmse", "val/loss", "train/loss")


def runs(*, search: str, limit: int, as_json: bool) -> int:
    """List the runs, newest first."""
    records = api.runs(search=search, limit=limit)
    if as_json:
        print_json([run_line(record) | {"name": record.name, "created_at": record.created_at} for record in records])
        return OK
    if not records:
        print("There are no runs yet." if not search else "No run contains these words.")
        return OK
    for record in records:
        key = next((key for key in _SHOWN if key in record.metrics), "")
        shown = f"{key} {record.metrics[key]:.4f}" if key else ""
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(record.created_at))
        print(f"{record.id}  {when}  {record.status.label:<9} {record.seconds:8.1f} s  {shown:<24} {record.name}")
    return OK


def history(run_id: str, output: Path | None) -> int:
    """Write the curves of a run as CSV: key, step, value, time."""
    curves = api.history(run_id, max_points=1_000_000)
    with output.open("w", newline="", encoding="utf-8") if output else nullcontext(sys.stdout) as stream:
        writer = csv.writer(stream)
        writer.writerow(["key", "step", "value", "time"])
        for key, points in curves.items():
            writer.writerows([key, point.step, point.value, point.time] for point in points)
        stream.flush()
    return OK
