"""The multilayer perceptron: for images (flattened) and tables."""

from typing import Literal

from engine.specs.base import setting
from engine.specs.models import fields
from engine.specs.models.base import ModelSpec, Normalization
from engine.specs.task import Modality
from engine.text import N_


class MlpSpec(ModelSpec):
    """Dense layers one after the other (Rumelhart et al. 1986)."""

    kind: Literal["mlp"] = "mlp"
    label = N_("MLP")
    summary = N_("Dense layers one after the other; quick, and a fair first guess on tables.")
    modalities = (Modality.IMAGE, Modality.TABLE)
    presets = {
        "tiny": {"units": [32]},
        "small": {"units": [128, 64]},
        "base": {"units": [256, 256]},
        "large": {"units": [1024, 512, 256]},
    }
    units: tuple[int, ...] = fields.hidden_units(256, 256)
    normalization: Normalization = setting("none", title=N_("Normalization"))
