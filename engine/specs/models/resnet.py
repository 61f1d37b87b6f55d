"""Residual networks, for images."""

from typing import Literal

from engine.specs.base import setting
from engine.specs.models import fields
from engine.specs.models.base import ModelSpec, Normalization
from engine.specs.task import Modality
from engine.text import N_


class ResNetSpec(ModelSpec):
    """Residual networks, v1 (He et al. 2016a) and v2 with pre-activation (He et al. 2016b)."""

    kind: Literal["resnet"] = "resnet"
    label = N_("ResNet")
    summary = N_("Convolutions with shortcuts around them, so that deep networks still learn.")
    modalities = (Modality.IMAGE,)
    presets = {
        "tiny": {"block": "basic", "blocks": [1, 1, 1], "filters": 16, "version": "v2"},
        "small": {"block": "basic", "blocks": [3, 3, 3], "filters": 16, "version": "v2"},
        "base": {"block": "basic", "blocks": [2, 2, 2, 2], "filters": 64},
        "large": {"block": "bottleneck", "blocks": [3, 4, 6, 3], "filters": 64, "stochastic_depth": 0.1},
        "resnet18": {"block": "basic", "blocks": [2, 2, 2, 2], "filters": 64, "stem": "imagenet", "dropout": 0.0},
        "resnet34": {"block": "basic", "blocks": [3, 4, 6, 3], "filters": 64, "stem": "imagenet", "dropout": 0.0},
        "resnet50": {"block": "bottleneck", "blocks": [3, 4, 6, 3], "filters": 64, "stem": "imagenet", "dropout": 0.0},
        "resnet101": {
            "block": "bottleneck",
            "blocks": [3, 4, 23, 3],
            "filters": 64,
            "stem": "imagenet",
            "dropout": 0.0,
        },
        "resnet50v2": {
            "version": "v2",
            "block": "bottleneck",
            "blocks": [3, 4, 6, 3],
            "filters": 64,
            "stem": "imagenet",
            "dropout": 0.0,
        },
    }
    version: Literal["v1", "v2"] = setting(
        "v1",
        title=N_("Version"),
        help=N_("v1 activates after the sum; v2 normalises and activates first and trains more easily when deep."),
    )
    block: Literal["basic", "bottleneck"] = setting(
        "basic",
        title=N_("Block"),
        help=N_("Basic: two 3×3 convolutions. Bottleneck: 1×1, 3×3, 1×1 with four times the output channels."),
    )
    blocks: tuple[int, ...] = setting(
        (2, 2, 2, 2),
        title=N_("Blocks"),
        help=N_("Blocks of each stage. Every stage after the first halves the image."),
        min_length=1,
        max_length=6,
    )
    filters: int = setting(
        64, title=N_("Filters"), ge=4, le=512, step=4, help=N_("Channels of the first stage; each later one doubles.")
    )
    stem: Literal["auto", "small", "imagenet"] = setting(
        "auto",
        title=N_("Stem"),
        help=N_("ImageNet: 7×7 convolution and pooling, a quarter of the size. Small: 3×3. Auto: small below 96 px."),
    )
    normalization: Normalization = setting("batch", title=N_("Normalization"))
    stochastic_depth: float = fields.stochastic_depth(advanced=True)
    zero_start: bool = setting(
        True,
        title=N_("Start blocks at zero"),
        advanced=True,
        help=N_("Each block starts as its shortcut alone, which steadies the first steps."),
    )
