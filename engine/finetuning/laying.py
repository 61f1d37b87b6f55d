"""A graph laid once more on other tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
from keras import tree


def lay(graph: Any, inputs: Mapping[str, Any]) -> Any:
    """Call every layer of a functional graph on new tensors; its layers become those of the model around it.

    A body called as a layer would hide its own layers from descriptions and methods. Its old calls are forgotten, so
    that each use of a layer is counted once.

    Args:
        graph: `keras.Model` or `keras.Function`; not to be used afterwards.
        inputs: one tensor for each of its inputs, by the same names.
    """
    for operation in graph.operations:
        if not isinstance(operation, keras.layers.InputLayer):
            operation._inbound_nodes, operation._outbound_nodes = [], []
    return graph._run_through_graph(tree.flatten(dict(inputs)), operation_fn=lambda operation: operation)
