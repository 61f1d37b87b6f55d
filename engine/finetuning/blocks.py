"""The blocks of a model from input to output: what thaws together, learns at one rate and drifts as one."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

# How Lathe's families, and those of Keras, call what a block is made of.
_BLOCK = re.compile(r"^(?:stage\d+_block\d+|conv\d+_block\d+|block\d+[a-z]?|mixed\d+|stage\d+|hidden\d+)(?=[_.]|$)")
_HEAD = re.compile(r"^(?:head_|wide(?:_|$))")  # behind the body, or past it
_FIRST = re.compile(r"^[^_.]+")


@dataclass
class Block:
    """Layers that belong together.

    Attributes:
        name: "block3", "stage2_block1"; "embed" or "stem" for what comes before the first.
        layers: in the order of the graph.
    """

    name: str
    layers: list[Any] = field(default_factory=list)


def blocks_of(model: Any) -> list[Block]:
    """The body's blocks that have weights, from input to output; the head of a whole model is left out.

    Block 0 is what comes first: embeddings, a stem. What comes behind the last block (a final normalisation, a pooler)
    belongs to it. Where layers do not say by their names which block they are of, each layer with weights is one.
    """
    layers = [layer for layer in model.layers if not _HEAD.match(layer.name)]
    named = any(_BLOCK.match(layer.name) for layer in layers if layer.weights)
    blocks: list[Block] = []
    for layer in layers:
        _place(layer, blocks, named)
    blocks = [block for block in blocks if any(layer.weights for layer in block.layers)]
    return _joined(blocks)


def block_of(blocks: list[Block]) -> dict[str, int]:
    """Layer name -> number of its block."""
    return {layer.name: number for number, block in enumerate(blocks) for layer in block.layers}


def _place(layer: Any, blocks: list[Block], named: bool) -> None:
    found = _BLOCK.match(layer.name) if named else None
    if found is not None:
        block = next((block for block in blocks if block.name == found.group()), None)
        if block is None:
            block = Block(found.group())
            blocks.append(block)
        block.layers.append(layer)
    elif not blocks or (not named and layer.weights):
        first = _FIRST.match(layer.name)
        blocks.append(Block(first.group() if named and first else layer.name, [layer]))
    else:
        if named and len(blocks) == 1 and not any(each.weights for each in blocks[0].layers):
            first = _FIRST.match(layer.name)  # what comes before the first layer with weights lends no name
            blocks[0].name = first.group() if first else layer.name
        blocks[-1].layers.append(layer)


def _joined(blocks: list[Block]) -> list[Block]:
    """With what leads into a stage ("stage2") as a part of the first block of that stage ("stage2_block1")."""
    joined: list[Block] = []
    for block in blocks:
        if joined and block.name.startswith(f"{joined[-1].name}_block"):
            joined[-1] = Block(block.name, joined[-1].layers + block.layers)
        else:
            joined.append(block)
    return joined
