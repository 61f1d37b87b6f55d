"""The small files of a run below `runs/<id>/`: its log and its examples (evaluations: `engine.store.evaluations`)."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

from engine.errors import EngineError
from engine.specs.prediction import CostReport
from engine.specs.records import ExampleRecord
from engine.store.database import store_errors
from engine.store.home import home

LOG_LIMIT_BYTES = 4 * 2**20  # of log.txt; beyond it the older half is dropped
_TAIL_BYTES = 512 * 1024  # a page never reads more than this of a log


def folder_of(run_id: str) -> Path:
    """The folder of a run, which may not be there yet; a prefix of the id is enough."""
    whole = home() / "runs" / run_id
    if re.fullmatch(r"[0-9a-f]{16}", run_id) and whole.is_dir():
        return whole
    from engine.store.runs import full_id

    return home() / "runs" / full_id(run_id)


def read_examples(run_id: str) -> list[ExampleRecord]:
    """The newest best, worst and random validation examples; empty before the first ones were written."""
    text = _read_text(folder_of(run_id) / "examples.json")
    return [ExampleRecord.model_validate(record) for record in json.loads(text)] if text else []


def write_examples(folder: Path, records: Sequence[ExampleRecord]) -> None:
    """Replace the examples of a run in one move, so that a reader never sees half of them."""
    write_atomically(folder / "examples.json", json.dumps([r.model_dump(mode="json") for r in records]))


def read_costs(run_id: str) -> CostReport:
    """What was estimated before a run started and what it took; empty where neither was written."""
    return read_cost_file(folder_of(run_id))


def read_cost_file(folder: Path) -> CostReport:
    """The same of a run's folder."""
    text = _read_text(folder / "costs.json")
    return CostReport.model_validate_json(text) if text else CostReport(run_id=folder.name)


def write_costs(folder: Path, report: CostReport) -> None:
    """Replace what is known of a run's costs."""
    write_atomically(folder / "costs.json", report.model_dump_json())


def read_log(run_id: str, *, last: int = 200) -> list[str]:
    """The newest lines of a run's log."""
    file = folder_of(run_id) / "log.txt"
    if last <= 0 or not file.exists():
        return []
    with store_errors(), file.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        start = max(0, size - _TAIL_BYTES)
        stream.seek(start)
        lines = stream.read().decode("utf-8", errors="replace").splitlines()
    return (lines[1:] if start else lines)[-last:]


def append_log(folder: Path, lines: Sequence[str]) -> None:
    """Add lines to a run's log; where it has grown too long, its older half goes."""
    file = folder / "log.txt"
    with file.open("a", encoding="utf-8") as stream:
        stream.writelines(line.rstrip("\n").replace("\r", "") + "\n" for line in lines)
        size = stream.tell()
    if size > LOG_LIMIT_BYTES:
        kept = file.read_bytes()[-LOG_LIMIT_BYTES // 2 :].split(b"\n", 1)[-1]
        write_atomically(file, kept.decode("utf-8", errors="replace"))


def write_atomically(file: Path, text: str) -> None:
    """Write a file beside its place and rename it there: a reader sees the old one or the new one, never half."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        os.replace(name, file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _read_text(file: Path) -> str | None:
    try:
        with store_errors():
            return file.read_text(encoding="utf-8")
    except EngineError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return None
        raise
