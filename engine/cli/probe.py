"""`engine probe`: what a change of a run does, by short paired trainings."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine import api
from engine.cli.output import ERROR, OK, ProgressLine, print_json
from engine.cli.train import changes_of, read_document
from engine.errors import EngineError, ErrorKind
from engine.jobs.client import stop_engine
from engine.specs import RunSpec
from engine.specs.knobs import in_words
from engine.specs.probe import ProbeBudget, ProbeRecord, ProbeStatus, VerdictKind, WhatIf
from engine.text import N_

_LOOK_EVERY_S = 0.1


def probe(run: str, changes: Sequence[str], *, steps: int, seeds: int, seconds: float, as_json: bool) -> int:
    """Probe a run under changes and say better, worse or within the noise.

    Args:
        run: the id of a run, a file with a document, or "-".
        changes: each as PATH=VALUE; without any, the run's own band is measured.
        steps: of each probe.
        seeds: pairs.
        seconds: at most, each probe; 0: no limit.
        as_json: end with one JSON line.
    """
    baseline = _baseline(run)
    edits = changes_of(baseline, changes)
    changed = baseline.edit(edits)
    if not 1 <= seeds <= 100:
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("--seeds must be between 1 and 100, got {seeds}."),
            hint=N_("Five give a useful interval."),
            seeds=seeds,
        )
    budget = ProbeBudget.parse({"steps": steps, "seconds": seconds})
    progress = ProgressLine()
    started = time.monotonic()
    session = f"command line {time.time_ns()}"
    try:
        answer = _wait(baseline, edits, budget, seeds, session, progress)
    finally:
        progress.end()
        api.cancel_probes(session)
        stop_engine()
    if edits:
        api.note_tweak(baseline, edits, budget, answer.verdict, who="")
    seconds_taken = time.monotonic() - started
    if as_json:
        print_json(_line(answer, in_words(baseline, changed), seconds_taken))
    else:
        _print(answer, in_words(baseline, changed), seconds_taken)
    return ERROR if answer.verdict.kind is VerdictKind.FAILS or not _finished(answer.baseline) else OK


def _baseline(run: str) -> RunSpec:
    """The document of a run, or of a file."""
    if run == "-" or Path(run).is_file():
        return RunSpec.parse(read_document(run))
    return api.run(run).spec


def _wait(
    baseline: RunSpec, edits: dict[str, Any], budget: ProbeBudget, seeds: int, session: str, progress: ProgressLine
) -> WhatIf:
    while True:
        answer = api.what_if(baseline, edits, budget, seeds=seeds, session=session)
        if answer.done:
            return answer
        api.ensure_engine()
        records = [*answer.variant, *answer.baseline]
        over = sum(record.status.is_over for record in records)
        progress.draw(over / len(records), f"probe {min(over + 1, len(records))} of {len(records)}")
        time.sleep(_LOOK_EVERY_S)


def _finished(records: Sequence[ProbeRecord]) -> list[ProbeRecord]:
    return [record for record in records if record.status is ProbeStatus.FINISHED]


def _error(answer: WhatIf) -> str | None:
    failed = [record for record in (*answer.variant, *answer.baseline) if record.error]
    return str(EngineError.from_record(failed[0].error)) if failed and failed[0].error else None


def _line(answer: WhatIf, changes: str, seconds: float) -> dict[str, Any]:
    return {
        "changes": changes,
        "verdict": answer.verdict.model_dump(mode="json"),
        "seeds": list(answer.seeds),
        "baseline": [record.metrics for record in answer.baseline],
        "variant": [record.metrics for record in answer.variant],
        "seconds": round(seconds, 3),
        "error": _error(answer),
    }


def _print(answer: WhatIf, changes: str, seconds: float) -> None:
    verdict = answer.verdict
    print(changes or "The run itself, several seeds")
    steps = answer.baseline[0].budget.steps
    print(f"  probes of {steps} steps, {len(_finished(answer.baseline))} seeds, {seconds:.1f} s")
    if verdict.baseline is not None:
        band = ""
        if verdict.baseline_low is not None and verdict.baseline_high is not None:
            band = f"   95 % of its runs: {verdict.baseline_low:.4f} to {verdict.baseline_high:.4f}"
        print(f"  {'baseline':<12} {verdict.metric} {verdict.baseline:.4f}{band}")
    if verdict.variant is not None and verdict.difference is not None:
        bounds = f"   95 %: {verdict.low:+.4f} to {verdict.high:+.4f}" if verdict.low is not None else ""
        print(
            f"  {'changed':<12} {verdict.metric} {verdict.variant:.4f}   difference {verdict.difference:+.4f}{bounds}"
        )
    print(f"  {verdict.kind.label}")
    if problem := _error(answer):
        print(f"  {problem}")
