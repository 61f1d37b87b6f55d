"""A pretrained body that is fine-tuned: where it comes from and how much of it may move."""

from typing import Literal

from engine.specs.base import one_of, setting
from engine.specs.finetuning import SOURCE_PATTERN, Full, MethodSpec
from engine.specs.models import fields
from engine.specs.models.base import ModelSpec
from engine.specs.task import Modality
from engine.text import N_


class PretrainedSpec(ModelSpec):
    """A body with weights from elsewhere under a new head."""

    kind: Literal["pretrained"] = "pretrained"
    label = N_("Pretrained")
    summary = N_("A model that has learned before, fitted to these data. Chosen on the page Fine-tune.")
    modalities = (Modality.IMAGE, Modality.TEXT, Modality.TABLE)
    from_scratch = False
    dropout: float = fields.dropout(0.1)
    source: str = setting("", title=N_("Source"), hidden=True, pattern=SOURCE_PATTERN)
    pooling: Literal["source", "average", "first"] = setting(
        "source",
        title=N_("Summary"),
        advanced=True,
        help=N_("How a text's tokens become one vector. Source: as the body was trained."),
    )
    quantised: Literal["none", "int8", "int4"] = setting(
        "none",
        title=N_("Numbers of the body"),
        advanced=True,
        help=N_("A quantised body takes a quarter or an eighth of the memory; only added weights and the head learn."),
    )
    l2_sp: float = setting(
        0.0,
        title=N_("Pull towards the source (L2-SP)"),
        ge=0.0,
        le=10.0,
        scale="log",
        advanced=True,
        live=True,
        help=N_("Penalty on the distance from the pretrained weights (Li et al. 2018)."),
    )
    method: one_of(MethodSpec) = setting(Full(), title=N_("Method"))  # type: ignore[valid-type]
