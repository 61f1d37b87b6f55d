"""What pages and command line may ask of searches; nothing here imports Keras."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from engine.errors import EngineError, ErrorKind
from engine.specs import RunSpec
from engine.specs.search import SearchSpec
from engine.specs.search_records import ImportanceRecord, TrialRecord, TrialStatus
from engine.store import searches, trials
from engine.store.database import writing
from engine.store.datasets import get_dataset
from engine.store.runs import add_run
from engine.text import N_
from engine.tuning.sizes import check_grid
from engine.tuning.space import check, check_values, document_of


def start(spec: RunSpec, token: str = "") -> str:
    """Enter a search after a look at whether it can work."""
    dataset = get_dataset(spec.data.dataset)
    check(spec)
    check_grid(spec)
    return searches.add_search(spec, token=token, dataset_name=dataset.name)


def add_trial(search_id: str, values: Mapping[str, Any]) -> int:
    """Enter a trial of one's own."""
    spec = searches.get_search(search_id).spec
    chosen = check_values(spec.search or SearchSpec(), values)
    document_of(spec, chosen)
    return trials.add_by_hand(search_id, chosen)


def judge_trial(search_id: str, number: int, score: float) -> None:
    """Keep a judgement."""
    if not math.isfinite(score):
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("A judgement must be a number, got {score}."),
            hint=N_("Higher is better; any scale will do, the same for all trials."),
            score=str(score),
        )
    trials.judge(search_id, number, float(score))


def stop_trial(search_id: str, number: int) -> None:
    """End the runs of a trial in good order."""
    with writing() as connection:
        key = searches.full_id(search_id, connection)
        searches.end_runs(connection, key, trial=number)


def trial_spec(search_id: str, number: int) -> RunSpec:
    """The document of a trial, as one run of it."""
    spec = searches.get_search(search_id).spec
    return document_of(spec.edit({"search.repeats": 1, "search.folds": 0}), _trial(search_id, number).values)


def _trial(search_id: str, number: int) -> TrialRecord:
    trial = next((trial for trial in searches.list_trials(search_id) if trial.number == number), None)
    if trial is None:
        raise EngineError(
            ErrorKind.NOT_FOUND,
            N_("There is no trial {number} in this search."),
            hint=N_("See the list of trials for those that are there."),
            number=number,
        )
    return trial


def promote_trial(search_id: str, number: int, epochs: int = 0) -> str:
    """Enter a full run of a trial's document; the same trial gives the same run."""
    record = searches.get_search(search_id)
    trial = _trial(search_id, number)
    if trial.status is TrialStatus.FAILED:
        raise EngineError(
            ErrorKind.CONFLICT,
            N_("Trial {number} failed; a full run of it would fail too."),
            hint=N_("Choose a trial with a score."),
            number=number,
        )
    search = record.spec.search or SearchSpec()
    if not epochs and search.algorithm.kind == "hyperband":
        epochs = int(search.algorithm.max_epochs)  # type: ignore[attr-defined]
    spec = document_of(record.spec.edit({"search.repeats": 1, "search.folds": 0}), trial.values, epochs=epochs)
    name = f"{record.name} · {N_('trial')} {number}"[:200]
    spec = spec.edit({"name": name})
    token = f"{record.id}/{number}/{epochs}"
    return add_run(spec, token=token, dataset_name=record.dataset_name)


def importance(search_id: str) -> ImportanceRecord:
    """Explain the scores of a search by its dimensions."""
    from engine.tuning.importance import importance_of

    return importance_of(searches.get_search(search_id).spec, searches.list_trials(search_id))
