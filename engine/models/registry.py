"""Which function builds which family, and what such a function is given.

To add a family: a spec class in `engine/specs/models`, and here a function with `@builder(ThatSpec)` in a module named
in `MODULES`. Nothing else changes.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol

from engine.errors import EngineError, ErrorKind
from engine.specs.models import ModelSpec
from engine.text import N_

InputSpecs = Mapping[str, tuple[tuple[int, ...], str]]  # name -> (shape without batch, dtype)
Tensors = Mapping[str, Any]  # name -> symbolic tensor


class EncoderLike(Protocol):
    """What a model must know of the data: the fitted `Encoder`, or an `EncoderShape` guessed from the document.

    `input_specs`: images {"image": ((height, width, channels), "float32")} with values of 0 to 255; texts {"tokens":
    ((length,), "int32")} with 0 for padding, and what the wide part needs; tables {"numbers": …, "categories": …}.
    `info`: `outputs` (classes, or 1 for a number), `vocabulary_size`, category cardinalities, bins…
    """

    @property
    def input_specs(self) -> InputSpecs:
        """Name -> (shape without batch, dtype)."""

    @property
    def info(self) -> Mapping[str, Any]:
        """Sizes that were learned from the data."""


@dataclass
class Head:
    """The last layer: features `(batch, features)` → logits `(batch, outputs)` or one number `(batch, 1)`, in float32.

    A builder may add other parts to it (the wide part of a text model): `head(features, extra_logits)`.
    """

    outputs: int
    info: Mapping[str, Any] = field(default_factory=dict)
    l1: float = 0.0
    l2: float = 0.0

    def __call__(self, features: Any, *extra_logits: Any, zeros: bool = False) -> Any:
        """Dense layer to the outputs; `extra_logits` `(batch, outputs)` are added. `zeros`: start from zero weights."""
        import keras

        from engine.models.blocks import penalty

        logits = keras.layers.Dense(
            self.outputs,
            kernel_initializer="zeros" if zeros else "glorot_uniform",
            kernel_regularizer=penalty(self.l1, self.l2),
            dtype="float32",  # softmax and losses lose their small differences in half precision
            name="head_logits",
        )(features)
        if extra_logits:
            logits = keras.layers.Add(dtype="float32", name="head_sum")([logits, *extra_logits])
        return logits


Builder = Callable[[Any, Tensors, Head], Any]  # (model spec, inputs by name, head) -> outputs
_BUILDERS: dict[type[ModelSpec], Builder] = {}

# Imported on first use. A module may be absent only while its family is.
MODULES = (
    "mlp",
    "cnn",
    "resnet",
    "inception",
    "convnext",
    "vit",
    "graph",
    "transformer",
    "bert",
    "text_pool",
    "text_cnn",
    "text_rnn",
    "wide_deep",
    "table_residual",
    "table_ensemble",
    "ft_transformer",
    "pretrained",
)


def builder(spec_class: type[ModelSpec]) -> Callable[[Builder], Builder]:
    """Register `build(spec, inputs, head) -> outputs` for a family."""

    def register(function: Builder) -> Builder:
        _BUILDERS[spec_class] = function
        return function

    return register


def builder_of(spec: ModelSpec) -> Builder:
    """The builder of a document's family.

    Raises:
        EngineError: NOT_FOUND where no builder is registered.
    """
    _import_all()
    if type(spec) not in _BUILDERS:
        raise EngineError(
            ErrorKind.NOT_FOUND,
            N_("The model family {family} cannot be built by this version of Lathe."),
            hint=N_("Choose another family."),
            family=spec.kind,
        )
    return _BUILDERS[type(spec)]


@cache
def _import_all() -> None:
    for name in MODULES:
        if find_spec(f"engine.models.{name}") is not None:
            import_module(f"engine.models.{name}")


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Layers made inside draw their seeds (initialisers, dropout, augmentation) from `seed`.

    Keras takes a layer's default seed from Python's `random`; seeding that, and putting it back afterwards, gives the
    same weights for the same document without naming a seed in every layer or disturbing anyone else.
    """
    before = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(before)
