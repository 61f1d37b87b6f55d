"""What commands print: results on standard output, progress on standard error."""

from __future__ import annotations

import json
import shutil
import sys
import time
from typing import Any

from engine.errors import EngineError
from engine.specs import RunStatus
from engine.specs.records import RunRecord

OK, ERROR, USAGE, INTERRUPTED = 0, 1, 2, 130
_BAR_CELLS = 24
_LINE_EVERY_S = 10.0  # where standard error is a file


class ProgressLine:
    """One line that is drawn anew on a terminal; in a file, a line now and then."""

    def __init__(self) -> None:
        self._on_terminal = sys.stderr.isatty()
        self._drawn_at = 0.0
        self._last = ""

    def draw(self, share: float, text: str) -> None:
        """Draw a share of 0 to 1 and what is being done."""
        share = min(max(share, 0.0), 1.0)
        line = f"{'█' * round(share * _BAR_CELLS):░<{_BAR_CELLS}} {share:4.0%}  {text}"
        now = time.monotonic()
        if self._on_terminal:
            width = shutil.get_terminal_size().columns - 1
            print(f"\r\x1b[2K{line[:width]}", end="", file=sys.stderr, flush=True)
        elif text != self._last and now - self._drawn_at >= _LINE_EVERY_S:
            print(line, file=sys.stderr, flush=True)
            self._drawn_at = now
        self._last = text

    def end(self) -> None:
        """Leave the line."""
        if self._on_terminal and self._last:
            print(file=sys.stderr)
        self._last = ""


def run_line(record: RunRecord) -> dict[str, Any]:
    """What a script needs of a run, as one JSON object."""
    metrics = {key: value for key, value in record.metrics.items() if key.split("/")[0] in ("train", "val", "test")}
    error = str(EngineError.from_record(record.error)) if record.error else None
    return {
        "run_id": record.id,
        "status": record.status.value,
        "metrics": metrics,
        "seconds": round(record.seconds, 3),
        "error": error,
    }


def print_json(document: Any) -> None:
    """One line."""
    print(json.dumps(document, ensure_ascii=False), flush=True)


def print_run(record: RunRecord) -> None:
    """A run as a person reads it."""
    line = run_line(record)
    print(f"{record.id}  {record.status.label}  {record.name}  ({record.seconds:.1f} s)")
    for key, value in sorted(line["metrics"].items()):
        print(f"  {key:<24} {value:.4f}")
    if line["error"]:
        print(f"  {line['error']}")


def exit_code(record: RunRecord) -> int:
    """0 only where the run has finished."""
    return OK if record.status is RunStatus.FINISHED else ERROR
