"""Prompt tuning (Lester et al. 2021), for pictures visual prompt tuning (Jia et al. 2022)."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
from keras import layers, ops

from engine.finetuning.insertions import Prompt, PromptMask, WithoutPrompt
from engine.finetuning.methods import method, rest
from engine.finetuning.rewrite import rewrite, weightless_now
from engine.finetuning.targets import attentions, no_attention
from engine.specs.finetuning import PromptTuning


@method(PromptTuning)
def prompt_tuning(spec: PromptTuning, body: Any) -> Any:
    """Put learned vectors before the tokens that go into the first block, and drop their places behind the last.

    They begin as vectors of random tokens where there is a table of tokens, which learns better than noise (section
    3.2). Parameters: length · width.

    Raises:
        EngineError: BAD_INPUT for a body without attention.
    """
    attention = attentions(body)
    if not attention:
        raise no_attention(body, spec.label)
    rest(body)
    first = _first_tensor(body, attention[0])
    prompt = Prompt(spec.length, name="prompt")
    places = _Places(body, first, prompt, spec.length)
    tuned = rewrite(body, call=places.call)
    if not weightless_now():
        _begin(prompt, first, spec.length)
    return tuned


class _Places:
    """Follows the tensors that have the learned places in them from the first block to the summary."""

    def __init__(self, body: Any, first: Any, prompt: Prompt, length: int) -> None:
        self._first, self._prompt, self._length = first, prompt, length
        self._with: set[int] = set()  # new tensors with learned places
        self._begun: Any = None
        self._masks: dict[int, Any] = {}
        self._source = first._keras_history.operation
        self._alive: list[Any] = []  # an id is one tensor's as long as it lives
        self._ends = 0

    def call(self, old: Any, new: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        if self._begun is not None and not self._keeps_places(old):
            arguments = tuple(self._without(value) for value in arguments)
        elif "attention_mask" in named and named["attention_mask"] is not None:
            named = {**named, "attention_mask": self._mask(named["attention_mask"])}
        outputs = new(*arguments, **named)
        if old is self._source:
            outputs = self._begun = self._prompt(outputs)
        if old is self._source or any(id(value) in self._with for value in _flat(arguments)):
            self._with.add(id(outputs))
            self._alive.append(outputs)
        return outputs

    @staticmethod
    def _keeps_places(layer: Any) -> bool:
        """False for what makes one vector of all tokens."""
        return type(layer).__name__ not in ("MaskedPooling", "FirstToken", "GlobalAveragePooling1D", "Flatten")

    def _without(self, value: Any) -> Any:
        if id(value) not in self._with:
            return value
        self._ends += 1
        suffix = "" if self._ends == 1 else f"_{self._ends}"
        return WithoutPrompt(self._length, name=f"without_prompt{suffix}")(value)

    def _mask(self, mask: Any) -> Any:
        if id(mask) not in self._masks:
            longer = PromptMask(self._length, name="prompt_mask")(mask)
            self._masks[id(mask)] = longer
            self._masks[id(longer)] = longer
        return self._masks[id(mask)]


def _flat(values: Any) -> list[Any]:
    return [each for value in values for each in (value if isinstance(value, list | tuple) else [value])]


def _first_tensor(body: Any, attention: Any) -> Any:
    """What goes into the first block: what attention is given, before the block's own normalisation."""
    tensor = attention._inbound_nodes[0].input_tensors[0]
    block = attention.name.rpartition("_")[0]
    while block and tensor._keras_history.operation.name.startswith(f"{block}_"):
        tensor = tensor._keras_history.operation._inbound_nodes[0].input_tensors[0]
    return tensor


def _begin(prompt: Prompt, first: Any, length: int) -> None:
    """Vectors of random tokens, as they come out in front of the first block."""
    path, layer = [], first._keras_history.operation
    while not isinstance(layer, layers.Embedding | layers.InputLayer):
        path.append(layer)
        inputs = layer._inbound_nodes[0].input_tensors
        if len(inputs) != 1:
            return
        layer = inputs[0]._keras_history.operation
    if not isinstance(layer, layers.Embedding):
        return
    table = np.asarray(ops.convert_to_numpy(layer.embeddings))
    draw = np.random.default_rng(random.randrange(2**31))  # noqa: S311 - within `seeded`
    vectors = table[draw.choice(len(table), length, replace=length > len(table))]
    norm = next((each for each in path if isinstance(each, layers.LayerNormalization)), None)
    if norm is not None:
        vectors = np.asarray(ops.convert_to_numpy(norm(vectors)))
    prompt.vectors.assign(vectors)
