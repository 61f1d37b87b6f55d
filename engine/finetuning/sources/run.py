"""Finished runs of this workspace: their body without the head."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from engine.errors import EngineError, ErrorKind
from engine.finetuning.sources.base import Found, Kind
from engine.specs import Modality, RunStatus
from engine.specs.data import ImagePreprocessing, TextPreprocessing
from engine.specs.records import RunRecord
from engine.specs.source_records import FLOAT_BYTES, SourceRecord, tuning_bytes
from engine.store.home import run_dir
from engine.store.runs import get_run, list_runs
from engine.text import N_

_MOST = 200  # runs that are offered


def _listed(modality: Modality | None) -> list[SourceRecord]:
    records = list_runs(status=RunStatus.FINISHED, limit=_MOST)
    wanted = [record for record in records if modality in (None, record.spec.data.task.modality)]
    return [_found(record).record for record in wanted if _core(record.id).is_file()]


def _find(name: str) -> Found:
    record = get_run(name)
    if record.status is not RunStatus.FINISHED or not _core(record.id).is_file():
        raise EngineError(
            ErrorKind.CONFLICT,
            N_("The run {run} has no trained model to begin with, it is {status}."),
            hint=N_("Take a finished run, or wait until this one is."),
            run=record.name,
            status=record.status.value,
        )
    return _found(record)


def _found(record: RunRecord) -> Found:
    folder, data = run_dir(record.id), record.spec.data
    preprocessing = data.preprocessing
    size = _core(record.id).stat().st_size
    parameters = size // FLOAT_BYTES
    return Found(
        SourceRecord(
            address=f"run:{record.id}",
            title=record.name,
            modality=data.task.modality,
            architecture=record.spec.model.label or record.spec.model.kind,
            parameters=parameters,
            bytes=size,
            memory_bytes=tuning_bytes(parameters),
            longest_tokens=_length(preprocessing),
            sequence_length=_length(preprocessing),
            image_size_px=preprocessing.image_size_px if isinstance(preprocessing, ImagePreprocessing) else 0,
            blocks=int(getattr(record.spec.model, "blocks", 0)) if _whole(record.spec.model) else 0,
            width=int(getattr(record.spec.model, "width", 0)) if _whole(record.spec.model) else 0,
            columns=_columns(folder) if data.task.modality is Modality.TABLE else (),
            learned_from=record.dataset_name or data.name,
        ),
        "run",
        folder,
    )


def _whole(model: Any) -> bool:
    return all(isinstance(getattr(model, name, 0), int) for name in ("blocks", "width"))


def _length(preprocessing: Any) -> int:
    return preprocessing.sequence_length if isinstance(preprocessing, TextPreprocessing) else 0


def _core(run_id: str) -> Path:
    return run_dir(run_id) / "model" / "core.keras"


def _columns(folder: Path) -> tuple[str, ...]:
    """The input columns of a table's encoder."""
    try:
        state = json.loads((folder / "model" / "encoder" / "encoder.json").read_text(encoding="utf-8"))["state"]
        return tuple(dict.fromkeys([*state["numbers"], *state["categories"], *state["words"]]))
    except (OSError, ValueError, KeyError, TypeError):
        return ()


KIND = Kind("run", _listed, _find)
