"""What a method has learned, saved by itself: a few megabytes that belong onto their source.

`adapter.safetensors` holds the arrays by the paths of their variables, `adapter.json` says which document they are
from. Nothing in them is executed when they are read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from engine.errors import EngineError, ErrorKind
from engine.specs import RunSpec
from engine.specs.models.pretrained import PretrainedSpec
from engine.text import N_

WEIGHTS, RECORD = "adapter.safetensors", "adapter.json"
VERSION = 1


@dataclass(frozen=True)
class Adapter:
    """What was learned on a source.

    Attributes:
        source: address of the source.
        method: the method's settings.
        model: all settings of the model.
        arrays: by the path of the variable.
    """

    source: str
    method: dict[str, Any]
    model: dict[str, Any]
    arrays: Mapping[str, np.ndarray]

    @property
    def parameters(self) -> int:
        """How many numbers it has."""
        return sum(array.size for array in self.arrays.values())


def save_adapter(folder: Path, spec: RunSpec, core: keras.Model) -> Path | None:
    """Write what learned of a tuned model; None for a method that changes the body itself.

    Args:
        folder: made where it is missing.
        spec: the document of the run.
        core: unmerged.
    """
    if not isinstance(spec.model, PretrainedSpec) or not spec.model.method.learns_little:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {v.path: np.asarray(keras.ops.convert_to_numpy(v.value), np.float32) for v in core.trainable_variables}
    write_safetensors(folder / WEIGHTS, arrays)
    record = {
        "version": VERSION,
        "source": spec.model.source,
        "method": spec.model.method.model_dump(mode="json"),
        "model": spec.model.model_dump(mode="json"),
        "parameters": sum(array.size for array in arrays.values()),
        "shapes": {name: list(array.shape) for name, array in arrays.items()},
    }
    (folder / RECORD).write_text(json.dumps(record, ensure_ascii=False, indent=1), encoding="utf-8")
    return folder / WEIGHTS


def read_adapter(folder: Path) -> Adapter:
    """Read what `save_adapter` wrote.

    Raises:
        EngineError: NOT_FOUND where there is none; BAD_INPUT where it is not whole.
    """
    from engine.finetuning.sources.safetensors import read_header

    if not (folder / WEIGHTS).is_file() or not (folder / RECORD).is_file():
        raise EngineError(
            ErrorKind.NOT_FOUND,
            N_("There is no adapter in {folder}."),
            hint=N_("Methods that change the body itself (the whole model, its last blocks) save no adapter."),
            folder=folder.name,
        )
    arrays = {name: stored.read() for name, stored in read_header(folder / WEIGHTS).items()}
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        shapes = {name: tuple(shape) for name, shape in record["shapes"].items()}
        if shapes != {name: array.shape for name, array in arrays.items()}:
            raise ValueError
        return Adapter(str(record["source"]), dict(record["method"]), dict(record["model"]), arrays)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("{file} does not belong to the weights beside it, or is not whole."),
            hint=N_("Copy both files of the adapter again."),
            file=RECORD,
        ) from error


def put_adapter(core: keras.Model, adapter: Adapter) -> None:
    """Put an adapter into a model that was built by the same method on the same source, in place of what is there.

    Several adapters are swapped on one body this way. Nothing is changed where it does not fit.

    Raises:
        EngineError: BAD_INPUT where the model has other added weights.
    """
    variables = {variable.path: variable for variable in core.trainable_variables}
    expected = {path: tuple(variable.shape) for path, variable in variables.items()}
    found = {path: tuple(array.shape) for path, array in adapter.arrays.items()}
    if expected != found:
        wrong = sorted(path for path in expected.keys() | found.keys() if expected.get(path) != found.get(path))
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("The adapter does not fit this model: {name} differs, and {count} more."),
            hint=N_("Use it on its own source ({source}) with the method that it was made by ({method})."),
            name=wrong[0],
            count=len(wrong) - 1,
            source=adapter.source,
            method=str(adapter.method.get("kind", "")),
        )
    for path, variable in variables.items():
        variable.assign(adapter.arrays[path])


def write_safetensors(file: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write float32 arrays in the safetensors format: a length, a JSON header, then plain numbers."""
    header: dict[str, Any] = {}
    offset = 0
    for name, array in arrays.items():
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)  # what follows begins at a multiple of eight bytes
    with file.open("wb") as out:
        out.write(len(text).to_bytes(8, "little") + text)
        for array in arrays.values():
            out.write(np.ascontiguousarray(array, "<f4").tobytes())
