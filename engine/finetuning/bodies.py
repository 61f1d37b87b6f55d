"""The body of a pretrained source as a functional model: encoded inputs by name → features `(batch, width)`.

Bodies are graphs of Lathe's own layers, so that methods reach every projection and saved models load without a patch.
A tweak builds the same body again and again, so its weights are read from files that stay in the system's memory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np
from keras.src.backend.common.stateless_scope import in_stateless_scope

from engine.errors import EngineError, ErrorKind
from engine.finetuning.sources import Found
from engine.finetuning.sources.bert_folder import read_bert_folder
from engine.finetuning.sources.bert_names import body_weights
from engine.finetuning.sources.keras_hub_folder import WEIGHTS, preset_config, preset_pooling
from engine.models.bert import BertShape, bert_body
from engine.models.blocks import Style
from engine.models.registry import Tensors
from engine.text import N_

Pooling = Literal["source", "average", "first"]
Weights = Mapping[str, Callable[[], np.ndarray]]  # "layer/variable" -> reads the numbers
_KEPT = 2  # presets whose weights stay in memory: KerasHub builds its own model to read them
_PUBLISHED_EPSILON = 1e-12


def body_of(found: Found, inputs: Tensors, *, pooling: Pooling, dropout: float) -> keras.Model:
    """Build the body of a source, with its weights unless models are built without any.

    Args:
        found: the source.
        inputs: the encoded inputs that the body will be given, for their shapes.
        pooling: how a text's tokens become one vector.
        dropout: inside a text body, in training.

    Raises:
        EngineError: BAD_INPUT where inputs and source do not fit.
    """
    fresh = {name: keras.Input(x.shape[1:], dtype=x.dtype, name=name) for name, x in inputs.items()}
    if found.format == "run":
        from engine.finetuning.run_body import run_body

        return run_body(found.folder, fresh)
    shape, style, weights = _bert(found, pooling)
    tokens = fresh["tokens"]
    body = keras.Model({"tokens": tokens}, bert_body(shape, style, tokens, dropout, trim=True), name="body")
    if not in_stateless_scope():
        put(body, weights())
    return body


def _bert(found: Found, pooling: Pooling) -> tuple[BertShape, Style, Callable[[], Weights]]:
    # Zeros: every weight is replaced at once, and drawing millions of random numbers takes seconds.
    zeros: Any = "zeros"
    if found.format == "bert":
        folder = read_bert_folder(found.folder)
        first = "first" if folder.has_pooler else "token"
        shape = BertShape(
            vocabulary_size=folder.vocabulary_size,
            width=folder.width,
            blocks=folder.blocks,
            heads=folder.heads,
            inner_width=folder.inner_width,
            longest=folder.longest,
            segments=folder.segments,
            pooling={"source": folder.pooling, "average": "average", "first": first}[pooling],  # type: ignore[arg-type]
        )
        activation: Any = folder.activation
        style = Style(activation, zeros, normalization="layer", norm_epsilon=folder.norm_epsilon)
        return shape, style, lambda: body_weights(folder)
    config = preset_config(found.folder)
    shape = BertShape(
        vocabulary_size=config["vocabulary_size"],
        width=config["hidden_dim"],
        blocks=config["num_layers"],
        heads=config["num_heads"],
        inner_width=config["intermediate_dim"],
        longest=config["max_sequence_length"],
        segments=int(config.get("num_segments", 2)),
        pooling=preset_pooling(found.folder) if pooling == "source" else pooling,
    )
    # KerasHub's presets of BERT were trained with the approximation of GELU by tanh.
    published: Any = "gelu_tanh"
    style = Style(published, zeros, normalization="layer", norm_epsilon=_PUBLISHED_EPSILON)
    mark = (found.folder / WEIGHTS).stat()
    return shape, style, lambda: _preset_weights(found.folder, (mark.st_mtime_ns, mark.st_size))


def put(body: keras.Model, weights: Weights) -> None:
    """Assign weights by "layer/variable"; random states stay.

    Raises:
        EngineError: BAD_INPUT where the source has none of this name, or of another shape.
    """
    for layer in body.layers:
        for variable in layer.weights:
            name = weight_name(layer, variable)
            array = weights[name]() if name in weights else None
            if array is None or tuple(array.shape) != tuple(variable.shape):
                raise EngineError(
                    ErrorKind.BAD_INPUT,
                    N_("The weights of the source are not whole: {name} is missing or has another shape."),
                    hint=N_("Copy or download the source again."),
                    name=name,
                )
            variable.assign(array)


def weight_name(layer: Any, variable: Any) -> str:
    """A weight's name by its layer and its place in it, wherever the layer stands."""
    return f"{layer.name}/{variable.path.rpartition(f'{layer.name}/')[2]}"


@lru_cache(maxsize=_KEPT)
def _preset_weights(folder: Path, _mark: tuple[int, int]) -> Weights:
    """Of a KerasHub preset, read by KerasHub, which knows its format."""
    import keras_hub

    backbone = keras_hub.models.BertBackbone.from_preset(str(folder), load_weights=True)
    return backbone_weights(backbone)


def backbone_weights(backbone: Any) -> Weights:
    """The weights of a KerasHub BERT backbone by the names of `bert_body`."""
    layer = backbone.get_layer
    found: dict[str, Any] = {
        "embed_tokens/embeddings": layer("token_embedding").embeddings,
        "embed_positions/table": layer("position_embedding").position_embeddings,
        "embed_segment/table": layer("segment_embedding").embeddings,
        "embed_norm/gamma": layer("embeddings_layer_norm").gamma,
        "embed_norm/beta": layer("embeddings_layer_norm").beta,
        "pooler_dense/kernel": layer("pooled_dense").kernel,
        "pooler_dense/bias": layer("pooled_dense").bias,
    }
    for index in range(backbone.num_layers):
        block, name = layer(f"transformer_layer_{index}"), f"block{index + 1}_"
        attention = block._self_attention_layer
        parts = {"query": "query", "key": "key", "value": "value", "attention_output": "output"}
        for ours, theirs in parts.items():
            dense = getattr(attention, f"{theirs}_dense")
            found[f"{name}attention/{ours}/kernel"], found[f"{name}attention/{ours}/bias"] = dense.kernel, dense.bias
        denses = {"expand": block._feedforward_intermediate_dense, "reduce": block._feedforward_output_dense}
        for ours, dense in denses.items():
            found[f"{name}{ours}/kernel"], found[f"{name}{ours}/bias"] = dense.kernel, dense.bias
        norms = {"attentionnorm": block._self_attention_layer_norm, "densenorm": block._feedforward_layer_norm}
        for ours, norm in norms.items():
            found[f"{name}{ours}/gamma"], found[f"{name}{ours}/beta"] = norm.gamma, norm.beta
    arrays = {name: np.array(variable.value) for name, variable in found.items()}
    return {name: partial(np.asarray, array) for name, array in arrays.items()}
