"""A tuned model as a plain one: what was added to a matrix is folded into it, so that it costs nothing any more."""

from __future__ import annotations

from typing import Any

import keras

from engine.finetuning.attention import TunedAttention, plain_attention
from engine.finetuning.linear import TunedConv, TunedDense, plain


def merged(model: keras.Model) -> keras.Model:
    """A copy in which tuned dense layers, convolutions and attention layers are Keras' and Lathe's own again.

    Prefixes, prompts and bottlenecks have no matrix that they could be folded into; they stay.

    Args:
        model: a core; it is left as it is.
    """
    copy = keras.models.clone_model(model, clone_function=_plain_or_same)
    for old, new in zip(model.layers, copy.layers, strict=True):
        if _folds(old):
            new.set_weights([array for array in old.folded() if array is not None])
        else:
            new.set_weights(old.get_weights())
    return copy


def _folds(layer: Any) -> bool:
    if isinstance(layer, TunedAttention):
        return not layer.prefix
    return isinstance(layer, TunedDense | TunedConv)


def _plain_or_same(layer: Any) -> Any:
    if not _folds(layer):
        return layer.__class__.from_config(layer.get_config())
    return plain_attention(layer) if isinstance(layer, TunedAttention) else plain(layer)
