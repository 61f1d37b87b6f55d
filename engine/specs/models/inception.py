"""Inception networks, for images."""

from typing import Literal

from engine.specs.base import setting
from engine.specs.models.base import ModelSpec
from engine.specs.task import Modality
from engine.text import N_


class InceptionSpec(ModelSpec):
    """Inception v3 (Szegedy et al. 2016), and a small one for small images (after Zhang et al. 2017)."""

    kind: Literal["inception"] = "inception"
    label = N_("Inception")
    summary = N_("Several convolutions of different sizes side by side, joined after each step.")
    modalities = (Modality.IMAGE,)
    presets = {
        "tiny": {"variant": "small", "width": 0.25},
        "small": {"variant": "small", "width": 0.5},
        "base": {"variant": "small", "width": 1.0},
        "large": {"variant": "v3", "width": 1.0},
        "inception_v3": {"variant": "v3", "width": 1.0, "dropout": 0.0},
    }
    variant: Literal["small", "v3"] = setting(
        "small", title=N_("Variant"), help=N_("Small: for images below 75 px. v3: the published network, from 75 px.")
    )
    width: float = setting(
        1.0, title=N_("Width"), ge=0.125, le=2.0, step=0.125, help=N_("Factor on the number of channels everywhere.")
    )
