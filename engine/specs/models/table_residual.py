"""The residual MLP, for tables."""

from typing import Literal

from engine.specs.base import setting
from engine.specs.models import fields
from engine.specs.models.base import ModelSpec, Normalization
from engine.specs.task import Modality
from engine.text import N_


class TableResidualSpec(ModelSpec):
    """ResNet for tables (Gorishniy et al. 2021, arXiv 2106.11959)."""

    kind: Literal["table_residual"] = "table_residual"
    label = N_("Residual MLP")
    summary = N_("Dense layers with shortcuts, so that more of them still train.")
    modalities = (Modality.TABLE,)
    presets = {
        "tiny": {"width": 32, "blocks": 1},
        "small": {"width": 64, "blocks": 2},
        "base": {"width": 192, "blocks": 3},
        "large": {"width": 512, "blocks": 6},
    }
    dropout: float = fields.dropout(0.2)
    normalization: Normalization = setting("batch", title=N_("Normalization"))
    width: int = setting(128, title=N_("Width"), ge=4, le=4096)
    blocks: int = setting(2, title=N_("Blocks"), ge=1, le=32)
    inner_factor: float = setting(
        2.0, title=N_("Inner width"), unit="× width", ge=0.25, le=8.0, step=0.25, help=N_("Width inside a block.")
    )
