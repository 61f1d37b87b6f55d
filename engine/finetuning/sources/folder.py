"""A folder of the server with a model in it: Hugging Face's layout, or a KerasHub preset."""

from __future__ import annotations

from pathlib import Path

from engine.data.folders import allowed_folders, check_allowed
from engine.errors import EngineError, ErrorKind
from engine.finetuning.sources.base import Found, Kind
from engine.finetuning.sources.bert_folder import read_bert_folder
from engine.finetuning.sources.keras_hub_folder import is_preset, preset_record
from engine.specs.source_records import SourceRecord, tuning_bytes
from engine.specs.task import Modality
from engine.text import N_

_DEPTH = 3  # folders below an open one that are looked into
_MOST_FOLDERS = 2000


def bert_record(folder: Path, record: SourceRecord) -> SourceRecord:
    """A record filled in with what a checked folder of the BERT family says.

    Raises:
        EngineError: BAD_INPUT where the folder cannot be used.
    """
    found = read_bert_folder(folder)
    return record.model_copy(
        update={
            "architecture": "DistilBERT" if found.family == "distilbert" else "BERT",
            "parameters": found.parameters,
            "bytes": found.bytes,
            "memory_bytes": tuning_bytes(found.parameters),
            "longest_tokens": found.longest,
            "sequence_length": found.sequence_length,
            "blocks": found.blocks,
            "width": found.width,
        }
    )


def find_in(folder: Path, address: str, title: str) -> Found:
    """The model in a folder.

    Raises:
        EngineError: BAD_INPUT where it holds none that can be used.
    """
    record = SourceRecord(address=address, title=title, modality=Modality.TEXT)
    if is_preset(folder):
        return Found(preset_record(folder, record), "keras_hub", folder)
    return Found(bert_record(folder, record), "bert", folder)


def _find(name: str) -> Found:
    folder = check_allowed(Path(name))
    if not folder.is_dir():
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("{path} is a file; a pretrained model is a folder."),
            hint=N_("Name the folder with config.json in it."),
            path=name,
        )
    return find_in(folder, f"folder:{folder}", folder.name)


def _listed(modality: Modality | None) -> list[SourceRecord]:
    """The models in the open server folders; what cannot be used is listed with the reason."""
    records = []
    for folder in _folders_with_config():
        record = SourceRecord(address=f"folder:{folder}", title=folder.name, modality=Modality.TEXT)
        try:
            record = find_in(folder, record.address, record.title).record
        except EngineError as error:
            record = record.model_copy(update={"ready": False, "problem": error.to_record()})
        if modality in (None, record.modality):
            records.append(record)
    return records


def _folders_with_config() -> list[Path]:
    found: list[Path] = []
    looked_into = 0
    level = allowed_folders()
    for _ in range(_DEPTH + 1):
        below: list[Path] = []
        for folder in level:
            looked_into += 1
            if looked_into > _MOST_FOLDERS:
                return found
            if (folder / "config.json").is_file() and _has_weights(folder):
                found.append(folder)
                continue
            try:
                below += [path for path in sorted(folder.iterdir()) if path.is_dir() and not path.name.startswith(".")]
            except OSError:
                continue
        level = below
    return found


def _has_weights(folder: Path) -> bool:
    return any(next(folder.glob(pattern), None) for pattern in ("*.safetensors*", "*.weights.h5", "*.bin"))


KIND = Kind("folder", _listed, _find)
