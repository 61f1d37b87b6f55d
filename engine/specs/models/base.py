"""What every model family declares: its fields, the tasks it can do and its presets from tiny to large."""

from typing import Any, ClassVar, Literal

from engine.specs.base import Choice, refusal, setting
from engine.specs.task import Modality
from engine.text import N_

Activation = Literal["relu", "gelu", "silu", "elu", "tanh", "leaky_relu", "selu"]
Initializer = Literal["glorot_uniform", "he_normal", "lecun_normal", "truncated_normal"]
Normalization = Literal["batch", "layer", "group", "none"]


class ModelSpec(Choice):
    """A model family with its settings. Add one: a subclass in this folder, a builder of the same name in
    `engine.models`; no page changes."""

    modalities: ClassVar[tuple[Modality, ...]] = ()
    presets: ClassVar[
        dict[str, dict[str, Any]]
    ] = {}  # "tiny", "small", "base", "large" or a published name -> field values
    from_scratch: ClassVar[bool] = True  # False: it needs a source and is chosen on the page Fine-tune

    activation: Activation = setting("relu", title=N_("Activation"), advanced=True)
    initializer: Initializer = setting("he_normal", title=N_("Initializer"), advanced=True)
    dropout: float = setting(
        0.1, live=True, title=N_("Dropout"), ge=0.0, le=0.9, step=0.05, help=N_("Share of units left out at random.")
    )
    l1: float = setting(0.0, live=True, title=N_("L1 penalty"), ge=0.0, le=1.0, scale="log", advanced=True)
    l2: float = setting(0.0, live=True, title=N_("L2 penalty"), ge=0.0, le=1.0, scale="log", advanced=True)

    @classmethod
    def preset(cls, name: str) -> "ModelSpec":
        """The family at a named size.

        Raises:
            KeyError: where the family has no preset of this name.
        """
        return cls.model_validate({"kind": cls.model_fields["kind"].default, **cls.presets[name]})


def families(modality: Modality) -> dict[str, type[ModelSpec]]:
    """The families for a modality that begin from random weights, by kind, in the order of their registration."""
    return {
        kind: cls
        for kind, cls in ModelSpec.alternatives.items()
        if issubclass(cls, ModelSpec) and cls.from_scratch and modality in cls.modalities
    }


def whole_heads(spec: Any) -> Any:
    """A validator for attention families: every head takes the same share of the width."""
    if spec.width % spec.heads:
        fits = [heads for heads in range(1, spec.width + 1) if spec.width % heads == 0]
        nearest = min(fits, key=lambda heads: abs(heads - spec.heads))
        raise refusal(
            N_(
                "The width must be a multiple of the heads, got {width} and {heads}. "
                "Take {nearest} heads or a width of {fitting}."
            ),
            width=spec.width,
            heads=spec.heads,
            nearest=nearest,
            fitting=spec.heads * max(1, round(spec.width / spec.heads)),
        )
    return spec
