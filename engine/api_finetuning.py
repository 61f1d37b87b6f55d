"""The verbs of pretrained sources, as `engine.api` offers them. Light to import, as all of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from engine.specs import Modality, RunSpec, Task

if TYPE_CHECKING:
    from engine.specs.source_records import SourceRecord

__all__ = ["fetch_source", "source", "source_address", "sources", "tuned_spec"]


def sources(modality: Modality | None = None) -> list[SourceRecord]:
    """The pretrained models that can be fine-tuned, those that are ready first."""
    from engine.finetuning.sources import listed

    return listed(modality)


def source(address: str) -> SourceRecord:
    """One pretrained model, ready or not.

    Raises:
        EngineError: NOT_FOUND where there is none; BAD_INPUT where it is broken, saying how.
    """
    from engine.finetuning.sources import find

    return find(address).record


def source_address(text: str) -> str:
    """The address that a person means: itself, a run's id, a package's or preset's name, or the path of a folder.

    Raises:
        EngineError: NOT_FOUND where it is none of these.
    """
    from engine.finetuning.sources import address_of

    return address_of(text)


def fetch_source(address: str, progress: Callable[[float, str], None] | None = None) -> SourceRecord:
    """Bring a pretrained model here that is to be downloaded first.

    Raises:
        EngineError: UNAVAILABLE without a network.
    """
    from engine.finetuning.sources import fetch

    return fetch(address, progress or (lambda share, text: None)).record


def tuned_spec(
    source: str, dataset_id: str, *, method: str = "lora", task: Task | None = None, target: str | None = None
) -> RunSpec:
    """A complete document that fits a pretrained model to a data set; see `engine.finetuning.defaults`.

    Raises:
        EngineError: where source, method and data do not fit together.
    """
    from engine.finetuning.defaults import tuned_spec as choose

    return choose(source, dataset_id, method=method, task=task, target=target)
