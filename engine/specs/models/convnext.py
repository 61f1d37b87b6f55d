"""ConvNeXt, for images."""

from typing import Literal

from pydantic import model_validator

from engine.specs.base import refusal, setting
from engine.specs.models import fields
from engine.specs.models.base import Activation, Initializer, ModelSpec
from engine.specs.task import Modality
from engine.text import N_


class ConvNeXtSpec(ModelSpec):
    """ConvNeXt (Liu et al. 2022): a convolutional network with the habits of a transformer."""

    kind: Literal["convnext"] = "convnext"
    label = N_("ConvNeXt")
    summary = N_("Wide depthwise convolutions and dense layers in residual blocks; strong with much data.")
    modalities = (Modality.IMAGE,)
    presets = {
        "tiny": {"blocks": [2, 2, 2], "filters": [24, 48, 96], "patch_size": 2},
        "small": {"blocks": [2, 4, 2], "filters": [40, 80, 160], "patch_size": 2},
        "base": {"blocks": [3, 3, 9, 3], "filters": [48, 96, 192, 384], "patch_size": 2, "stochastic_depth": 0.1},
        "large": {"blocks": [3, 3, 9, 3], "filters": [96, 192, 384, 768], "patch_size": 4, "stochastic_depth": 0.1},
        "convnext_tiny": {
            "blocks": [3, 3, 9, 3],
            "filters": [96, 192, 384, 768],
            "patch_size": 4,
            "stochastic_depth": 0.1,
            "layer_scale": 1e-6,
            "dropout": 0.0,
        },
        "convnext_small": {
            "blocks": [3, 3, 27, 3],
            "filters": [96, 192, 384, 768],
            "patch_size": 4,
            "stochastic_depth": 0.4,
            "layer_scale": 1e-6,
            "dropout": 0.0,
        },
        "convnext_base": {
            "blocks": [3, 3, 27, 3],
            "filters": [128, 256, 512, 1024],
            "patch_size": 4,
            "stochastic_depth": 0.5,
            "layer_scale": 1e-6,
            "dropout": 0.0,
        },
    }
    activation: Activation = setting("gelu", title=N_("Activation"), advanced=True)
    initializer: Initializer = setting("truncated_normal", title=N_("Initializer"), advanced=True)
    blocks: tuple[int, ...] = setting(
        (2, 2, 2), title=N_("Blocks"), help=N_("Blocks of each stage."), min_length=1, max_length=6
    )
    filters: tuple[int, ...] = setting(
        (24, 48, 96),
        title=N_("Filters"),
        help=N_("Channels of each stage. Every stage after the first halves the image."),
        min_length=1,
        max_length=6,
    )
    patch_size: int = setting(
        2, title=N_("Patch"), unit="px", ge=1, le=16, help=N_("The stem turns squares of this size into one point.")
    )
    kernel_size: Literal[3, 5, 7, 9] = setting(7, title=N_("Kernel"), unit="px", advanced=True)
    layer_scale: float = setting(
        1e-2,
        title=N_("Layer scale"),
        ge=0.0,
        le=1.0,
        scale="log",
        advanced=True,
        help=N_("What each block is first multiplied by. Published: 1e-6; larger learns sooner. 0: none."),
    )
    stochastic_depth: float = fields.stochastic_depth()

    @model_validator(mode="after")
    def _stages_match(self) -> "ConvNeXtSpec":
        if len(self.blocks) != len(self.filters):
            raise refusal(
                N_(
                    "Blocks and filters must name the same number of stages, got {blocks} and {filters}. "
                    "Add or remove a stage in one of them."
                ),
                blocks=len(self.blocks),
                filters=len(self.filters),
            )
        return self
