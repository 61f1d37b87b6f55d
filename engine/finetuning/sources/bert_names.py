"""What the weights of the BERT family are called in Hugging Face's files, and what they become here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.errors import EngineError, ErrorKind
from engine.finetuning.sources.safetensors import Stored
from engine.text import N_

if TYPE_CHECKING:
    from engine.finetuning.sources.bert_folder import BertFolder

# Parts of a block: BERT's name -> DistilBERT's.
_BLOCK = {
    "attention.self.query": "attention.q_lin",
    "attention.self.key": "attention.k_lin",
    "attention.self.value": "attention.v_lin",
    "attention.output.dense": "attention.out_lin",
    "attention.output.LayerNorm": "sa_layer_norm",
    "intermediate.dense": "ffn.lin1",
    "output.dense": "ffn.lin2",
    "output.LayerNorm": "output_layer_norm",
}
_POOLER = ("pooler.dense.weight", "pooler.dense.bias")


def expected_shapes(shape: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """BERT's names of all tensors that a body of this shape needs, with their shapes."""
    width, inner = shape["width"], shape["inner_width"]
    wanted: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (shape["vocabulary_size"], width),
        "embeddings.position_embeddings.weight": (shape["longest"], width),
    }
    if shape["segments"]:
        wanted["embeddings.token_type_embeddings.weight"] = (shape["segments"], width)
    wanted |= {"embeddings.LayerNorm.weight": (width,), "embeddings.LayerNorm.bias": (width,)}
    for block in range(shape["blocks"]):
        for part in _BLOCK:
            if part.endswith("LayerNorm"):
                out, into = width, None
            else:
                out = inner if part.startswith("intermediate") else width
                into = inner if part == "output.dense" else width
            name = f"encoder.layer.{block}.{part}"
            wanted[f"{name}.weight"] = (out,) if into is None else (out, into)
            wanted[f"{name}.bias"] = (out,)
    return wanted


def body_tensors(found: Mapping[str, Stored], family: str, shape: Mapping[str, Any]) -> dict[str, Stored]:
    """The body's tensors by BERT's names, whatever the file calls them; heads of another task are left aside.

    Raises:
        EngineError: BAD_INPUT where one is missing or of another shape than config.json says.
    """
    tensors: dict[str, Stored] = {}
    wanted = expected_shapes(shape)
    prefix = _prefix(found)
    for name, size in wanted.items():
        stored = next((found[prefix + alias] for alias in _aliases(name, family) if prefix + alias in found), None)
        if stored is None:
            raise EngineError(
                ErrorKind.BAD_INPUT,
                N_("The weights are not whole: {name} is missing."),
                hint=N_("Copy or download the folder again, all files of it."),
                name=name,
            )
        if stored.shape != size:
            raise _other_shape(name, size, stored.shape)
        tensors[name] = stored
    if all(prefix + name in found for name in _POOLER):
        width = shape["width"]
        for name, size in zip(_POOLER, ((width, width), (width,)), strict=True):
            if found[prefix + name].shape != size:
                raise _other_shape(name, size, found[prefix + name].shape)
            tensors[name] = found[prefix + name]
    return tensors


def body_weights(folder: BertFolder) -> dict[str, Callable[[], np.ndarray]]:
    """All weights of a body as "layer/variable" of `engine.models.bert.bert_body` → what reads the array.

    Nothing is held: a file that was read before lies in the system's memory, from which it is read again in no time.
    """
    heads, width = folder.heads, folder.width
    # PyTorch keeps a dense layer's weights as (out, in); Keras as (in, out), attention's with an axis of heads.
    split = (width, heads, width // heads)

    def put(theirs: str, ours: str, change: Callable[[np.ndarray], np.ndarray] = lambda x: x) -> None:
        weights[ours] = lambda: change(folder.tensors[theirs].read())

    weights: dict[str, Callable[[], np.ndarray]] = {}
    put("embeddings.word_embeddings.weight", "embed_tokens/embeddings")
    put("embeddings.position_embeddings.weight", "embed_positions/table")
    if folder.segments:
        put("embeddings.token_type_embeddings.weight", "embed_segment/table")
    put("embeddings.LayerNorm.weight", "embed_norm/gamma")
    put("embeddings.LayerNorm.bias", "embed_norm/beta")
    for block in range(folder.blocks):
        theirs, ours = f"encoder.layer.{block}", f"block{block + 1}_"
        for part in ("query", "key", "value"):
            put(
                f"{theirs}.attention.self.{part}.weight", f"{ours}attention/{part}/kernel", lambda x: x.T.reshape(split)
            )
            put(f"{theirs}.attention.self.{part}.bias", f"{ours}attention/{part}/bias", lambda x: x.reshape(split[1:]))
        output = f"{ours}attention/attention_output"
        put(f"{theirs}.attention.output.dense.weight", f"{output}/kernel", lambda x: x.T.reshape(*split[1:], width))
        put(f"{theirs}.attention.output.dense.bias", f"{output}/bias")
        for norm, name in (("attention.output.LayerNorm", "attentionnorm"), ("output.LayerNorm", "densenorm")):
            put(f"{theirs}.{norm}.weight", f"{ours}{name}/gamma")
            put(f"{theirs}.{norm}.bias", f"{ours}{name}/beta")
        for dense, name in (("intermediate.dense", "expand"), ("output.dense", "reduce")):
            put(f"{theirs}.{dense}.weight", f"{ours}{name}/kernel", np.transpose)
            put(f"{theirs}.{dense}.bias", f"{ours}{name}/bias")
    if folder.has_pooler:
        put("pooler.dense.weight", "pooler_dense/kernel", np.transpose)
        put("pooler.dense.bias", "pooler_dense/bias")
    return weights


def _prefix(found: Mapping[str, Stored]) -> str:
    """What stands before a body's names in a file that holds a head as well ("bert.")."""
    known = "embeddings.word_embeddings.weight"
    return next((name.removesuffix(known) for name in found if name.endswith(known)), "")


def _aliases(name: str, family: str) -> list[str]:
    """Other names of a tensor: DistilBERT's, and gamma and beta of the oldest files."""
    names = [name]
    if family == "distilbert" and name.startswith("encoder.layer."):
        _, _, block, rest = name.split(".", 3)
        part, _, kind = rest.rpartition(".")
        names = [f"transformer.layer.{block}.{_BLOCK[part]}.{kind}"]
    old = [n.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta") for n in names]
    return list(dict.fromkeys(names + old))


def _other_shape(name: str, expected: tuple[int, ...], found: tuple[int, ...]) -> EngineError:
    return EngineError(
        ErrorKind.BAD_INPUT,
        N_("The weights do not fit config.json: {name} must have the shape {expected}, got {found}."),
        hint=N_("Take config.json and the weights from the same model."),
        name=name,
        expected=" × ".join(map(str, expected)),
        found=" × ".join(map(str, found)),
    )
