"""A pretrained body, the method by which it learns, and a new head."""

from __future__ import annotations

import random
from typing import Any

from engine.errors import EngineError, ErrorKind
from engine.models.blocks import dropout
from engine.models.registry import Head, Tensors, builder
from engine.specs.models.pretrained import PretrainedSpec
from engine.text import N_


@builder(PretrainedSpec)
def build_pretrained(spec: PretrainedSpec, inputs: Tensors, head: Head) -> Any:
    """Encoded inputs → body with the weights of its source → method → dropout → outputs."""
    from engine.finetuning import methods
    from engine.finetuning.bodies import body_of
    from engine.finetuning.laying import lay
    from engine.finetuning.sources import usable

    if not spec.source:
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("The document names no pretrained source."),
            hint=N_("Set model.source and data.preprocessing.learned_from; see: python -m engine sources"),
        )
    body = body_of(usable(spec.source), inputs, pooling=spec.pooling, dropout=spec.dropout)
    body = methods.apply(spec.method, body, seed=random.randrange(2**31), stored=spec.quantised)  # noqa: S311 - within `seeded`
    features = lay(body, {name: inputs[name] for name in body.input})
    return head(dropout(features, spec.dropout, name="head_dropout"))
