"""A transformer encoder that is trained from scratch, for texts."""

from typing import Literal

from engine.specs.base import setting
from engine.specs.models import fields
from engine.specs.models.base import Initializer
from engine.specs.task import Modality
from engine.text import N_


class TransformerSpec(fields.AttentionSpec):
    """Transformer encoder (Vaswani et al. 2017)."""

    kind: Literal["transformer"] = "transformer"
    label = N_("Transformer")
    summary = N_("Every word looks at every other; small enough to be trained from scratch.")
    modalities = (Modality.TEXT,)
    presets = {
        "tiny": {"width": 32, "blocks": 1, "heads": 2, "inner_width": 64},
        "small": {"width": 64, "blocks": 2, "heads": 4, "inner_width": 128},
        "base": {"width": 128, "blocks": 4, "heads": 4, "inner_width": 512},
        "large": {"width": 256, "blocks": 6, "heads": 8, "inner_width": 1024},
    }
    initializer: Initializer = setting("glorot_uniform", title=N_("Initializer"), advanced=True)
    order: Literal["pre_norm", "post_norm"] = setting(
        "pre_norm",
        title=N_("Normalization"),
        help=N_("Before each part (steadier), or after it as first published (needs warm-up)."),
        advanced=True,
    )
    positions: Literal["learned", "sinusoidal", "none"] = setting(
        "learned", title=N_("Positions"), help=N_("How a token knows its place. None: the order of words is ignored.")
    )
    pooling: Literal["average", "max", "first"] = setting(
        "average", title=N_("Summary"), help=N_("How the tokens become one vector.")
    )
    stochastic_depth: float = fields.stochastic_depth(advanced=True)
