"""Embedding and pooling, for texts."""

from typing import Literal

from engine.specs.base import setting
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
    dropout: float = setting(
        0.3, live=True, title=N_("Dropout"), ge=0.0, le=0.9, step=0.05, help=N_("Share of units left out at random.")
    )
    width: int = setting(64, title=N_("Embedding"), ge=2, le=4096, help=N_("Length of the vector of each token."))
    pooling: Literal["average", "max", "both"] = setting(
        "average", title=N_("Summary"), help=N_("How the tokens become one vector.")
    )
    units: tuple[int, ...] = setting(
        (), title=N_("Units"), help=N_("Dense layers after the pooling, from input to output."), max_length=16
    )
    token_dropout: float = setting(
        0.2,
        live=True,
        title=N_("Token dropout"),
        ge=0.0,
        le=0.9,
        step=0.05,
        help=N_("Share of the tokens of each text left out at random, so that no single word decides."),
    )
    wide: bool = setting(
        True, title=N_("Linear n-gram part"), help=N_("A weight for each n-gram and class beside the deep part.")
    )
