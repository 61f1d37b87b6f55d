"""ConvNeXt."""

from __future__ import annotations

from typing import Any

from keras import layers

from engine.models.blocks import LayerScale, Style, depth_rates, dropout, initializer, penalty, residual
from engine.models.registry import Head, Tensors, builder
from engine.specs.models.convnext import ConvNeXtSpec


@builder(ConvNeXtSpec)
def build_convnext(spec: ConvNeXtSpec, inputs: Tensors, head: Head) -> Any:
    """Patches → stages of blocks → mean over the image → normalisation → outputs."""
    style = Style.of(spec, normalization="layer", norm_epsilon=1e-6)
    patch = spec.patch_size
    x = style.conv(inputs["image"], spec.filters[0], patch, strides=patch, use_bias=True, name="stem_conv")
    x = style.norm(x, name="stem_norm")
    rates = iter(depth_rates(spec.stochastic_depth, sum(spec.blocks)))
    for stage, (count, filters) in enumerate(zip(spec.blocks, spec.filters, strict=True), start=1):
        if stage > 1:
            x = style.norm(x, name=f"stage{stage}_norm")
            x = style.conv(x, filters, 2, strides=2, use_bias=True, name=f"stage{stage}_conv")
        for index in range(1, count + 1):
            x = _block(spec, style, x, rate=next(rates), name=f"stage{stage}_block{index}_")
    x = layers.GlobalAveragePooling2D(name="features")(x)
    x = style.norm(x, name="features_norm")
    return head(dropout(x, spec.dropout, name="features_dropout"))


def _block(spec: ConvNeXtSpec, style: Style, x: Any, *, rate: float, name: str) -> Any:
    """Depthwise convolution, normalisation, dense to four times the channels and back."""
    channels = x.shape[-1]
    y = layers.DepthwiseConv2D(
        spec.kernel_size,
        padding="same",
        depthwise_initializer=initializer(style.initializer),
        depthwise_regularizer=penalty(style.l1, style.l2),
        name=f"{name}depthwise",
    )(x)
    y = style.norm(y, name=f"{name}norm")
    y = style.dense(y, 4 * channels, name=f"{name}expand")
    y = style.act(y, name=f"{name}act")
    y = style.dense(y, channels, name=f"{name}reduce")
    if spec.layer_scale:
        y = LayerScale(spec.layer_scale, name=f"{name}scale")(y)
    return residual(x, y, rate=rate, name=name)
