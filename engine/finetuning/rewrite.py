"""A functional model put together anew, with some layers replaced or others put between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import tree
from keras.src.backend.common.stateless_scope import in_stateless_scope
from keras.src.models.functional import Functional

Replace = Callable[[Any], Any]  # a layer -> what takes its place, or None for the layer itself
Call = Callable[[Any, Any, tuple[Any, ...], dict[str, Any]], Any]  # old, new, arguments, named ones -> outputs


def rewrite(body: Any, replace: Replace | None = None, call: Call | None = None) -> keras.Model:
    """Lay a model's graph once more, with other layers where `replace` gives some.

    Layers that stay are the same objects with the same variables: nothing is copied, names are kept, so that
    checkpoints, branches and merging find them. The old model must not be used afterwards: its layers have moved into
    the new one. A model inside the model is laid flat. A new layer that can `take(old)` is given the layer whose place
    it takes, once it is built; not where models have no weights (`engine.models.describe.weightless`).

    Args:
        body: a functional model.
        replace: asked once for each layer.
        call: called for each use of a layer instead of calling it, so that something can be put before or behind.

    Returns:
        The new model, with inputs of the same names.
    """
    inputs = tree.map_structure(lambda x: keras.Input(batch_shape=x.shape, dtype=x.dtype, name=x.name), body.input)
    return keras.Model(inputs, _Layout(replace, call).lay(body, inputs), name=body.name)


def weightless_now() -> bool:
    """Whether models made now have shapes but no weights."""
    return bool(in_stateless_scope())


class _Layout:
    """What was replaced by what, while a graph is laid."""

    def __init__(self, replace: Replace | None, call: Call | None) -> None:
        self._replace, self._call = replace, call
        self._new: dict[int, Any] = {}

    def lay(self, model: Any, inputs: Any) -> Any:
        for operation in model.operations:
            if not isinstance(operation, keras.layers.InputLayer):  # it begins anew: each use is counted once
                operation._inbound_nodes, operation._outbound_nodes = [], []
        return model._run_through_graph(inputs, operation_fn=lambda operation: operation, call_fn=self._use)

    def _use(self, old: Any, *arguments: Any, **named: Any) -> Any:
        if isinstance(old, Functional):
            return self.lay(old, arguments[0])
        first = id(old) not in self._new
        if first:
            self._new[id(old)] = (self._replace(old) if self._replace else None) or old
        new = self._new[id(old)]
        outputs = self._call(old, new, arguments, named) if self._call else new(*arguments, **named)
        if first and new is not old and hasattr(new, "take") and not weightless_now():
            new.take(old)
        return outputs
