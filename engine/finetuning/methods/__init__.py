"""How much of a pretrained body may move, one method a file.

To add one: a spec class in `engine/specs/finetuning.py`, and here a function with `@method(ThatSpec)` in a module named
in `MODULES`. Nothing else changes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

import keras

from engine.errors import EngineError, ErrorKind
from engine.finetuning.quantising import check_quantised, quantised
from engine.models.registry import seeded
from engine.specs.finetuning import MethodSpec
from engine.text import N_

Method = Callable[[Any, Any], Any]  # (method spec, body) -> body
_METHODS: dict[type[MethodSpec], Method] = {}

MODULES = (
    "head",
    "last_blocks",
    "gradual",
    "full",
    "bitfit",
    "lora",
    "adalora",
    "adapters",
    "prompt",
    "prefix",
    "ia3",
)


def method(spec_class: type[MethodSpec]) -> Callable[[Method], Method]:
    """Register `apply(spec, body) -> body` for a method."""

    def register(function: Method) -> Method:
        _METHODS[spec_class] = function
        return function

    return register


def apply(method: MethodSpec, body: keras.Model, *, seed: int, stored: str = "none") -> keras.Model:
    """Let a method's share of a body learn, and no more.

    The body is used up: its layers move into the model that is returned. Weights that stay keep their names.

    Args:
        method: which method, with its settings.
        body: encoded inputs by name → features `(batch, width)`; a functional model, with weights or without.
        seed: added weights are drawn by it.
        stored: "int8" or "int4" keeps the resting matrices in fewer bits (`engine.finetuning.quantising`).

    Raises:
        EngineError: BAD_INPUT where the method makes no sense for this body.
    """
    import_all()
    if type(method) not in _METHODS:
        raise EngineError(
            ErrorKind.NOT_FOUND,
            N_("The method {method} is not known to this version of Lathe."),
            hint=N_("Choose another method."),
            method=method.kind,
        )
    check_quantised(method, stored)
    with seeded(seed):
        tuned = _METHODS[type(method)](method, body)
        return tuned if stored == "none" else quantised(tuned, stored)


def rest(body: Any) -> None:
    """Let no layer of a body learn; a normalisation keeps its moving statistics too."""
    for layer in body.layers:
        layer.trainable = False


@cache
def import_all() -> None:
    """Make all methods known, and with them what they add to layers that were saved."""
    for name in MODULES:
        import_module(f"engine.finetuning.methods.{name}")
