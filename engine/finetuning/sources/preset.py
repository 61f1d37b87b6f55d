"""KerasHub's presets by name, read from the lists that KerasHub brings, without importing it."""

from __future__ import annotations

import ast
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from engine.errors import EngineError
from engine.finetuning.sources.base import Found, Kind, Progress, no_such_source, not_ready
from engine.finetuning.sources.keras_hub_folder import preset_record
from engine.specs.source_records import FLOAT_BYTES, SourceRecord, tuning_bytes
from engine.specs.task import Modality
from engine.store.home import home
from engine.text import N_

_FAMILIES = {"bert": "BERT"}  # whose bodies can be rebuilt: folder of KerasHub's models -> name
_FILES = (
    "metadata.json",
    "config.json",
    "tokenizer.json",
    "assets/tokenizer/vocabulary.txt",
    "model.weights.h5",
)
_OPTIONAL = ("task.json",)  # says how texts are summed up, where that is not by BERT's pooler


def _listed(modality: Modality | None) -> list[SourceRecord]:
    return [_found(name).record for name in presets()] if modality in (None, Modality.TEXT) else []


def _find(name: str) -> Found:
    if name not in presets():
        raise no_such_source(f"preset:{name}")
    return _found(name)


def _found(name: str) -> Found:
    entry, folder = presets()[name], preset_folder(name)
    parameters = int(entry["metadata"]["params"])
    record = SourceRecord(
        address=f"preset:{name}",
        title=name,
        modality=Modality.TEXT,
        architecture=_FAMILIES[entry["metadata"]["path"]],
        parameters=parameters,
        bytes=FLOAT_BYTES * parameters,
        memory_bytes=tuning_bytes(parameters),
        licence=f"kaggle.com/models/keras/{entry['metadata']['path']}",
        summary=str(entry["metadata"].get("description", "")),
    )
    if folder.is_dir():
        try:
            return Found(preset_record(folder, record), "keras_hub", folder)
        except EngineError as error:
            return Found(record.model_copy(update={"ready": False, "problem": error.to_record()}), "keras_hub", folder)
    missing = not_ready(
        record, N_("The preset {name} is not here yet."), N_("Download it first; that needs a network."), name=name
    )
    return Found(missing.model_copy(update={"needs_network": True}), "keras_hub", Path())


def preset_folder(name: str) -> Path:
    """Where a preset lies once it is whole."""
    return home() / "sources" / "presets" / name


@cache
def presets() -> dict[str, Any]:
    """KerasHub's own entries of the families that can be fine-tuned here, by name."""
    found = find_spec("keras_hub")
    places = list(found.submodule_search_locations or ()) if found is not None else []
    entries: dict[str, Any] = {}
    for family in _FAMILIES:
        for place in places:
            entries |= _literal(Path(place) / "src" / "models" / family / f"{family}_presets.py")
    return {name: entry for name, entry in entries.items() if entry.get("metadata", {}).get("path") in _FAMILIES}


def _literal(file: Path) -> dict[str, Any]:
    """The dictionary `backbone_presets` of a module, read as data: nothing is executed."""
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for node in tree.body:
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "backbone_presets":
                return dict(ast.literal_eval(node.value))
    except (OSError, SyntaxError, ValueError, TypeError):
        return {}
    return {}


def _fetch(name: str, progress: Progress) -> Found:
    found = _find(name)
    if found.record.ready:
        return found
    from engine.finetuning.sources.download import download_preset

    handle = str(presets()[name]["kaggle_handle"]).removeprefix("kaggle://")
    download_preset(handle, _FILES, _OPTIONAL, preset_folder(name), found.record.bytes, progress)
    found = _find(name)
    if not found.record.ready and found.record.problem is not None:
        raise EngineError.from_record(found.record.problem)
    return found


KIND = Kind("preset", _listed, _find, _fetch)
