"""What a document's model looks like and costs, without allocating a single weight."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Any

import keras

from engine.errors import EngineError
from engine.models import speed
from engine.models.build import build_core
from engine.models.encoding import shape_from_spec
from engine.models.flops import layer_flops
from engine.models.memory import available_bytes, step_memory
from engine.models.registry import EncoderLike, InputSpecs
from engine.specs import Part, RunSpec
from engine.specs.records import DatasetRecord, LayerRecord, ModelDescription
from engine.specs.split import GivenSplit
from engine.text import N_

FITS_SHARE = 0.9  # of the free memory; the rest is for what the framework itself takes
MANY_PARAMETERS_A_ROW = 10_000
LONG_EPOCH_S = 600.0


@dataclass(frozen=True)
class EncoderShape:
    """The sizes of an encoder that was not fitted."""

    input_specs: InputSpecs
    info: Mapping[str, Any]


def describe(
    spec: RunSpec, *, encoder_info: EncoderLike | None = None, dataset: DatasetRecord | None = None
) -> ModelDescription:
    """Layers, shapes, parameters, FLOPs, memory and time of a document's model.

    Args:
        spec: the document.
        encoder_info: the fitted encoder, where there is one; else its largest sizes are taken from the document.
        dataset: the data set's record, where it is at hand; else it is read from the store.

    Raises:
        EngineError: BAD_INPUT where the layers do not fit together, NOT_FOUND without the data set.
    """
    if dataset is None:
        dataset = _dataset(spec, needed=encoder_info is None)
    if encoder_info is None and dataset is not None:
        encoder_info = EncoderShape(*shape_from_spec(spec.data, dataset))
    if encoder_info is None:
        raise TypeError("describe needs an encoder or a data set")
    figures = _figures(spec, encoder_info)
    held = step_memory(figures.model.layers, figures.trainable, figures.fixed, spec.training)
    memory = held.total
    free = available_bytes()
    rows = train_rows(spec, dataset) if dataset is not None else 0
    seconds = speed.seconds_per_epoch(spec.model.kind, figures.flops, rows)
    fits = memory <= FITS_SHARE * free
    notices = _notices(spec, figures.trainable, rows, seconds, None if fits else (memory, free))
    return ModelDescription(
        layers=figures.layers,
        parameters=figures.trainable + figures.fixed,
        trainable_parameters=figures.trainable,
        flops=figures.flops,
        memory_bytes=memory,
        weight_bytes=held.weights,
        gradient_bytes=held.gradients,
        optimizer_bytes=held.optimizer,
        activation_bytes=held.activations,
        available_bytes=free,
        seconds_per_epoch=seconds,
        fits=fits,
        warnings=tuple(notice["message"].format(**notice["values"]) for notice in notices),
        notices=tuple(notices),
    )


@contextmanager
def weightless() -> Iterator[None]:
    """Models built inside have shapes but no weights: BERT base takes a tenth of a second and no memory.

    Keras defers variables made in a `StatelessScope`; its list of those still to be initialised is put back, so that
    nobody initialises ours later.
    """
    from keras.src.backend.common import global_state

    before = list(global_state.get_global_attribute("uninitialized_variables") or [])
    try:
        with keras.StatelessScope(initialize_variables=False):
            yield
    finally:
        global_state.set_global_attribute("uninitialized_variables", before)


def train_rows(spec: RunSpec, dataset: DatasetRecord) -> int:
    """About how many rows an epoch has; cleaning may take some away."""
    split = spec.data.split
    rows = float(dataset.rows)
    if isinstance(split, GivenSplit) and dataset.parts:
        rows = float(dataset.parts.get(Part.TRAIN, dataset.rows))
        if Part.VALIDATION not in dataset.parts:
            rows *= 1.0 - split.validation_fraction
    elif hasattr(split, "folds"):
        rows *= (1.0 - split.test_fraction) * (1.0 - 1.0 / split.folds)
    else:
        rows *= 1.0 - split.validation_fraction - split.test_fraction
    return int(rows * spec.data.train_fraction)


@dataclass(frozen=True)
class _Figures:
    model: Any
    layers: tuple[LayerRecord, ...]
    trainable: int
    fixed: int
    flops: int


def _figures(spec: RunSpec, encoder: EncoderLike) -> _Figures:
    """Build and count; the same model is not built twice while someone edits the training part."""
    model = spec.model.model_dump_json()
    augmentation = spec.training.augmentation.model_dump_json() + str(spec.training.frozen_layers)
    key = (model, augmentation, repr(sorted(encoder.input_specs.items())), repr(sorted(encoder.info.items())))
    held = _Held(spec, encoder, key)
    return _build_and_count(held)


class _Held:
    """A document and encoder that compare by what decides the model."""

    def __init__(self, spec: RunSpec, encoder: EncoderLike, key: tuple[str, ...]) -> None:
        self.spec, self.encoder, self.key = spec, encoder, key

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Held) and other.key == self.key


@lru_cache(maxsize=32)
def _build_and_count(held: _Held) -> _Figures:
    with weightless():
        model = build_core(held.spec, held.encoder)
    names = {layer.name for layer in model.layers}
    records = tuple(_layer_record(layer, names, held.spec.model.kind == "graph") for layer in model.layers)
    trainable = sum(prod(weight.shape) for weight in model.trainable_weights)
    fixed = sum(layer.count_params() for layer in model.layers) - trainable
    return _Figures(model, records, trainable, fixed, sum(record.flops for record in records))


def _layer_record(layer: Any, names: set[str], own_names: bool) -> LayerRecord:
    node = layer._inbound_nodes[0]
    before = dict.fromkeys(tensor._keras_history.operation.name for tensor in node.input_tensors)
    shape = ", ".join("batch" if size is None else str(size) for size in node.output_tensors[0].shape)
    return LayerRecord(
        name=layer.name,
        kind=type(layer).__name__,
        output_shape=f"({shape})",
        parameters=layer.count_params(),
        trainable=sum(prod(weight.shape) for weight in layer.trainable_weights),
        flops=layer_flops(layer),
        inputs=tuple(name for name in before if name in names and name != layer.name),  # masks are no layers
        # "stage1_block2_conv1" lies in "stage1_block2"; in a graph of one's own "conv_1.relu" lies in "conv_1".
        group=layer.name.rpartition("." if own_names else "_")[0],
    )


def _dataset(spec: RunSpec, *, needed: bool) -> DatasetRecord | None:
    from engine.store.datasets import get_dataset

    try:
        return get_dataset(spec.data.dataset)
    except EngineError:
        if needed:
            raise
        return None


def _notices(
    spec: RunSpec, trainable: int, rows: int, seconds: float | None, too_large: tuple[int, int] | None
) -> list[dict[str, Any]]:
    notices: list[dict[str, Any]] = []
    if too_large:
        need, free = (f"{size / 2**30:.1f}" for size in too_large)
        message = N_("This needs about {need} GiB, {free} GiB are free. Lower the batch size or take a smaller model.")
        notices.append({"message": message, "values": {"need": need, "free": free}})
    if rows and trainable > MANY_PARAMETERS_A_ROW * rows:
        message = N_("{parameters} parameters for {rows} rows: it will learn them by heart. Take a smaller preset.")
        notices.append({"message": message, "values": {"parameters": f"{trainable:,}", "rows": f"{rows:,}"}})
    if seconds and seconds > LONG_EPOCH_S:
        message = N_("An epoch will take about {minutes} minutes on this machine. Take a smaller preset or image size.")
        notices.append({"message": message, "values": {"minutes": str(round(seconds / 60))}})
    if rows and spec.training.batch_size > rows:
        message = N_("The batch of {batch} examples is larger than the train part of {rows} rows.")
        notices.append({"message": message, "values": {"batch": str(spec.training.batch_size), "rows": f"{rows:,}"}})
    return notices
