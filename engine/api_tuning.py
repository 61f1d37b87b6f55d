"""The verbs of searches, as `engine.api` offers them. Light to import, as all of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from engine.specs import RunSpec
from engine.specs.search import SearchBudget
from engine.specs.search_records import (
    ImportanceRecord,
    SearchPreset,
    SearchRecord,
    SearchStatus,
    SpaceSize,
    TrialRecord,
)

__all__ = [
    "add_trial",
    "delete_search",
    "export_search",
    "importance",
    "judge_trial",
    "pause_search",
    "promote_trial",
    "rename_search",
    "restore_search",
    "resume_search",
    "search",
    "search_csv",
    "search_metrics",
    "search_presets",
    "searches",
    "set_search_budget",
    "set_workers",
    "space_size",
    "start_search",
    "stop_search",
    "stop_trial",
    "trial_spec",
    "trials",
]


def start_search(spec: RunSpec, token: str = "") -> str:
    """Enter the search that stands in a document and return its id. The same `token` never makes a second one.

    Raises:
        EngineError: BAD_INPUT where it cannot work; its value `field` names the field ("dimensions.2").
    """
    from engine.tuning.verbs import start

    return start(spec, token)


def searches(*, limit: int = 200, deleted: bool = False) -> list[SearchRecord]:
    """All searches, newest first."""
    from engine.store.searches import list_searches

    return list_searches(limit=limit, deleted=deleted)


def search(search_id: str) -> SearchRecord:
    """One search; a unique prefix of its id is enough."""
    from engine.store.searches import get_search

    return get_search(search_id)


def trials(search_id: str, known: Iterable[TrialRecord] = ()) -> list[TrialRecord]:
    """All trials of a search, in the order in which they were proposed; their runs are read with `run`.

    Args:
        search_id: of the search.
        known: what this gave before; of those only what may have changed since is read.
    """
    from engine.store.searches import list_trials

    return list_trials(search_id, known)


def pause_search(search_id: str) -> None:
    """Propose no more trials for now; those that have begun go on to their end."""
    from engine.store.searches import set_status

    set_status(search_id, SearchStatus.PAUSED)


def resume_search(search_id: str) -> None:
    """Go on with a paused, stopped or finished search (one that has finished needs a larger budget first)."""
    from engine.store.searches import set_status

    set_status(search_id, SearchStatus.RUNNING)


def stop_search(search_id: str) -> None:
    """End a search: waiting trials are withdrawn, running ones stop in good order and keep the score they have."""
    from engine.store.searches import set_status

    set_status(search_id, SearchStatus.STOPPED)


def set_search_budget(search_id: str, changes: Mapping[str, Any]) -> SearchBudget:
    """Raise or lower limits while a search runs: {"trials": 40, "seconds": 600, "patience_trials": 10}."""
    from engine.store.searches import set_budget

    return set_budget(search_id, changes)


def rename_search(search_id: str, name: str) -> None:
    """Give a search another name."""
    from engine.store.searches import rename

    rename(search_id, name)


def delete_search(search_id: str) -> None:
    """Move a search with its trials to the bin, stopping it first; `restore_search` undoes it."""
    from engine.store.searches import delete

    delete(search_id)


def restore_search(search_id: str) -> None:
    """Undo `delete_search`."""
    from engine.store.searches import delete

    delete(search_id, deleted=False)


def add_trial(search_id: str, values: Mapping[str, Any]) -> int:
    """Try values of one's own (dotted path -> value; fields left out stay as in the document); the trial's number.

    Raises:
        EngineError: BAD_INPUT for a field or value outside the search space.
    """
    from engine.tuning.verbs import add_trial as add

    return add(search_id, values)


def judge_trial(search_id: str, number: int, score: float) -> None:
    """Give a trial the score that no metric can give it (objective "judgement")."""
    from engine.tuning.verbs import judge_trial as judge

    judge(search_id, number, score)


def stop_trial(search_id: str, number: int) -> None:
    """End one trial; it keeps the score it has."""
    from engine.tuning.verbs import stop_trial as end

    end(search_id, number)


def trial_spec(search_id: str, number: int) -> RunSpec:
    """The document of a trial: that of the search with its values, and nothing to search."""
    from engine.tuning.verbs import trial_spec as document

    return document(search_id, number)


def promote_trial(search_id: str, number: int, *, epochs: int = 0) -> str:
    """A full run of a trial's document: with a saved model and its evaluation on the test part. The run's id.

    `epochs`: how long; 0: as long as the trial (of Hyperband: the most epochs of the search).
    """
    from engine.tuning.verbs import promote_trial as promote

    return promote(search_id, number, epochs)


def importance(search_id: str) -> ImportanceRecord:
    """How much each searched field, and each pair of them, explains of the scores (fANOVA)."""
    from engine.tuning.verbs import importance as explain

    return explain(search_id)


def search_presets(spec: RunSpec) -> list[SearchPreset]:
    """Ready-made search spaces for a document: by its family, optimizer and kind of data."""
    from engine.tuning.presets import presets_of

    return presets_of(spec)


def search_metrics(spec: RunSpec) -> tuple[str, ...]:
    """The objectives that a document's task has: measured metrics, costs, and a person's judgement."""
    from engine.tuning.space import available_metrics

    return available_metrics(spec)


def space_size(spec: RunSpec) -> SpaceSize:
    """How many combinations a document's search has and what trying them would take; what is wrong with it, if so."""
    from engine.tuning.sizes import space_size as measure

    return measure(spec)


def export_search(search_id: str, folder: Path) -> list[Path]:
    """Write a search as `trials.csv` and a project folder that `keras_tuner.Tuner.reload` reads; what was written."""
    from engine.tuning.export import export_search as export

    return export(search_id, folder)


def search_csv(search_id: str) -> bytes:
    """The table of the trials alone, as `export_search` writes it; at once, while the project folder takes seconds."""
    from engine.tuning.export import table_of

    return table_of(search_id)


def set_workers(count: int) -> int:
    """How many workers there shall be (at least 1); the engine adds or removes them while things run."""
    from engine.store.wishes import wish_workers

    return wish_workers(count)
