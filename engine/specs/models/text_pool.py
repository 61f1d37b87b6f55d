"""Embedding and pooling, for texts."""

from typing import Literal

from engine.specs.base import setting
from engine.specs.models import fields
from engine.specs.models.base import ModelSpec
from engine.specs.task import Modality
from engine.text import N_


class TextPoolSpec(ModelSpec):
    """Mean of word vectors beside a linear model of n-grams (fastText, Joulin et al. 2017)."""

    kind: Literal["text_pool"] = "text_pool"
    label = N_("Embedding + pooling")
    summary = N_("Averages word vectors, beside a linear model of n-grams; quick, and hard to beat on small data.")
    modalities = (Modality.TEXT,)
    presets = {
        "tiny": {"width": 16, "units": []},
        "small": {"width": 64, "units": []},
        "base": {"width": 128, "units": [128]},
        "large": {"width": 300, "units": [512, 256]},
    }
    dropout: float = fields.dropout(0.3)
    width: int = fields.embedding_width(64)
    pooling: Literal["average", "max", "both"] = setting(
        "average", title=N_("Summary"), help=N_("How the tokens become one vector.")
    )
    units: tuple[int, ...] = setting(
        (), title=N_("Units"), help=N_("Dense layers after the pooling, from input to output."), max_length=16
    )
    token_dropout: float = fields.token_dropout(0.2)
    wide: bool = fields.wide_part()
