"""FT-Transformer, for tables."""

from typing import Literal

from engine.specs.base import setting
from engine.specs.models.base import Initializer
from engine.specs.models.fields import AttentionSpec
from engine.specs.task import Modality
from engine.text import N_


class FtTransformerSpec(AttentionSpec):
    """Feature tokeniser and Transformer (Gorishniy et al. 2021, arXiv 2106.11959)."""

    kind: Literal["ft_transformer"] = "ft_transformer"
    label = N_("FT-Transformer")
    summary = N_("Every column is a token that looks at every other; strong on larger tables, slower.")
    modalities = (Modality.TABLE,)
    presets = {
        "tiny": {"width": 16, "blocks": 1, "heads": 2, "inner_width": 32},
        "small": {"width": 32, "blocks": 2, "heads": 4, "inner_width": 64},
        "base": {"width": 96, "blocks": 3, "heads": 8, "inner_width": 128},
        "large": {"width": 192, "blocks": 4, "heads": 8, "inner_width": 256},
    }
    initializer: Initializer = setting("glorot_uniform", title=N_("Initializer"), advanced=True)
    width: int = setting(
        64,
        title=N_("Width"),
        ge=4,
        le=4096,
        step=4,
        help=N_("Length of a column's vector; a multiple of heads."),
    )
    blocks: int = setting(2, title=N_("Blocks"), ge=1, le=32)
    heads: int = setting(8, title=N_("Attention heads"), ge=1, le=64)
    inner_width: int = setting(
        128, title=N_("Inner width"), ge=4, le=16384, step=4, help=N_("Width inside a block, usually 1 to 3 × width.")
    )
