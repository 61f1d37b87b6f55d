"""BERT, for texts."""

from typing import Literal

from engine.specs.base import setting
from engine.specs.models import fields
from engine.specs.models.base import Initializer
from engine.specs.task import Modality
from engine.text import N_


def _size(width: int, blocks: int, heads: int) -> dict[str, int]:
    return {"width": width, "blocks": blocks, "heads": heads, "inner_width": 4 * width}


class BertSpec(fields.AttentionSpec):
    """BERT's encoder (Devlin et al. 2019) in its published sizes (Turc et al. 2019), from random weights."""

    kind: Literal["bert"] = "bert"
    label = N_("BERT")
    summary = N_("The published architecture, trained from scratch; large next to most data sets.")
    modalities = (Modality.TEXT,)
    presets = {
        "tiny": _size(128, 2, 2),
        "mini": _size(256, 4, 4),
        "small": _size(512, 4, 8),
        "medium": _size(512, 8, 8),
        "base": _size(768, 12, 12),
        "large": _size(1024, 24, 16),
        "bert_base": _size(768, 12, 12),
    }
    initializer: Initializer = setting("truncated_normal", title=N_("Initializer"), advanced=True)
    width: int = fields.attention_width(128)
    heads: int = setting(2, title=N_("Attention heads"), ge=1, le=64)
    inner_width: int = setting(512, title=N_("Inner width"), ge=8, le=16384, step=8)
    longest: int = setting(
        512,
        title=N_("Longest text"),
        unit="tokens",
        ge=4,
        le=8192,
        advanced=True,
        help=N_("Rows of the table of positions. It grows by itself where texts are longer."),
    )
    pooling: Literal["first", "average"] = setting(
        "first",
        title=N_("Summary"),
        help=N_("First: the first token through a dense layer, as published. Average: the mean of all tokens."),
    )
