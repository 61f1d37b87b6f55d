"""The verbs of what fine-tuning did, as `engine.api` offers them. Light to import, as all of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.specs import RunSpec

if TYPE_CHECKING:
    from engine.specs.finetuning_records import DriftPoint, FineTuningRecord, MethodComparison

__all__ = ["compare_methods", "drift", "fine_tuning", "method_comparison", "method_comparisons", "method_document"]


def fine_tuning(run_id: str) -> FineTuningRecord:
    """What a finished fine-tuned run gained, forgot and moved.

    Raises:
        EngineError: NOT_FOUND where it is not finished, or was not fine-tuned.
    """
    from engine.store.finetuning import read_record

    return read_record(run_id)


def drift(run_id: str) -> list[DriftPoint]:
    """How far the body of a fine-tuned run had moved after each epoch; also while it runs."""
    from engine.store.finetuning import read_drift

    return read_drift(run_id)


def method_document(spec: RunSpec, method: str) -> RunSpec:
    """The document with another method of fine-tuning, and the learning rate that suits it.

    Raises:
        EngineError: BAD_INPUT where source, method and data do not fit together.
    """
    from engine.finetuning.side_by_side import document_for

    return document_for(spec, method)


def compare_methods(spec: RunSpec, methods: Sequence[str], *, seeds: int, token: str = "") -> str:
    """Enter one run for each method and seed on the same data; returns the comparison's id.

    Raises:
        EngineError: BAD_INPUT where there is nothing to compare, or a method does not fit; nothing is entered then.
    """
    from engine.finetuning.side_by_side import compare_methods as enter

    return enter(spec, methods, seeds=seeds, token=token)


def method_comparison(comparison_id: str) -> MethodComparison:
    """A comparison as far as its runs have come.

    Raises:
        EngineError: NOT_FOUND where there are no runs of it.
    """
    from engine.finetuning.side_by_side import comparison

    return comparison(comparison_id)


def method_comparisons() -> list[MethodComparison]:
    """All comparisons of methods, newest first."""
    from engine.finetuning.side_by_side import comparisons

    return comparisons()
