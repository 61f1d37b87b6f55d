"""A search space as KerasTuner's `HyperParameters`, and values there and back.

KerasTuner's choices hold values of one kind only and turn true into 1: what it cannot hold goes as JSON text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

import keras_tuner

from engine.specs import RunSpec
from engine.specs.search import Dimension, FloatRange, IntRange, Options, SearchSpec
from engine.tuning.space import holds, is_active, points_of, same, tidy


def hyperparameters_of(spec: RunSpec) -> keras_tuner.HyperParameters:
    """The space of a document's search; fields that depend on others stand in a `conditional_scope`."""
    search = spec.search or SearchSpec()
    tree = spec.model_dump(mode="json")
    made = keras_tuner.HyperParameters()
    for dimension in search.dimensions:
        with ExitStack() as scopes:
            for parent, values in dimension.when.items():
                raw = [encode(_named(search, parent), value, grid=search.algorithm.kind == "grid") for value in values]
                scopes.enter_context(made.conditional_scope(parent, raw))
            _declare(made, dimension, _at(tree, dimension.path), grid=search.algorithm.kind == "grid")
    return made


def encode(dimension: Dimension, value: Any, *, grid: bool = False) -> Any:
    """A document's value as KerasTuner holds it; what lies outside a grid becomes its nearest point."""
    if isinstance(dimension, Options):
        return value if _is_plain(dimension.values) else json.dumps(value, sort_keys=True)
    if not grid:
        return int(value) if isinstance(dimension, IntRange) else float(value)
    return min(points_of(dimension), key=lambda point: abs(point - value))


def decode(dimension: Dimension, raw: Any) -> Any:
    """KerasTuner's value as the document holds it."""
    if isinstance(dimension, Options):
        return raw if _is_plain(dimension.values) else json.loads(raw)
    if isinstance(dimension, IntRange):
        return min(max(int(raw), dimension.low), dimension.high)  # a log range yields one too much at its very end
    if isinstance(dimension, FloatRange):
        return min(max(tidy(float(raw)), dimension.low), dimension.high)
    raise TypeError(type(dimension).__name__)


def to_values(search: SearchSpec, raw: Mapping[str, Any]) -> dict[str, Any]:
    """A proposal as values of the document: dotted path -> value, of the active dimensions only."""
    chosen: dict[str, Any] = {}
    for dimension in search.dimensions:
        if dimension.path in raw and is_active(dimension, chosen):
            chosen[dimension.path] = decode(dimension, raw[dimension.path])
    return chosen


def to_raw(spec: RunSpec, chosen: Mapping[str, Any]) -> dict[str, Any] | None:
    """Values of a document as KerasTuner holds them; None where they lie outside the space.

    Dimensions that are not named take the value that the document has, or else the first one.
    """
    search = spec.search or SearchSpec()
    tree, grid = spec.model_dump(mode="json"), search.algorithm.kind == "grid"
    whole: dict[str, Any] = {}
    raw: dict[str, Any] = {}
    for dimension in search.dimensions:
        if not is_active(dimension, whole):
            continue
        value = chosen.get(dimension.path, _at(tree, dimension.path))
        if not holds(dimension, value):
            if dimension.path in chosen:
                return None
            value = points_of(dimension)[0]
        whole[dimension.path] = value
        raw[dimension.path] = encode(dimension, value, grid=grid)
    return raw


def _declare(made: keras_tuner.HyperParameters, dimension: Dimension, current: Any, *, grid: bool) -> None:
    path = dimension.path
    if isinstance(dimension, Options) or grid or dimension.points == 1:
        values = points_of(dimension)
        raw = [encode(dimension, value, grid=grid) for value in values]
        known = next((i for i, value in enumerate(values) if same(value, current)), None)
        made.Choice(path, raw, default=None if known is None else raw[known])
        return
    default = current if holds(dimension, current) and dimension.points == 0 else None
    if isinstance(dimension, IntRange):
        step = dimension.step or None
        made.Int(path, dimension.low, dimension.high, step=step, sampling=dimension.scale, default=default)
    elif isinstance(dimension, FloatRange):
        step_of = dimension.step or None
        made.Float(path, dimension.low, dimension.high, step=step_of, sampling=dimension.scale, default=default)


def _is_plain(values: tuple[Any, ...]) -> bool:
    kinds = {type(value) for value in values}
    return len(kinds) == 1 and kinds <= {str, int, float}


def _named(search: SearchSpec, path: str) -> Dimension:
    return next(dimension for dimension in search.dimensions if dimension.path == path)


def _at(tree: Any, path: str) -> Any:
    """What stands at a dotted path of a document, or None."""
    for part in path.split("."):
        try:
            tree = tree[int(part)] if isinstance(tree, list) else tree[part]
        except (KeyError, IndexError, ValueError, TypeError):
            return None
    return tree
