"""Many small networks in one, for tables."""

from typing import Literal

from engine.specs.base import setting
from engine.specs.models import fields
from engine.specs.models.base import ModelSpec
from engine.specs.task import Modality
from engine.text import N_


class TableEnsembleSpec(ModelSpec):
    """MLP ensemble with shared weights (TabM, Gorishniy et al. 2024, arXiv 2410.24210)."""

    kind: Literal["table_ensemble"] = "table_ensemble"
    label = N_("MLP ensemble")
    summary = N_("Many MLPs that share their layers and are averaged: steady on small tables, strong on large ones.")
    modalities = (Modality.TABLE,)
    presets = {
        "tiny": {"members": 4, "units": [32]},
        "small": {"members": 8, "units": [64, 64]},
        "base": {"members": 16, "units": [128, 128]},
        "large": {"members": 32, "units": [512, 512, 512]},
    }
    members: int = setting(
        16, title=N_("Members"), ge=1, le=256, help=N_("How many networks are averaged. Time grows with them.")
    )
    units: tuple[int, ...] = fields.hidden_units(128, 128)
