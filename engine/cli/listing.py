"""`engine runs`, `engine history` and `engine sources`."""

from __future__ import annotations

import csv
import sys
import time
from contextlib import nullcontext
from pathlib import Path

from engine import api
from engine.cli.output import OK, ProgressLine, print_json, run_line
from engine.errors import EngineError
from engine.specs import Modality

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


def sources(*, kind: str | None, fetch: str | None, as_json: bool) -> int:
    """List the pretrained models, those that are ready first; or download one."""
    if fetch is not None:
        progress = ProgressLine()
        try:
            records = [api.fetch_source(api.source_address(fetch), progress.draw)]
        finally:
            progress.end()
    else:
        records = api.sources(Modality(kind) if kind else None)
    if as_json:
        print_json([record.model_dump(mode="json") for record in records])
        return OK
    for record in records:
        size = f"{record.parameters / 1e6:.1f} M" if record.parameters else ""
        why = "" if record.ready or record.problem is None else str(EngineError.from_record(record.problem))
        state = "ready" if record.ready else "download" if record.needs_network else "unusable"
        print(f"{record.address:<44} {record.modality.value:<6} {size:>9}  {state:<9} {record.title}")
        if why and not record.needs_network:
            print(f"  {why}")
    return OK
