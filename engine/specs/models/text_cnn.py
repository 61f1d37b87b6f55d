"""Convolutions over words, for texts."""

from typing import Literal

from engine.specs.base import setting
from engine.specs.models import fields
from engine.specs.models.base import ModelSpec
from engine.specs.task import Modality
from engine.text import N_


class TextCnnSpec(ModelSpec):
    """Convolutions of several widths with max pooling over time (Kim 2014), beside a linear model of n-grams."""

    kind: Literal["text_cnn"] = "text_cnn"
    label = N_("Text CNN")
    summary = N_("Finds telling phrases of several lengths wherever they stand.")
    modalities = (Modality.TEXT,)
    presets = {
        "tiny": {"width": 32, "filters": 16, "kernel_sizes": [3]},
        "small": {"width": 64, "filters": 32, "kernel_sizes": [2, 3, 4]},
        "base": {"width": 128, "filters": 100, "kernel_sizes": [3, 4, 5]},
        "large": {"width": 300, "filters": 256, "kernel_sizes": [2, 3, 4, 5]},
    }
    dropout: float = fields.dropout(0.5)  # Kim's
    width: int = fields.embedding_width(128)
    filters: int = setting(100, title=N_("Filters"), ge=1, le=4096, help=N_("Of each length."))
    kernel_sizes: tuple[int, ...] = setting(
        (3, 4, 5), title=N_("Lengths"), help=N_("How many tokens a filter sees."), min_length=1, max_length=8
    )
    token_dropout: float = fields.token_dropout(0.2)
    wide: bool = fields.wide_part()
