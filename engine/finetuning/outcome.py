"""What a fine-tuned run has gained, what it has forgotten and what has moved, worked out when it has finished."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import keras
import numpy as np
from numpy.typing import NDArray

from engine.errors import EngineError
from engine.finetuning.adapters_io import WEIGHTS
from engine.finetuning.before import before
from engine.finetuning.blocks import blocks_of
from engine.finetuning.drift import Reference, relative_drift, untouched
from engine.finetuning.forgetting import forgetting
from engine.finetuning.paired import before_and_after
from engine.finetuning.representations import FEATURES, Body, sample
from engine.finetuning.similarity import linear_cka
from engine.models.memory import step_memory
from engine.specs import Part, RunSpec
from engine.specs.finetuning_records import BeforeAfter, BlockChange, FineTuningRecord
from engine.specs.models import PretrainedSpec
from engine.store.finetuning import write_record
from engine.text import N_
from engine.training.saving import CORE, MODEL

if TYPE_CHECKING:
    from engine.training.context import RunContext
    from engine.training.pipeline import Encoded

SIMILAR_ROWS = 512  # behind each figure of CKA
COMPARING = N_("comparing with before")

T = TypeVar("T")
Predictions = Mapping[Part, NDArray[np.floating]]


def look_back(
    spec: RunSpec, tuned: keras.Model, encoded: Encoded, predictions: Predictions, context: RunContext
) -> FineTuningRecord | None:
    """Work out and keep what fine-tuning did; nothing for a model that began from random weights.

    What cannot be measured is left out with a sentence that says why: a finished run is never lost to it.

    Args:
        spec: the document of the run.
        tuned: its core as trained.
        encoded: its data.
        predictions: of the tuned model by part, as the evaluation has them.
        context: whose folder gets the record.
    """
    model = spec.model
    if not isinstance(model, PretrainedSpec):
        return None
    context.phase(COMPARING)
    notices: list[dict[str, Any]] = []
    base = _tried(lambda: untouched(spec, encoded.encoder), notices, context)
    compared = _tried(lambda: _before_and_after(spec, base, encoded, predictions), notices, context) if base else None
    forgotten = _tried(lambda: forgetting(model.source, tuned, seed=spec.data.split.seed), notices, context)
    changes = _tried(lambda: _block_changes(spec, base, tuned, encoded), notices, context) if base else None
    trainable = sum(int(np.prod(weight.shape)) for weight in tuned.trainable_weights)
    record = FineTuningRecord(
        run_id=context.run_dir.name,
        source=model.source,
        source_title=_title_of(model.source),
        method=model.method.kind,
        parameters=tuned.count_params(),
        trainable_parameters=trainable,
        step_bytes=step_memory(tuned.layers, trainable, tuned.count_params() - trainable, spec.training).total,
        saved_bytes=_saved_bytes(context.run_dir / MODEL),
        before_after=compared,
        forgetting=forgotten,
        blocks=changes[0] if changes else (),
        compared_rows=changes[1] if changes else 0,
        notices=tuple(notices),
    )
    write_record(context.run_dir, record)
    if compared is not None:
        context.log(_line_of(compared))
    return record


def _tried(measure: Callable[[], T], notices: list[dict[str, Any]], context: RunContext) -> T | None:
    try:
        return measure()
    except EngineError as error:
        notices.append({"message": error.message, "values": error.to_record()["values"]})
        context.log(str(error))
    except Exception as error:  # noqa: BLE001 - the model is trained and saved: a figure beside it must not cost it
        notices.append({"message": N_("One comparison could not be worked out; the log says why."), "values": {}})
        context.log(f"{type(error).__name__}: {error}")
    return None


def _part_of(encoded: Encoded) -> Part:
    """Where before and after are compared: the test part where there is one."""
    return Part.TEST if len(encoded.prepared.parts.get(Part.TEST, ())) else Part.VALIDATION


def _before_and_after(spec: RunSpec, base: Any, encoded: Encoded, predictions: Predictions) -> BeforeAfter | None:
    part = _part_of(encoded)
    if part not in predictions or not len(predictions[part]):
        return None
    found = before(spec, base, encoded, part)
    prepared = encoded.prepared
    truth = np.asarray(prepared.target)[np.asarray(prepared.parts[part])]
    return before_and_after(
        truth[found.places],
        found.predictions,
        np.asarray(predictions[part])[found.places],
        len(prepared.classes),
        part=part.value,
        rows_there=len(truth),
        fitted_rows=found.fitted_rows,
        train_rows=len(encoded.train),
    )


def _block_changes(
    spec: RunSpec, base: Any, tuned: keras.Model, encoded: Encoded
) -> tuple[tuple[BlockChange, ...], int]:
    """How far each block moved, and how alike its outputs are before and after on rows of the new data."""

    def reference() -> Reference:
        return {path: np.asarray(keras.ops.convert_to_numpy(v.value)) for path, v in variables_of(base).items()}

    drifts = relative_drift(tuned, reference)
    part = _part_of(encoded)
    positions = np.asarray(encoded.prepared.parts[part])
    chosen = positions[sample(len(positions), SIMILAR_ROWS, spec.data.split.seed)]
    inputs = encoded.encoder.encode(encoded.prepared, chosen)
    first, second = (Body(core, outputs_of_blocks(core)).outputs(inputs) for core in (base, tuned))
    # What leads from the last block to the features belongs to it: they are its output.
    names = [name for name in first if name in second and name != FEATURES] or [FEATURES]
    alike = {name: linear_cka(first[name], second[name]) for name in names}
    return tuple(
        BlockChange(name=name, drift=drifts.get(name), cka=alike[name] if isfinite(alike[name]) else None)
        for name in names
    ), len(chosen)


def variables_of(core: keras.Model) -> dict[str, Any]:
    """All variables of a core by path."""
    return {variable.path: variable for variable in core.variables}


def outputs_of_blocks(core: keras.Model) -> dict[str, str]:
    """Block → the last of its layers whose output is one array of floats with a row an example."""
    found: dict[str, str] = {}
    for block in blocks_of(core):
        for layer in reversed(block.layers):
            output = layer.output if len(layer._inbound_nodes) == 1 else None
            if isinstance(output, keras.KerasTensor) and "float" in output.dtype and len(output.shape) > 1:
                found[block.name] = layer.name
                break
    return found


def _saved_bytes(folder: Path) -> int:
    """Of what was learned where that lies by itself, else of the whole model."""
    files = [folder / WEIGHTS, folder / CORE]
    return next((file.stat().st_size for file in files if file.is_file()), 0)


def _title_of(address: str) -> str:
    from engine.finetuning import sources

    try:
        return sources.find(address).record.title
    except EngineError:  # deleted since
        return address


def _line_of(found: BeforeAfter) -> str:
    line = f"{found.part}: {found.metric} {found.before.value:.4g} before, {found.after.value:.4g} after"
    low, high = found.difference.low, found.difference.high
    return (
        f"{line} (difference {found.difference.value:+.4g}, 95 % interval {low:+.4g} to {high:+.4g}; {found.verdict})"
    )
