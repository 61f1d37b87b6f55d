"""The last blocks learn (Yosinski et al. 2014)."""

from __future__ import annotations

from typing import Any

from engine.errors import EngineError, ErrorKind
from engine.finetuning.blocks import blocks_of
from engine.finetuning.methods import method, rest
from engine.specs.finetuning import LastBlocks
from engine.text import N_


@method(LastBlocks)
def last_blocks(spec: LastBlocks, body: Any) -> Any:
    """The blocks before the last `spec.blocks` rest.

    Raises:
        EngineError: BAD_INPUT where the body has not so many.
    """
    blocks = blocks_of(body)
    if spec.blocks > len(blocks):
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("The last {blocks} blocks shall learn, but this body has {have}: {names}."),
            hint=N_("Take {have} at most, or let the whole model learn."),
            blocks=spec.blocks,
            have=len(blocks),
            names=", ".join(block.name for block in blocks),
        )
    learning = {id(layer) for block in blocks[-spec.blocks :] for layer in block.layers}
    rest(body)
    for layer in body.layers:
        layer.trainable = id(layer) in learning
    return body
