"""What a kind of source is. Add one: a module here, entered in `engine.finetuning.sources`.

Nothing here imports Keras: a page lists sources. Their bodies are built in `engine.finetuning.bodies`, in a worker.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engine.errors import EngineError, ErrorKind
from engine.specs.source_records import SourceRecord
from engine.specs.task import Modality
from engine.text import N_

Progress = Callable[[float, str], None]  # share done (0-1), what is being done (marked for translation)
Format = Literal["run", "bert", "keras_hub"]  # how the body is kept


@dataclass(frozen=True)
class Found:
    """A source, and where its body lies; `folder` is empty where it is not here yet."""

    record: SourceRecord
    format: Format
    folder: Path


@dataclass(frozen=True)
class Kind:
    """One kind of source: how its members are listed and found by the part of the address after the colon."""

    prefix: str
    listed: Callable[[Modality | None], list[SourceRecord]]
    find: Callable[[str], Found]
    fetch: Callable[[str, Progress], Found] | None = None  # brings it here; None where nothing is ever to be brought


def no_such_source(address: str) -> EngineError:
    """The error for an address behind which there is nothing."""
    return EngineError(
        ErrorKind.NOT_FOUND,
        N_("There is no pretrained source {address}."),
        hint=N_("Sources are run:<id>, folder:<path>, package:<name> and preset:<name>; see: python -m engine sources"),
        address=address,
    )


def not_ready(record: SourceRecord, message: str, hint: str, **values: object) -> SourceRecord:
    """The record of a source that cannot be used, with the reason."""
    problem = EngineError(ErrorKind.UNAVAILABLE, message, hint=hint, **values).to_record()
    return record.model_copy(update={"ready": False, "problem": problem})
