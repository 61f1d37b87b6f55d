"""A transformer encoder that is trained from scratch, for texts."""

from typing import Literal

from pydantic import model_validator

from engine.specs.base import setting
from engine.specs.models.base import Activation, Initializer, ModelSpec, whole_heads
from engine.specs.task import Modality
from engine.text import N_


class TransformerSpec(ModelSpec):
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
    activation: Activation = setting("gelu", title=N_("Activation"), advanced=True)
    initializer: Initializer = setting("glorot_uniform", title=N_("Initializer"), advanced=True)
    width: int = setting(
        64,
        title=N_("Width"),
        ge=8,
        le=4096,
        step=8,
        help=N_("Length of the vector of each token; a multiple of heads."),
    )
    blocks: int = setting(2, title=N_("Blocks"), ge=1, le=48)
    heads: int = setting(4, title=N_("Attention heads"), ge=1, le=64)
    inner_width: int = setting(
        128, title=N_("Inner width"), ge=8, le=16384, step=8, help=N_("Width inside a block, usually 2 to 4 × width.")
    )
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
    stochastic_depth: float = setting(
        0.0,
        live=True,
        title=N_("Stochastic depth"),
        ge=0.0,
        le=0.8,
        step=0.05,
        advanced=True,
        help=N_("Share of the examples for which the last block is left out in training; earlier blocks less."),
    )

    _heads_fit = model_validator(mode="after")(whole_heads)
