"""The vision transformer."""

from __future__ import annotations

from typing import Any

from keras import layers

from engine.errors import EngineError, ErrorKind
from engine.models.attention import ClassToken, FirstToken, Positions, encoder_block
from engine.models.blocks import Style, depth_rates, dropout
from engine.models.registry import Head, Tensors, builder
from engine.specs.models.vit import VitSpec
from engine.text import N_


@builder(VitSpec)
def build_vit(spec: VitSpec, inputs: Tensors, head: Head) -> Any:
    """Patches → tokens with positions → pre-norm encoder blocks → one vector → outputs."""
    image = inputs["image"]
    height, width = image.shape[1] // spec.patch_size, image.shape[2] // spec.patch_size
    if not height * width:
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("A patch of {patch} px does not fit into an image of {size} px."),
            hint=N_("Lower the patch size or raise the image size."),
            patch=spec.patch_size,
            size=min(image.shape[1], image.shape[2]),
        )
    style = Style.of(spec, normalization="layer", norm_epsilon=1e-6)
    options: dict[str, Any] = {"strides": spec.patch_size, "padding": "valid", "use_bias": True}
    x = style.conv(image, spec.width, spec.patch_size, name="stem_patches", **options)
    x = layers.Reshape((height * width, spec.width), name="stem_tokens")(x)
    if spec.pooling == "token":
        x = ClassToken(name="stem_token")(x)
    x = Positions(x.shape[1], name="stem_positions")(x)
    x = dropout(x, spec.dropout, name="stem_dropout")
    for index, rate in enumerate(depth_rates(spec.stochastic_depth, spec.blocks), start=1):
        x = encoder_block(
            style,
            x,
            heads=spec.heads,
            inner_width=spec.inner_width,
            dropout_rate=spec.dropout,
            depth_rate=rate,
            name=f"block{index}_",
        )
    x = style.norm(x, name="final_norm")
    pool = FirstToken(name="features") if spec.pooling == "token" else layers.GlobalAveragePooling1D(name="features")
    return head(pool(x))
