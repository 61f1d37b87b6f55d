"""A transformer encoder for texts."""

from __future__ import annotations

from typing import Any

from keras import layers

from engine.models.attention import FirstToken, MaskedPooling, PaddingMask, Positions, encoder_block
from engine.models.blocks import Style, depth_rates, dropout
from engine.models.registry import Head, Tensors, builder
from engine.models.wide import wide_logits
from engine.specs.models.transformer import TransformerSpec


@builder(TransformerSpec)
def build_transformer(spec: TransformerSpec, inputs: Tensors, head: Head) -> Any:
    """Tokens `(batch, length)` → vectors with positions → encoder blocks → one vector → outputs (+ wide part)."""
    tokens = inputs["tokens"]
    style = Style.of(spec, normalization="layer", norm_epsilon=1e-6)
    mask = PaddingMask(name="padding")(tokens)
    x = layers.Embedding(head.info["vocabulary_size"], spec.width, name="embed_tokens")(tokens)
    if spec.positions != "none":
        x = Positions(tokens.shape[1], spec.positions, name="embed_positions")(x)
    x = dropout(x, spec.dropout, name="embed_dropout")
    if spec.order == "post_norm":
        x = style.norm(x, name="embed_norm")
    for index, rate in enumerate(depth_rates(spec.stochastic_depth, spec.blocks), start=1):
        x = encoder_block(
            style,
            x,
            heads=spec.heads,
            inner_width=spec.inner_width,
            dropout_rate=spec.dropout,
            depth_rate=rate,
            norm_first=spec.order == "pre_norm",
            mask=mask,
            name=f"block{index}_",
        )
    if spec.order == "pre_norm":
        x = style.norm(x, name="final_norm")
    x = (
        FirstToken(name="features")(x)
        if spec.pooling == "first"
        else MaskedPooling(spec.pooling, name="features")(x, mask)
    )
    return head(dropout(x, spec.dropout, name="features_dropout"), *wide_logits(inputs, head))
