"""`engine run`, `branch`, `stop` and `resume`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine import api
from engine.cli.output import INTERRUPTED, OK, ProgressLine, exit_code, print_json, print_run, run_line
from engine.errors import EngineError, ErrorKind
from engine.jobs.client import stop_engine
from engine.specs import RunSpec, RunStatus
from engine.specs.knobs import whole_path
from engine.specs.records import RunRecord
from engine.text import N_

_LOOK_EVERY_S = 0.2
_STOP_WAIT_S = 20.0  # a checkpoint of a large model takes a while


def run(document: str, changes: Sequence[str], *, as_json: bool) -> int:
    """Train by a document and wait for the end."""
    spec = RunSpec.parse(read_document(document))
    spec = spec.edit(changes_of(spec, changes))
    return _see_through(api.submit(spec), as_json=as_json)


def resume(run_id: str, *, as_json: bool) -> int:
    """Go on with a stopped or failed run and wait for the end."""
    whole = api.run(run_id).id
    api.resume(whole)
    return _see_through(whole, as_json=as_json)


def branch(run_id: str, changes: Sequence[str], *, wait: bool, as_json: bool) -> int:
    """Go on from where a run is now under its document with some fields changed."""
    entered = api.branch(run_id, changes_of(api.run(run_id).spec, changes))
    record = api.run(entered)
    print(f"Branched off at step {record.spec.branch_step} as {entered}.", file=sys.stderr)
    if wait:
        return _see_through(entered, as_json=as_json)
    if as_json:
        print_json(run_line(record))
    else:
        print_run(record)
    return OK


def stop(run_id: str) -> int:
    """Ask a run to stop and wait until it has."""
    whole = api.run(run_id).id
    api.stop(whole)
    deadline = time.monotonic() + _STOP_WAIT_S
    while not (record := api.run(whole)).status.is_over and time.monotonic() < deadline:
        time.sleep(_LOOK_EVERY_S)
    print(f"{record.id}  {record.status.label}  {record.name}")
    return OK


def _see_through(run_id: str, *, as_json: bool) -> int:
    """Watch a run to its end; where this command started the engine, it ends it too."""
    progress = ProgressLine()
    interrupted = False
    try:
        record = _watch(run_id, progress)
    except KeyboardInterrupt:
        interrupted = True
        progress.end()
        print("Stopping the run (it keeps its newest checkpoint) …", file=sys.stderr)
        record = _stop_in_good_order(run_id)
    finally:
        progress.end()
        stop_engine()
    if as_json:
        print_json(run_line(record))
    else:
        print_run(record)
    return INTERRUPTED if interrupted else exit_code(record)


def _watch(run_id: str, progress: ProgressLine) -> RunRecord:
    while not (record := api.run(run_id)).status.is_over:
        api.ensure_engine()
        progress.draw(record.step / record.total_steps if record.total_steps else 0.0, _describe(record))
        time.sleep(_LOOK_EVERY_S)
    return record


def _stop_in_good_order(run_id: str) -> RunRecord:
    deadline = time.monotonic() + _STOP_WAIT_S
    while True:
        # Ctrl-C reaches an engine that we have started too: the run may be back in the queue by now, or on its way
        api.stop(run_id)
        record = api.run(run_id)
        if record.status.is_over or time.monotonic() > deadline:
            return record
        time.sleep(_LOOK_EVERY_S)


def _describe(record: RunRecord) -> str:
    if record.status is RunStatus.SCHEDULED:
        return "waiting" if api.engine_state().state == "ready" else "waiting for the engine to start"
    parts = [record.phase or "starting"]
    if record.total_steps:
        parts.append(f"step {record.step}/{record.total_steps}, epoch {record.epoch + 1}")
    parts += [f"{key} {record.metrics[key]:.4g}" for key in ("train/loss", "val/loss") if key in record.metrics]
    if record.seconds_left is not None:
        parts.append(f"{record.seconds_left:.0f} s left")
    return " · ".join(parts)


def read_document(document: str) -> str:
    """The text of a file, or of standard input for "-"."""
    if document == "-":
        return sys.stdin.read()
    try:
        return Path(document).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is not UTF-8 text"
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("{file} cannot be read: {reason}."),
            hint=N_("Make a document with: python -m engine spec DATA -o run.json"),
            file=document,
            reason=reason,
        ) from error


def changes_of(spec: RunSpec, changes: Sequence[str]) -> dict[str, Any]:
    """Changes that were typed, by the whole path: `training.learning_rate` finds the optimizer's."""
    return {whole_path(spec, path): value for path, value in map(change_of, changes)}


def change_of(text: str) -> tuple[str, Any]:
    """A change that was typed as PATH=VALUE: JSON where it is that, else text."""
    path, equals, value = text.partition("=")
    if not equals or not path:
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("--set needs PATH=VALUE, got {text}."),
            hint=N_("For example: --set training.epochs=3"),
            text=text,
        )
    try:
        return path.strip(), json.loads(value)
    except json.JSONDecodeError:  # a plain word is text
        return path.strip(), value
