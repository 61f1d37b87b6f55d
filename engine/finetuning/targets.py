"""Which matrices of a body a method is put beside, and what is said where there are none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keras import layers

from engine.errors import EngineError, ErrorKind
from engine.finetuning.attention import tuned_attention
from engine.finetuning.changes import Change
from engine.finetuning.linear import tuned
from engine.models.blocks import MultiHeadAttention
from engine.specs.finetuning import Targets
from engine.text import N_

_PARTS: dict[str, tuple[str, ...]] = {
    "query_value": ("query", "value"),
    "attention": ("query", "key", "value", "output"),
    "dense": (),
    "all": ("query", "key", "value", "output"),
}

MakeChange = Callable[[str, int, int], Change]  # name, inputs, outputs of the matrix -> what is added


def attentions(body: Any) -> list[Any]:
    """The attention layers of Lathe's own kind."""
    return [layer for layer in body.layers if type(layer) is MultiHeadAttention]


def denses(body: Any) -> list[Any]:
    """The dense layers beside attention."""
    return [layer for layer in body.layers if type(layer) is layers.Dense]


def convolutions(body: Any) -> list[Any]:
    """The convolutions whose kernels see all channels."""
    return [layer for layer in body.layers if type(layer) is layers.Conv2D and layer.groups == 1]


def chosen(body: Any, targets: Targets) -> list[Any]:
    """The layers with a matrix that `targets` names.

    Raises:
        EngineError: BAD_INPUT where there are none, with what there is.
    """
    found = [] if targets == "dense" else attentions(body)
    if targets in ("dense", "all"):
        found += denses(body) + convolutions(body)
    if not found:
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_(
                "There is no layer of the kind “{targets}” in this body: it has {attention} attention, {dense} dense "
                "and {convolution} convolution layers."
            ),
            hint=N_("Choose “all” as the place, or a method that needs no such layers."),
            targets=targets,
            **counts(body),
        )
    return found


def counts(body: Any) -> dict[str, int]:
    """How many layers of each kind a body has."""
    return {
        "attention": len(attentions(body)),
        "dense": len(denses(body)),
        "convolution": len(convolutions(body)),
    }


def replaced(targets: Targets, wanted: list[Any], make: MakeChange) -> Callable[[Any], Any]:
    """What `engine.finetuning.rewrite.rewrite` asks: the tuned form of each layer in `wanted`."""
    ids = {id(layer) for layer in wanted}

    def replace(layer: Any) -> Any:
        if id(layer) not in ids:
            return None
        if type(layer) is MultiHeadAttention:
            parts = {part: make(f"{layer.name}/{part}", *matrix_shape(layer, part)) for part in _PARTS[targets]}
            return tuned_attention(layer, parts)
        return tuned(layer, make(layer.name, *matrix_shape(layer)))

    return replace


def matrix_shape(layer: Any, part: str = "") -> tuple[int, int]:
    """Inputs and outputs of a layer's matrix, or of one projection of an attention layer."""
    if part:
        layer = {"query": layer._query_dense, "key": layer._key_dense, "value": layer._value_dense}.get(
            part, layer._output_dense
        )
    shape = tuple(layer.kernel.shape)
    if not part:
        return _product(shape[:-1]), shape[-1]
    split = 2 if part == "output" else 1
    return _product(shape[:split]), _product(shape[split:])


def matrices(wanted: list[Any], targets: Targets) -> list[tuple[str, int, int]]:
    """Name, inputs and outputs of every matrix that is chosen."""
    found = []
    for layer in wanted:
        if type(layer) is MultiHeadAttention:
            found += [(f"{layer.name}/{part}", *matrix_shape(layer, part)) for part in _PARTS[targets]]
        else:
            found.append((layer.name, *matrix_shape(layer)))
    return found


def check_rank(rank: int, found: list[tuple[str, int, int]]) -> None:
    """Whether each matrix has that many rows and columns.

    Raises:
        EngineError: BAD_INPUT with the smallest one.
    """
    name, inputs, outputs = min(found, key=lambda each: min(each[1:]))
    if rank > min(inputs, outputs):
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("A rank of {rank} is more than the matrix of {layer} has: {inputs} × {outputs}."),
            hint=N_("Lower the rank to {most} at most, or choose other layers."),
            rank=rank,
            layer=name,
            inputs=inputs,
            outputs=outputs,
            most=min(inputs, outputs),
        )


def _product(shape: tuple[int, ...]) -> int:
    product = 1
    for size in shape:
        product *= int(size)
    return product


def inner_reductions(body: Any) -> list[Any]:
    """The second of the two dense layers of each block: the one that leads back from the inner width."""
    return [layer for layer in denses(body) if layer.name.endswith("_reduce")]


def no_attention(body: Any, method: str) -> EngineError:
    """What is said where a method needs attention and there is none."""
    return EngineError(
        ErrorKind.BAD_INPUT,
        N_("{method} works in attention layers, and this body has none: {dense} dense, {convolution} convolution."),
        hint=N_("Choose LoRA with “all” as the place, or another method."),
        method=method,
        **counts(body),
    )
