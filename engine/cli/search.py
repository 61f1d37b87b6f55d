"""`engine search`: search over a document, wait for the end and say what was best."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from engine import api
from engine.cli.output import ERROR, INTERRUPTED, OK, ProgressLine, print_json
from engine.cli.train import read_document
from engine.errors import EngineError, ErrorKind
from engine.jobs.client import stop_engine
from engine.specs import RunSpec
from engine.specs.search_records import SearchRecord, SearchStatus, TrialRecord
from engine.store.wishes import wished_workers
from engine.text import N_

_LOOK_EVERY_S = 0.3
_STOP_WAIT_S = 20.0
_SHOWN = 10  # trials of the leaderboard


def search(
    document: str,
    space: Path | None,
    *,
    options: dict[str, Any],
    algorithm: str | None,
    workers: int | None,
    export: Path | None,
    as_json: bool,
) -> int:
    """Start a search and see it through.

    Args:
        document: the run's document, or "-" for standard input.
        space: a file with a list of dimensions, or with a whole search; None: what stands in the document.
        options: of the budget, by name; None is left out.
        algorithm: its name; None: as the file says.
        workers: to have meanwhile; None: as they are.
        export: a folder to write the search to at its end.
        as_json: end with one line of JSON.
    """
    spec = _with_search(RunSpec.parse(read_document(document)), space, options, algorithm)
    before = wished_workers()
    search_id = api.start_search(spec)
    if workers is not None:
        api.set_workers(workers)
    try:
        return _see_through(search_id, export=export, as_json=as_json)
    finally:
        if workers is not None and before is not None:
            api.set_workers(before)
        stop_engine()


def _with_search(spec: RunSpec, space: Path | None, options: dict[str, Any], algorithm: str | None) -> RunSpec:
    tree: dict[str, Any] = spec.search.model_dump(mode="json") if spec.search else {}
    if space is not None:
        found = _parse(space)
        tree = {**tree, "dimensions": found} if isinstance(found, list) else {**tree, **found}
    if algorithm is not None and tree.get("algorithm", {}).get("kind") != algorithm:
        tree["algorithm"] = {"kind": algorithm}
    budget = {name: value for name, value in options.items() if value is not None}
    if algorithm == "hyperband" and "trials" not in budget:
        budget["trials"] = 0  # its brackets say how many
    if budget:
        tree["budget"] = {**tree.get("budget", {}), **budget}
    return spec.edit({"search": tree})


def _parse(file: Path) -> Any:
    text = read_document(str(file))
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("{file} is not JSON: {reason}."),
            hint=N_("It holds a list of dimensions, or a search with its dimensions."),
            file=str(file),
            reason=str(error),
        ) from error


def _see_through(search_id: str, *, export: Path | None, as_json: bool) -> int:
    progress = ProgressLine()
    interrupted = False
    try:
        record = _watch(search_id, progress)
    except KeyboardInterrupt:
        interrupted = True
        progress.end()
        print("Stopping the search (its trials keep the scores they have) …", file=sys.stderr)
        record = _stop(search_id)
    finally:
        progress.end()
    trials = api.trials(search_id)
    if export is not None:
        api.export_search(search_id, export)
    if as_json:
        print_json(search_line(record, trials))
    else:
        print_search(record, trials)
    if interrupted:
        return INTERRUPTED
    return OK if record.status is SearchStatus.FINISHED else ERROR


def _watch(search_id: str, progress: ProgressLine) -> SearchRecord:
    while not _is_over(record := api.search(search_id)):
        api.ensure_engine()
        total = record.spec.search.budget.trials if record.spec.search else 0
        done = record.completed + record.failed
        progress.draw(done / total if total else 0.0, _describe(record, total))
        time.sleep(_LOOK_EVERY_S)
    return record


def _is_over(record: SearchRecord) -> bool:
    return record.status.is_over and not record.running and not record.waiting


def _stop(search_id: str) -> SearchRecord:
    deadline = time.monotonic() + _STOP_WAIT_S
    while True:
        api.stop_search(search_id)
        record = api.search(search_id)
        if _is_over(record) or time.monotonic() > deadline:
            return record
        time.sleep(_LOOK_EVERY_S)


def _describe(record: SearchRecord, total: int) -> str:
    if not record.trials:
        ready = api.engine_state().state == "ready"
        return "waiting for the first trial" if ready else "waiting for the engine to start"
    done = record.completed + record.failed
    parts = [f"trial {done}/{total}" if total else f"trial {done}"]
    if record.running:
        parts.append(f"{record.running} running")
    if record.failed:
        parts.append(f"{record.failed} failed")
    if record.best_score is not None:
        parts.append(f"best {record.objectives[0][0]} {record.best_score:.4g} (trial {record.best_trial})")
    if record.seconds_left is not None:
        parts.append(f"{record.seconds_left:.0f} s left")
    return " · ".join(parts)


def search_line(record: SearchRecord, trials: list[TrialRecord]) -> dict[str, Any]:
    """What a script needs of a search, as one JSON object."""
    best = next((trial for trial in trials if trial.best), None)
    return {
        "search_id": record.id,
        "status": record.status.value,
        "reason": record.reason,
        "objectives": [list(objective) for objective in record.objectives],
        "trials": record.trials,
        "completed": record.completed,
        "failed": record.failed,
        "seconds": round(record.seconds, 3),
        "best": _trial_line(best) if best is not None else None,
        "front": list(record.front),
        "leaderboard": [_trial_line(trial) for trial in ranked(record, trials)],
        "error": str(EngineError.from_record(record.error)) if record.error else None,
    }


def _trial_line(trial: TrialRecord) -> dict[str, Any]:
    return {
        "trial": trial.number,
        "score": trial.score,
        "spread": trial.spread,
        "objectives": trial.objectives,
        "values": trial.values,
        "epochs": trial.epochs,
        "runs": list(trial.run_ids),
    }


def ranked(record: SearchRecord, trials: list[TrialRecord]) -> list[TrialRecord]:
    """The trials with a score, the best first."""
    scored = [trial for trial in trials if trial.score is not None]
    up = bool(record.objectives) and record.objectives[0][1] == "max"
    return sorted(scored, key=lambda trial: -(trial.score or 0.0) if up else trial.score or 0.0)


def print_search(record: SearchRecord, trials: list[TrialRecord]) -> None:
    """A search as a person reads it."""
    print(f"{record.id}  {record.status.label}  {record.name}  ({record.trials} trials, {record.seconds:.1f} s)")
    if record.reason:
        print(f"  {record.reason}")
    if record.error:
        print(f"  {EngineError.from_record(record.error)}")
    metric = record.objectives[0][0] if record.objectives else "score"
    for trial in ranked(record, trials)[:_SHOWN]:
        spread = f" ± {trial.spread:.4f}" if trial.spread is not None else ""
        values = ", ".join(f"{path} = {_shown(value)}" for path, value in trial.values.items())
        front = "  *" if trial.pareto else ""
        print(f"  trial {trial.number:<4} {metric} {trial.score:.4f}{spread}  {values}{front}")
    failed = [trial for trial in trials if trial.error]
    if failed:
        first = EngineError.from_record(failed[0].error or {})
        print(f"  {len(failed)} failed; trial {failed[0].number}: {first}")


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else json.dumps(value)
