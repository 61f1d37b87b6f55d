"""The vision transformer, for images."""

from typing import Literal

from engine.specs.base import setting
from engine.specs.models import fields
from engine.specs.models.base import Initializer
from engine.specs.task import Modality
from engine.text import N_


class VitSpec(fields.AttentionSpec):
    """Vision transformer (Dosovitskiy et al. 2021)."""

    kind: Literal["vit"] = "vit"
    label = N_("Vision transformer")
    summary = N_("Cuts the image into patches and lets them look at each other; needs much data or pretraining.")
    modalities = (Modality.IMAGE,)
    presets = {
        "tiny": {"patch_size": 4, "width": 64, "blocks": 4, "heads": 4, "inner_width": 128},
        "small": {"patch_size": 4, "width": 128, "blocks": 6, "heads": 4, "inner_width": 256},
        "base": {"patch_size": 4, "width": 192, "blocks": 9, "heads": 6, "inner_width": 384, "stochastic_depth": 0.1},
        "large": {
            "patch_size": 8,
            "width": 384,
            "blocks": 12,
            "heads": 6,
            "inner_width": 1536,
            "stochastic_depth": 0.1,
        },
        "vit_s16": {"patch_size": 16, "width": 384, "blocks": 12, "heads": 6, "inner_width": 1536, "pooling": "token"},
        "vit_b16": {"patch_size": 16, "width": 768, "blocks": 12, "heads": 12, "inner_width": 3072, "pooling": "token"},
        "vit_l16": {
            "patch_size": 16,
            "width": 1024,
            "blocks": 24,
            "heads": 16,
            "inner_width": 4096,
            "pooling": "token",
        },
    }
    initializer: Initializer = setting("truncated_normal", title=N_("Initializer"), advanced=True)
    patch_size: int = setting(
        4,
        title=N_("Patch"),
        unit="px",
        ge=1,
        le=64,
        help=N_("The image is cut into squares of this size. Half the size is four times as many and slower."),
    )
    width: int = setting(
        64,
        title=N_("Width"),
        ge=8,
        le=4096,
        step=8,
        help=N_("Length of the vector of each patch; a multiple of heads."),
    )
    blocks: int = setting(4, title=N_("Blocks"), ge=1, le=48)
    pooling: Literal["average", "token"] = setting(
        "average",
        title=N_("Summary"),
        help=N_("Average: the mean of all patches. Token: a learned token beside them, as published."),
    )
    stochastic_depth: float = fields.stochastic_depth()
