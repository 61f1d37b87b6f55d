"""Convolutions over words, for texts."""

from typing import Literal

from engine.specs.base import setting
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
    dropout: float = setting(
        0.5,  # Kim's
        live=True,
        title=N_("Dropout"),
        ge=0.0,
        le=0.9,
        step=0.05,
        help=N_("Share of units left out at random."),
    )
    width: int = setting(128, title=N_("Embedding"), ge=2, le=4096, help=N_("Length of the vector of each token."))
    filters: int = setting(100, title=N_("Filters"), ge=1, le=4096, help=N_("Of each length."))
    kernel_sizes: tuple[int, ...] = setting(
        (3, 4, 5), title=N_("Lengths"), help=N_("How many tokens a filter sees."), min_length=1, max_length=8
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
