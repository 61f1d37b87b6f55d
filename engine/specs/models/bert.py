"""BERT, for texts."""

from typing import Literal

from pydantic import model_validator

from engine.specs.base import setting
from engine.specs.models.base import Activation, Initializer, ModelSpec, whole_heads
from engine.specs.task import Modality
from engine.text import N_


def _size(width: int, blocks: int, heads: int) -> dict[str, int]:
    return {"width": width, "blocks": blocks, "heads": heads, "inner_width": 4 * width}


class BertSpec(ModelSpec):
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
    activation: Activation = setting("gelu", title=N_("Activation"), advanced=True)
    initializer: Initializer = setting("truncated_normal", title=N_("Initializer"), advanced=True)
    width: int = setting(
        128,
        title=N_("Width"),
        ge=8,
        le=4096,
        step=8,
        help=N_("Length of the vector of each token; a multiple of heads."),
    )
    blocks: int = setting(2, title=N_("Blocks"), ge=1, le=48)
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

    _heads_fit = model_validator(mode="after")(whole_heads)
