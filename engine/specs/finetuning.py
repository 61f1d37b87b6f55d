"""How much of a pretrained body may move, and in which way. Add a method: one class here, one builder of the same name
in `engine/finetuning/methods`."""

from typing import ClassVar, Literal

from engine.specs.base import Choice, setting
from engine.text import N_

# run:<id> · folder:<path> · package:<name> · preset:<name of a KerasHub preset>
SOURCE_PATTERN = r"^((run|folder|package|preset):\S.{0,500})?$"
Targets = Literal["query_value", "attention", "dense", "all"]


class MethodSpec(Choice):
    """What of the body learns."""

    adds_weights: ClassVar[bool] = False  # the body stays as it is; what was learned is saved by itself
    merges: ClassVar[bool] = False  # what was added can be folded into the body's own weights afterwards
    learns_little: ClassVar[bool] = False  # what learned is saved by itself: a few MB beside their source
    body_rests: ClassVar[bool] = False  # nothing of the body changes: its features are worked out once


class HeadOnly(MethodSpec):
    """A new head on a body that stays as it is; the body's features are worked out once and kept."""

    kind: Literal["head"] = "head"
    label = N_("Head only")
    summary = N_("Quickest: the body stays as it is, its features are worked out once. A good first look.")
    body_rests = True
    learns_little = True


class LastBlocks(MethodSpec):
    """The last blocks learn, the others stay (Yosinski et al. 2014)."""

    kind: Literal["last_blocks"] = "last_blocks"
    label = N_("Last blocks")
    summary = N_("The head and the last blocks learn; what comes before stays as it is.")
    blocks: int = setting(2, title=N_("Blocks that learn"), ge=1, le=1000, help=N_("Counted from the output."))


class Gradual(MethodSpec):
    """Gradual unfreezing (Howard & Ruder 2018): the head first, then one block more after another."""

    kind: Literal["gradual"] = "gradual"
    label = N_("Gradual unfreezing")
    summary = N_("Begins with the head and thaws one block after another, so that what was learned is not lost.")
    thaw_fraction: float = setting(
        0.5,
        title=N_("All thawed after"),
        gt=0.0,
        le=1.0,
        step=0.05,
        help=N_("Share of the run after which the whole body learns."),
    )
    layer_decay: float = setting(
        0.9,
        title=N_("Rate of the block before"),
        gt=0.0,
        le=1.0,
        step=0.05,
        help=N_("Each block learns so much slower."),
    )


class Full(MethodSpec):
    """Everything learns, lower blocks more slowly (layer-wise learning-rate decay, Howard & Ruder 2018)."""

    kind: Literal["full"] = "full"
    label = N_("Whole model")
    summary = N_("Everything learns; lower blocks more slowly. Best with much data, dearest in memory.")
    layer_decay: float = setting(
        0.9,
        title=N_("Rate of the block before"),
        gt=0.0,
        le=1.0,
        step=0.05,
        help=N_("Each block learns at this share of the rate of the one above it. 1: all the same."),
    )


class BitFit(MethodSpec):
    """Only biases and the head learn (Ben Zaken et al. 2022)."""

    kind: Literal["bitfit"] = "bitfit"
    label = N_("Biases only (BitFit)")
    summary = N_("About a thousandth of the weights learn; surprisingly close to the whole model on small data.")
    learns_little = True


def _rank(default: int) -> int:
    return setting(default, title=N_("Rank"), ge=1, le=512, scale="log", help=N_("Width of the added matrices."))


def _alpha(default: float) -> float:
    return setting(
        default, title=N_("Alpha"), gt=0.0, le=4096.0, scale="log", help=N_("The addition is scaled by alpha / rank.")
    )


def _targets(default: Targets) -> Targets:
    return setting(
        default,
        title=N_("Where"),
        help=N_("Queries and values of attention, all of attention, the dense layers between, or everything."),
    )


class Lora(MethodSpec):
    """LoRA (Hu et al. 2022), rank-stabilised (Kalajdzievski 2023), weight-decomposed (DoRA, Liu et al. 2024)."""

    kind: Literal["lora"] = "lora"
    label = N_("LoRA")
    summary = N_("Adds a narrow pair of matrices beside the chosen ones. The usual choice.")
    adds_weights = True
    learns_little = True
    merges = True
    rank: int = _rank(8)
    alpha: float = _alpha(16.0)
    adapter_dropout: float = setting(0.0, title=N_("Dropout before the addition"), ge=0.0, le=0.9, step=0.05, live=True)
    targets: Targets = _targets("query_value")
    rank_stabilised: bool = setting(
        False, title=N_("Rank-stabilised"), advanced=True, help=N_("Scales by alpha / √rank, which suits high ranks.")
    )
    weight_decomposed: bool = setting(
        False,
        title=N_("Size apart from direction (DoRA)"),
        advanced=True,
        help=N_("Learns the length of each column by itself; often a little better, and slower."),
    )


class AdaLora(MethodSpec):
    """AdaLoRA (Zhang et al. 2023): a budget of ranks, given to the matrices that matter most."""

    kind: Literal["adalora"] = "adalora"
    label = N_("AdaLoRA")
    summary = N_("Begins with more rank than it may keep and gives it to the matrices that matter most.")
    adds_weights = True
    learns_little = True
    merges = True
    initial_rank: int = setting(12, title=N_("Rank at first"), ge=1, le=512, scale="log")
    rank: int = setting(8, title=N_("Rank on average at the end"), ge=1, le=512, scale="log")
    alpha: float = _alpha(32.0)
    targets: Targets = _targets("all")
    warmup_fraction: float = setting(
        0.1, title=N_("Full rank until"), ge=0.0, le=0.9, step=0.05, advanced=True, help=N_("Share of the run.")
    )
    final_fraction: float = setting(
        0.3,
        title=N_("Ranks fixed for the last"),
        ge=0.0,
        le=0.9,
        step=0.05,
        advanced=True,
        help=N_("Share of the run."),
    )
    interval_steps: int = setting(10, title=N_("Ranks change every"), unit="steps", ge=1, le=10_000, advanced=True)
    beta_1: float = setting(0.85, title=N_("Smoothing of importance"), ge=0.0, lt=1.0, advanced=True)
    beta_2: float = setting(0.85, title=N_("Smoothing of its uncertainty"), ge=0.0, lt=1.0, advanced=True)
    orthogonality: float = setting(0.1, title=N_("Orthogonality"), ge=0.0, le=10.0, advanced=True, live=True)


class Adapters(MethodSpec):
    """Bottleneck adapters (Houlsby et al. 2019; one a block: Pfeiffer et al. 2021)."""

    kind: Literal["adapters"] = "adapters"
    label = N_("Adapters")
    summary = N_("Small bottlenecks after attention and dense layers; the body stays as it is.")
    adds_weights = True
    learns_little = True
    placement: Literal["houlsby", "pfeiffer"] = setting(
        "pfeiffer", title=N_("Placement"), help=N_("Houlsby: two in each block. Pfeiffer: one, after the dense layers.")
    )
    width: int = setting(32, title=N_("Bottleneck"), ge=1, le=1024, scale="log")


class PromptTuning(MethodSpec):
    """Learned vectors before the text (Lester et al. 2021)."""

    kind: Literal["prompt"] = "prompt"
    label = N_("Prompt tuning")
    summary = N_("Learned vectors are put before the text; the fewest weights of all.")
    adds_weights = True
    learns_little = True
    length: int = setting(16, title=N_("Vectors"), ge=1, le=256, scale="log")


class PrefixTuning(MethodSpec):
    """Learned keys and values in each attention (Li & Liang 2021; P-tuning v2, Liu et al. 2022)."""

    kind: Literal["prefix"] = "prefix"
    label = N_("Prefix tuning")
    summary = N_("Learned keys and values in every attention layer.")
    adds_weights = True
    learns_little = True
    length: int = setting(16, title=N_("Places"), ge=1, le=256, scale="log")


class Ia3(MethodSpec):
    """IA³ (Liu et al. 2022): keys, values and inner activations are scaled by learned vectors."""

    kind: Literal["ia3"] = "ia3"
    label = N_("IA³")
    summary = N_("Scales keys, values and inner activations by learned vectors; a ten-thousandth of the weights.")
    adds_weights = True
    learns_little = True
    merges = True
