"""Wide & Deep, for tables."""

from typing import Literal

from engine.specs.base import setting
from engine.specs.models import fields
from engine.specs.models.base import ModelSpec, Normalization
from engine.specs.task import Modality
from engine.text import N_


class WideDeepSpec(ModelSpec):
    """A linear model of values and of pairs of categories beside an MLP (Cheng et al. 2016, arXiv 1606.07792)."""

    kind: Literal["wide_deep"] = "wide_deep"
    label = N_("Wide & Deep")
    summary = N_("A linear part remembers single values and pairs, a deep part generalises.")
    modalities = (Modality.TABLE,)
    presets = {
        "tiny": {"units": [32], "cross_features": 1_000},
        "small": {"units": [128, 64], "cross_features": 5_000},
        "base": {"units": [256, 128, 64], "cross_features": 20_000},
        "large": {"units": [1024, 512, 256], "cross_features": 100_000},
    }
    dropout: float = fields.dropout(0.2)
    normalization: Normalization = setting("none", title=N_("Normalization"))
    units: tuple[int, ...] = setting(
        (128, 64),
        title=N_("Units"),
        help=N_("The width of each hidden layer of the deep part, from input to output."),
        min_length=1,
        max_length=32,
    )
    cross_features: int = setting(
        5_000,
        title=N_("Pairs"),
        ge=0,
        le=1_000_000,
        scale="log",
        help=N_("Weights for pairs of categories (married and self-employed), shared by hashing. 0: none."),
    )
