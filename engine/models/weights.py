"""Whether two documents give models whose weights can take each other's place, found out without making any."""

from __future__ import annotations

from typing import Any

from engine.models.build import build_core
from engine.models.describe import EncoderShape, weightless
from engine.models.encoding import shape_from_spec
from engine.specs import RunSpec
from engine.specs.records import DatasetRecord


def same_weights(one: RunSpec, other: RunSpec, dataset: DatasetRecord) -> bool:
    """Whether the models of two documents on the same data have weights of the same shapes in the same order.

    Raises:
        EngineError: BAD_INPUT where one of them cannot be built.
    """
    return _shapes(one, dataset) == _shapes(other, dataset)


def _shapes(spec: RunSpec, dataset: DatasetRecord) -> list[Any]:
    with weightless():
        model = build_core(spec, EncoderShape(*shape_from_spec(spec.data, dataset)))
    # By name: a layer without weights that comes in between may change the order of the others, not their place.
    return sorted((weight.path, tuple(weight.shape)) for weight in model.weights)
