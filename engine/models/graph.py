"""From the layer editor's document to a functional model; a wrong shape names the layer and the mend."""

from __future__ import annotations

from typing import Any

from engine.errors import EngineError, ErrorKind
from engine.models.graph_layers import apply
from engine.models.registry import Head, Tensors, builder
from engine.models.table_inputs import joined_inputs
from engine.models.wide import wide_logits
from engine.specs import Modality
from engine.specs.models.graph import INPUT, LayerGraphSpec, resolved_inputs, starting_graph
from engine.specs.models.layers import EmbeddingLayer, LayerSpec
from engine.text import N_


@builder(LayerGraphSpec)
def build_graph(spec: LayerGraphSpec, inputs: Tensors, head: Head) -> Any:
    """Layers in their order → the last one's vector → outputs (for texts + wide part)."""
    modality = _modality(inputs)
    if not spec.nodes:
        spec = spec.model_copy(update={"nodes": starting_graph(modality).nodes})
    tokens_or_image = {Modality.IMAGE: "image", Modality.TEXT: "tokens"}
    given = joined_inputs(inputs, head.info) if modality is Modality.TABLE else inputs[tokens_or_image[modality]]
    known: dict[str, Any] = {INPUT: given}
    used: set[str] = set()
    for node in spec.nodes:
        sources = resolved_inputs(spec, node.id)
        used.update(sources)
        for source in sources:
            _check_kind(node, known[source], source)
        known[node.id] = apply(node, [known[source] for source in sources], spec, head.info)
    last = spec.nodes[-1]
    _check_used(spec, used)
    features = known[last.id]
    if len(features.shape) != 2:
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("The last layer {layer} puts out {shape}, but a vector for each example is needed."),
            hint=N_("Add global pooling or flatten after it."),
            layer=last.id,
            shape=shape_text(features),
        )
    return head(features, *(wide_logits(inputs, head) if modality is Modality.TEXT else ()))


def _modality(inputs: Tensors) -> Modality:
    if "image" in inputs:
        return Modality.IMAGE
    return Modality.TEXT if "tokens" in inputs else Modality.TABLE


def _check_kind(node: LayerSpec, tensor: Any, source: str) -> None:
    is_tokens = tensor.dtype.startswith("int")
    rank = len(tensor.shape) - 1
    if is_tokens == isinstance(node, EmbeddingLayer) and rank in node.ranks:
        return
    if is_tokens:
        hint = N_("Put an embedding layer before it.")
    elif isinstance(node, EmbeddingLayer):
        hint = N_("An embedding takes the tokens themselves: make it the first layer, or delete it.")
    else:
        hint = _mend(rank, node.ranks)
    raise EngineError(
        ErrorKind.BAD_INPUT,
        N_("Layer {layer} cannot take what {source} puts out: {shape}."),
        hint=hint,
        layer=node.id,
        source=source,
        shape=shape_text(tensor),
    )


def _mend(rank: int, wanted: tuple[int, ...]) -> str:
    """What to put between an input of `rank` axes and a layer that wants others."""
    if wanted == (3,):
        return N_("It takes images (height, width, channels): put it before flatten or pooling, or reshape to 3 axes.")
    if rank == 3 and wanted == (2,):
        return N_("It takes a sequence (length, channels): put a reshape to 2 axes before it.")
    if rank == 1:
        return N_("It takes an image or a sequence: put it before flatten or global pooling, or delete it.")
    return N_("Put a reshape, flatten or global pooling before it.")


def _check_used(spec: LayerGraphSpec, used: set[str]) -> None:
    for node in spec.nodes[:-1]:
        if node.id not in used:
            raise EngineError(
                ErrorKind.BAD_INPUT,
                N_("Layer {layer} leads nowhere: no later layer takes it."),
                hint=N_("Name it as an input of a later layer, or delete it."),
                layer=node.id,
            )


def shape_text(tensor: Any) -> str:
    """A shape as people write it."""
    return "(" + ", ".join("batch" if size is None else str(size) for size in tensor.shape) + ")"
