"""A KerasHub preset in a folder, checked before anything of it is built."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from engine.errors import EngineError, ErrorKind
from engine.specs.source_records import SourceRecord, tuning_bytes
from engine.text import N_

CONFIG, TASK, WEIGHTS = "config.json", "task.json", "model.weights.h5"
_VOCABULARY = Path("assets") / "tokenizer" / "vocabulary.txt"
# Backbones whose bodies are rebuilt of Lathe's own layers.
BACKBONES = {"BertBackbone": "BERT"}
_HDF5_MARK = b"\x89HDF\r\n\x1a\n"


def is_preset(folder: Path) -> bool:
    """Whether a folder looks like a KerasHub preset (its configuration names a class)."""
    try:
        return "class_name" in json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False


def preset_config(folder: Path) -> dict[str, Any]:
    """The settings of a preset's backbone.

    Raises:
        EngineError: BAD_INPUT where the backbone is of a kind that is not known here, or files are missing.
    """
    document = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    kind, config = str(document.get("class_name", ""))[:80], document.get("config")
    if kind not in BACKBONES or not isinstance(config, dict):
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("Presets of the kind “{family}” cannot be fine-tuned here yet."),
            hint=N_("Take one of: {known}."),
            family=kind,
            known=", ".join(BACKBONES),
        )
    needed = ("vocabulary_size", "num_layers", "num_heads", "hidden_dim", "intermediate_dim", "max_sequence_length")
    for name in needed:
        if not isinstance(config.get(name), int) or config[name] < 1:
            raise _broken(CONFIG, N_("it does not give {name}").format(name=name))
    return config


def preset_vocabulary(folder: Path, rows: int) -> tuple[list[str], bool]:
    """The tokens of a preset, and whether capitals are folded.

    Raises:
        EngineError: BAD_INPUT where they are missing or do not belong to the body.
    """
    try:
        text = (folder / _VOCABULARY).read_text(encoding="utf-8")
        settings = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["config"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _broken(str(_VOCABULARY), N_("it is missing or cannot be read")) from error
    tokens = text.split("\n")
    tokens = tokens[:-1] if tokens[-1] == "" else tokens
    if len(tokens) != rows or tokens[0] != "[PAD]":
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("The tokenizer does not belong to this model: {problem}."),
            hint=N_("Take the whole folder from where the weights are from."),
            problem=f"{len(tokens):,} / {rows:,}",
        )
    return tokens, bool(settings.get("lowercase", False))


def preset_pooling(folder: Path) -> Literal["average", "first", "token"]:
    """How a preset's body was trained to sum up a text: as its embedder says, else by BERT's pooler."""
    try:
        task = json.loads((folder / TASK).read_text(encoding="utf-8"))
        mode = task["config"].get("pooling_mode", "") if task["class_name"] == "BertTextEmbedder" else ""
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return "first"
    return "average" if mode == "mean" else "token" if mode == "cls" else "first"


def preset_record(folder: Path, record: SourceRecord) -> SourceRecord:
    """A record filled in with what a preset's folder says.

    Raises:
        EngineError: BAD_INPUT where it cannot be used.
    """
    config = preset_config(folder)
    weights = folder / WEIGHTS
    try:
        with open(weights, "rb") as file:
            if file.read(len(_HDF5_MARK)) != _HDF5_MARK:
                raise _broken(WEIGHTS, N_("it is no HDF5 file"))
    except OSError as error:
        raise _broken(WEIGHTS, N_("it is missing or cannot be read")) from error
    preset_vocabulary(folder, config["vocabulary_size"])
    parameters = _parameters(config)
    size = weights.stat().st_size
    if size < 2 * parameters:  # half precision is the least
        raise _broken(WEIGHTS, N_("it is not whole"))
    return record.model_copy(
        update={
            "architecture": BACKBONES["BertBackbone"],
            "parameters": parameters,
            "bytes": size,
            "memory_bytes": tuning_bytes(parameters),
            "longest_tokens": config["max_sequence_length"],
            "blocks": config["num_layers"],
            "width": config["hidden_dim"],
        }
    )


def _parameters(config: dict[str, Any]) -> int:
    """Of a BERT encoder of this shape."""
    width, inner = config["hidden_dim"], config["intermediate_dim"]
    tables = config["vocabulary_size"] + config["max_sequence_length"] + int(config.get("num_segments", 2))
    block = 4 * (width * width + width) + 2 * width * inner + inner + width + 4 * width
    return tables * width + 2 * width + int(config["num_layers"]) * block + width * width + width


def _broken(file: str, problem: str) -> EngineError:
    return EngineError(
        ErrorKind.BAD_INPUT,
        N_("The preset cannot be used, {file}: {problem}."),
        hint=N_("Copy or download the folder again, all files of it."),
        file=file,
        problem=problem,
    )
