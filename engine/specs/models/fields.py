"""Fields that several families have: the same name, bounds and help wherever they stand."""

from typing import Any

from pydantic import model_validator

from engine.specs.base import setting
from engine.specs.models.base import Activation, ModelSpec, whole_heads
from engine.text import N_


def dropout(default: float) -> Any:
    """Dropout (Srivastava et al. 2014) at a family's own default."""
    return setting(
        default,
        live=True,
        title=N_("Dropout"),
        ge=0.0,
        le=0.9,
        step=0.05,
        help=N_("Share of units left out at random."),
    )


def stochastic_depth(*, advanced: bool = False) -> Any:
    """Stochastic depth (Huang et al. 2016)."""
    return setting(
        0.0,
        live=True,
        title=N_("Stochastic depth"),
        ge=0.0,
        le=0.8,
        step=0.05,
        advanced=advanced,
        help=N_("Share of the examples for which the last block is left out in training; earlier blocks less."),
    )


def hidden_units(*default: int) -> Any:
    """The widths of dense layers."""
    return setting(
        default,
        title=N_("Units"),
        help=N_("The width of each hidden layer, from input to output."),
        min_length=1,
        max_length=32,
    )


def embedding_width(default: int) -> Any:
    """The length of token vectors."""
    return setting(default, title=N_("Embedding"), ge=2, le=4096, help=N_("Length of the vector of each token."))


def token_dropout(default: float) -> Any:
    """Word dropout (Iyyer et al. 2015)."""
    return setting(
        default,
        live=True,
        title=N_("Token dropout"),
        ge=0.0,
        le=0.9,
        step=0.05,
        help=N_("Share of the tokens of each text left out at random, so that no single word decides."),
    )


def wide_part() -> Any:
    """A linear model of n-grams beside the deep part (Cheng et al. 2016)."""
    return setting(
        True, title=N_("Linear n-gram part"), help=N_("A weight for each n-gram and class beside the deep part.")
    )


def attention_width(default: int) -> Any:
    """The length of the vectors that attention blocks pass on."""
    return setting(
        default,
        title=N_("Width"),
        ge=8,
        le=4096,
        step=8,
        help=N_("Length of the vector of each token; a multiple of heads."),
    )


class AttentionSpec(ModelSpec):
    """What every family of attention blocks has; its width is shared by whole heads."""

    activation: Activation = setting("gelu", title=N_("Activation"), advanced=True)
    width: int = attention_width(64)
    blocks: int = setting(2, title=N_("Blocks"), ge=1, le=48)
    heads: int = setting(4, title=N_("Attention heads"), ge=1, le=64)
    inner_width: int = setting(
        128, title=N_("Inner width"), ge=8, le=16384, step=8, help=N_("Width inside a block, usually 2 to 4 × width.")
    )

    _heads_fit = model_validator(mode="after")(whole_heads)
