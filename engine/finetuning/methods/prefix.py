"""Prefix tuning (Li & Liang 2021), each prefix learned as it is (P-tuning v2, Liu et al. 2022)."""

from __future__ import annotations

from typing import Any

from engine.finetuning.attention import tuned_attention
from engine.finetuning.methods import method, rest
from engine.finetuning.rewrite import rewrite
from engine.finetuning.targets import attentions, no_attention
from engine.specs.finetuning import PrefixTuning


@method(PrefixTuning)
def prefix_tuning(spec: PrefixTuning, body: Any) -> Any:
    """Put learned keys and values before those of every attention layer.

    Parameters: 2 · length · width a layer.

    Raises:
        EngineError: BAD_INPUT for a body without attention.
    """
    wanted = {id(layer) for layer in attentions(body)}
    if not wanted:
        raise no_attention(body, spec.label)
    rest(body)

    def replace(layer: Any) -> Any:
        return tuned_attention(layer, prefix=spec.length) if id(layer) in wanted else None

    return rewrite(body, replace)
