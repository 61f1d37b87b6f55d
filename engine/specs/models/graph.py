"""The document of the layer editor, and pure functions that change it and keep its references valid."""

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import ValidationError, model_validator

from engine.errors import EngineError, ErrorKind
from engine.specs.base import one_of, refusal, setting
from engine.specs.models import layers as kinds
from engine.specs.models.base import Activation, ModelSpec
from engine.specs.models.layers import PREVIOUS, LayerSpec
from engine.specs.problems import document_error
from engine.specs.task import Modality
from engine.text import N_

# What the first layer takes: pixels of -1 to 1, token numbers, or all columns of a row as one vector.
INPUT = "input"
# Names that the model's own layers have.
RESERVED_PREFIXES = ("augment_", "head_", "ngram_")
RESERVED = {
    INPUT,
    PREVIOUS,
    "image",
    "tokens",
    "row",
    "numbers",
    "numbers_flat",
    "categories",
    "categories_flat",
    "category_embedding",
    "words",
    "wide",
    "padding",
    "rescale",
}


class LayerGraphSpec(ModelSpec):
    """A network of one's own: layers in order, each after the one before unless it names its inputs."""

    kind: Literal["graph"] = "graph"
    label = N_("Own layers")
    summary = N_("Put a network together layer by layer, with shortcuts and branches.")
    modalities = (Modality.IMAGE, Modality.TEXT, Modality.TABLE)
    activation: Activation = setting("relu", title=N_("Activation"), hidden=True)  # each layer has its own
    dropout: float = setting(0.0, live=True, title=N_("Dropout"), hidden=True, ge=0.0, le=0.9)  # is a layer of its own
    nodes: tuple[one_of(LayerSpec), ...] = setting(  # type: ignore[valid-type]
        (), title=N_("Layers"), help=N_("Empty: a small network that suits the data."), max_length=500
    )

    @model_validator(mode="after")
    def _references_hold(self) -> "LayerGraphSpec":
        seen: set[str] = set()
        for node in self.nodes:
            if node.id in seen or node.id in RESERVED or node.id.startswith(RESERVED_PREFIXES):
                raise refusal(N_("The layer name “{layer}” is taken. Give the layer another name."), layer=node.id)
            if len(node.inputs) > node.most_inputs:
                raise refusal(
                    N_("Layer “{layer}” takes at most {most} inputs, got {given}. Put an add or join layer before it."),
                    layer=node.id,
                    most=node.most_inputs,
                    given=len(node.inputs),
                )
            for name in node.inputs:
                if name not in (PREVIOUS, INPUT) and name not in seen:
                    raise refusal(
                        N_(
                            "Layer “{layer}” takes “{input}”, which is no layer before it. "
                            "Name an earlier layer or move this one down."
                        ),
                        layer=node.id,
                        input=name,
                    )
            seen.add(node.id)
        return self


def resolved_inputs(graph: LayerGraphSpec, node_id: str) -> tuple[str, ...]:
    """The names of the layers that feed a layer; "previous" and nothing said are replaced by the layer before.

    The first layer's is "input".
    """
    index = _index(graph, node_id)
    before = graph.nodes[index - 1].id if index else INPUT
    return tuple(before if name == PREVIOUS else name for name in graph.nodes[index].inputs or (PREVIOUS,))


def new_layer(graph: LayerGraphSpec, kind: str, **fields: Any) -> LayerSpec:
    """A layer of a kind with its defaults and a free name.

    Raises:
        EngineError: BAD_INPUT for an unknown kind or a field out of bounds.
    """
    if kind not in LayerSpec.alternatives:
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("kind must be one of {kinds}, got “{given}”."),
            kinds=", ".join(LayerSpec.alternatives),
            given=kind,
        )
    try:
        node = LayerSpec.alternatives[kind].model_validate({"id": free_id(graph, kind), **fields})
    except ValidationError as error:
        raise document_error(error, "layer") from error
    if not isinstance(node, LayerSpec):
        raise TypeError(kind)
    return node


def free_id(graph: LayerGraphSpec, kind: str) -> str:
    """A name that no layer has: the kind with the first free number."""
    taken = {node.id for node in graph.nodes}
    return next(name for name in (f"{kind}_{i}" for i in range(1, len(taken) + 2)) if name not in taken)


def add(graph: LayerGraphSpec, node: LayerSpec, *, after: str | None = None) -> LayerGraphSpec:
    """Insert a layer after another one; without `after` at the end, with `after=""` at the start.

    What followed without naming its input now follows the new layer.
    """
    index = len(graph.nodes) if after is None else _index(graph, after) + 1 if after else 0
    return _with(graph, [*graph.nodes[:index], node, *graph.nodes[index:]])


def delete(graph: LayerGraphSpec, node_id: str) -> LayerGraphSpec:
    """Take a layer out; who named it now names what fed it."""
    index = _index(graph, node_id)
    fed_by = resolved_inputs(graph, node_id)
    nodes = [_renamed(node, node_id, fed_by[0]) for node in graph.nodes if node.id != node_id]
    if index < len(nodes) and graph.nodes[index].inputs:
        nodes[index] = _explicit(nodes[index], fed_by[0])
    return _repaired(graph, nodes)


def duplicate(graph: LayerGraphSpec, node_id: str) -> LayerGraphSpec:
    """Put a copy right after a layer; the copy follows the original, or joins the same branches."""
    node = graph.nodes[_index(graph, node_id)]
    inputs = resolved_inputs(graph, node_id) if node.most_inputs > 1 and len(node.inputs) > 1 else ()
    changes = {"id": free_id(graph, node.kind), "inputs": () if PREVIOUS in inputs else inputs}
    return add(graph, node.model_copy(update=changes), after=node_id)


def move(graph: LayerGraphSpec, node_id: str, places: int) -> LayerGraphSpec:
    """Move a layer down (up where negative) by some places; references that would point forward are let go."""
    index = _index(graph, node_id)
    nodes = list(graph.nodes)
    node = nodes.pop(index)
    nodes.insert(max(0, min(len(nodes), index + places)), node)
    return _repaired(graph, nodes)


def replace(graph: LayerGraphSpec, node_id: str, node: LayerSpec) -> LayerGraphSpec:
    """Put another version of a layer in its place; a new name is carried to all who named it."""
    nodes = [node if old.id == node_id else _renamed(old, node_id, node.id) for old in graph.nodes]
    return _with(graph, nodes)


def starting_graph(modality: Modality) -> LayerGraphSpec:
    """A small network that works for a modality, to be changed."""
    nodes: dict[Modality, list[LayerSpec]] = {
        Modality.IMAGE: [
            kinds.Conv2dLayer(id="conv_1", filters=32),
            kinds.PoolLayer(id="pool_1"),
            kinds.Conv2dLayer(id="conv_2", filters=64, activation="none"),
            kinds.NormalizationLayer(id="norm_1"),
            kinds.ActivationLayer(id="relu_1"),
            kinds.Conv2dLayer(id="conv_3", filters=64, activation="none"),
            kinds.AddLayer(id="shortcut_1", inputs=(PREVIOUS, "relu_1")),
            kinds.GlobalPoolLayer(id="summary"),
            kinds.DropoutLayer(id="dropout_1"),
        ],
        Modality.TEXT: [
            kinds.EmbeddingLayer(id="embedding_1", width=64),
            kinds.RecurrentLayer(id="recurrent_1", cell="gru", units=32, whole_sequence=True),
            kinds.GlobalPoolLayer(id="summary", method="max"),
            kinds.DropoutLayer(id="dropout_1"),
        ],
        Modality.TABLE: [
            kinds.DenseLayer(id="dense_1", units=128),
            kinds.DropoutLayer(id="dropout_1"),
            kinds.DenseLayer(id="dense_2", units=128),
            kinds.AddLayer(id="shortcut_1", inputs=(PREVIOUS, "dense_1")),
        ],
    }
    return LayerGraphSpec(nodes=tuple(nodes[modality]))


def _index(graph: LayerGraphSpec, node_id: str) -> int:
    for index, node in enumerate(graph.nodes):
        if node.id == node_id:
            return index
    raise EngineError(
        ErrorKind.NOT_FOUND,
        N_("There is no layer {layer}."),
        hint=N_("It may have been deleted; choose another one."),
        layer=node_id,
    )


def _with(graph: LayerGraphSpec, nodes: Sequence[LayerSpec]) -> LayerGraphSpec:
    """The graph with other layers, checked."""
    tree = {**graph.model_dump(mode="json"), "nodes": [node.model_dump(mode="json") for node in nodes]}
    try:
        return LayerGraphSpec.model_validate(tree)
    except ValidationError as error:
        raise document_error(error, "layers") from error


def _renamed(node: LayerSpec, old: str, new: str) -> LayerSpec:
    inputs = tuple(new if name == old else name for name in node.inputs)
    return node if inputs == node.inputs else node.model_copy(update={"inputs": inputs})


def _explicit(node: LayerSpec, name: str) -> LayerSpec:
    """The node with "the layer before" written out as `name`."""
    inputs = tuple(name if given == PREVIOUS else given for given in node.inputs or (PREVIOUS,))
    return node.model_copy(update={"inputs": inputs})


def _repaired(graph: LayerGraphSpec, nodes: Sequence[LayerSpec]) -> LayerGraphSpec:
    """References that point forward or to nothing become "the layer before"."""
    seen = {INPUT, PREVIOUS}
    kept: list[LayerSpec] = []
    for node in nodes:
        inputs = tuple(name if name in seen else PREVIOUS for name in node.inputs)
        kept.append(node if inputs == node.inputs else node.model_copy(update={"inputs": inputs}))
        seen.add(node.id)
    return _with(graph, kept)
