"""Bottleneck adapters (Houlsby et al. 2019; one a block: Pfeiffer et al. 2021)."""

from __future__ import annotations

from typing import Any

from keras import layers

from engine.errors import EngineError, ErrorKind
from engine.finetuning.blocks import block_of, blocks_of
from engine.finetuning.insertions import Bottleneck
from engine.finetuning.methods import method, rest
from engine.finetuning.rewrite import rewrite
from engine.finetuning.targets import counts
from engine.specs.finetuning import Adapters
from engine.text import N_


@method(Adapters)
def adapters(spec: Adapters, body: Any) -> Any:
    """Put a bottleneck at the end of residual branches, before their sum: of all (Houlsby), or of the last one of each
    block (Pfeiffer).

    Raises:
        EngineError: BAD_INPUT for a body without residual blocks.
    """
    sums = [layer for layer in body.layers if type(layer) is layers.Add and layer.name.endswith("add")]
    if spec.placement == "pfeiffer":
        number = block_of(blocks_of(body))
        sums = list({number.get(layer.name, -1): layer for layer in sums}.values())
    if not sums:
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_(
                "Adapters stand in residual blocks, and this body has none: it has {attention} attention, {dense} "
                "dense and {convolution} convolution layers."
            ),
            hint=N_("Choose LoRA with “all” as the place, or another method."),
            **counts(body),
        )
    rest(body)
    wanted = {id(layer) for layer in sums}

    def call(old: Any, new: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        if id(old) in wanted:
            shortcut, branch = arguments[0]
            branch = Bottleneck(spec.width, name=f"{old.name.removesuffix('add')}adapter")(branch)
            arguments = ([shortcut, branch], *arguments[1:])
        return new(*arguments, **named)

    return rewrite(body, call=call)
