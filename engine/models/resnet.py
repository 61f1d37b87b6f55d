"""Residual networks v1 and v2."""

from __future__ import annotations

from typing import Any

from keras import layers

from engine.models.blocks import Style, depth_rates, dropout, residual
from engine.models.registry import Head, Tensors, builder
from engine.specs.models.resnet import ResNetSpec

IMAGENET_STEM_FROM_PX = 96  # below it, a stem that quarters the image leaves too little to look at


@builder(ResNetSpec)
def build_resnet(spec: ResNetSpec, inputs: Tensors, head: Head) -> Any:
    """Stem → stages of residual blocks → mean over the image → outputs.

    A block that halves the image does so in its 3×3 convolution ("v1.5"), as torchvision does: 4.1 GMACs for ResNet-50.
    """
    style = Style.of(spec, norm_epsilon=1e-5)
    x = _stem(spec, style, inputs["image"])
    rates = iter(depth_rates(spec.stochastic_depth, sum(spec.blocks)))
    block = _block_v1 if spec.version == "v1" else _block_v2
    for stage, count in enumerate(spec.blocks):
        for index in range(count):
            strides = 2 if stage > 0 and index == 0 else 1
            name = f"stage{stage + 1}_block{index + 1}_"
            x = block(spec, style, x, spec.filters * 2**stage, strides=strides, rate=next(rates), name=name)
    if spec.version == "v2":
        x = style.act(style.norm(x, name="final_norm"), name="final_act")
    x = layers.GlobalAveragePooling2D(name="features")(x)
    return head(dropout(x, spec.dropout, name="features_dropout"))


def _stem(spec: ResNetSpec, style: Style, image: Any) -> Any:
    size = min(image.shape[1], image.shape[2])
    imagenet = spec.stem == "imagenet" or (spec.stem == "auto" and size >= IMAGENET_STEM_FROM_PX)
    kernel, strides = (7, 2) if imagenet else (3, 1)
    if spec.version == "v2":  # its first block normalises
        x = style.conv(image, spec.filters, kernel, strides=strides, name="stem_conv")
    else:
        x = style.conv_norm_act(image, spec.filters, kernel, strides=strides, name="stem_")
    return layers.MaxPooling2D(3, strides=2, padding="same", name="stem_pool")(x) if imagenet else x


def _plan(spec: ResNetSpec, filters: int, strides: int) -> list[tuple[int, int, int]]:
    """The block's convolutions: (filters, kernel, strides)."""
    if spec.block == "basic":
        return [(filters, 3, strides), (filters, 3, 1)]
    return [(filters, 1, 1), (filters, 3, strides), (4 * filters, 1, 1)]


def _block_v1(spec: ResNetSpec, style: Style, x: Any, filters: int, *, strides: int, rate: float, name: str) -> Any:
    """Convolution, normalisation, activation…; activation after the sum."""
    plan = _plan(spec, filters, strides)
    shortcut, branch = x, x
    if strides > 1 or x.shape[-1] != plan[-1][0]:
        shortcut = style.conv(x, plan[-1][0], 1, strides=strides, name=f"{name}shortcutconv")
        shortcut = style.norm(shortcut, name=f"{name}shortcutnorm")
    for index, (width, kernel, step) in enumerate(plan, start=1):
        last = index == len(plan)
        branch = style.conv(branch, width, kernel, strides=step, name=f"{name}conv{index}")
        start = {"gamma_initializer": "zeros"} if last and spec.zero_start else {}
        branch = style.norm(branch, name=f"{name}norm{index}", **start)
        branch = branch if last else style.act(branch, name=f"{name}act{index}")
    return style.act(residual(shortcut, branch, rate=rate, name=name), name=f"{name}act{len(plan)}")


def _block_v2(spec: ResNetSpec, style: Style, x: Any, filters: int, *, strides: int, rate: float, name: str) -> Any:
    """Normalisation, activation, convolution…; nothing after the sum."""
    plan = _plan(spec, filters, strides)
    shortcut = branch = x
    for index, (width, kernel, step) in enumerate(plan, start=1):
        branch = style.act(style.norm(branch, name=f"{name}norm{index}"), name=f"{name}act{index}")
        if index == 1 and (strides > 1 or x.shape[-1] != plan[-1][0]):
            shortcut = style.conv(branch, plan[-1][0], 1, strides=strides, name=f"{name}shortcutconv")
        start = {"kernel_initializer": "zeros"} if index == len(plan) and spec.zero_start else {}
        branch = style.conv(branch, width, kernel, strides=step, name=f"{name}conv{index}", **start)
    return residual(shortcut, branch, rate=rate, name=name)
