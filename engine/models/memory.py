"""How much memory a training step takes, and how much there is."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from pathlib import Path
from time import monotonic
from typing import Any

import psutil

from engine.models.flops import calls
from engine.specs.training import TrainingSpec

FLOAT_BYTES = 4
HALF_BYTES = 2
BYTE = 1
# Layers whose output shares the memory of their input, or needs none.
FREE = {"Flatten", "Reshape", "FirstToken", "Permute"}
# Numbers of the size of the weights that each optimizer keeps.
OPTIMIZER_SLOTS = {"adam": 2, "adamw": 2, "lion": 1, "rmsprop": 1, "sgd": 0}


@dataclass(frozen=True)
class StepMemory:
    """What a training step holds, in bytes."""

    weights: int
    gradients: int
    optimizer: int  # its moments, and the moving average of the weights
    activations: int  # what the backward pass needs of the forward pass, for one batch

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.gradients + self.optimizer + self.activations


def training_bytes(layers: Iterable[Any], trainable: int, fixed: int, training: TrainingSpec) -> int:
    """Weights, gradients, optimizer state and the activations that the backward pass needs; see `step_memory`."""
    return step_memory(layers, trainable, fixed, training).total


def step_memory(layers: Iterable[Any], trainable: int, fixed: int, training: TrainingSpec) -> StepMemory:
    """What a training step holds, by what it is for.

    Args:
        layers: of the model, from the inputs on.
        trainable: trainable numbers.
        fixed: other numbers (frozen weights, moving statistics).
        training: batch size, optimizer, precision.
    """
    slots = OPTIMIZER_SLOTS.get(training.optimizer.kind, 2)
    slots += int(getattr(training.optimizer, "momentum", 0.0) > 0.0) + int(training.weight_averaging > 0.0)
    half = training.precision.startswith("mixed")
    # With half precision there is also the copy that computes.
    weights = FLOAT_BYTES * (trainable + fixed) + (HALF_BYTES * trainable if half else 0)
    layers = list(layers)
    weights -= sum((FLOAT_BYTES - BYTE) * prod(weight.shape) for layer in layers for weight in _packed(layer))
    numbers = [layer_activations(layer) for layer in with_gradient(layers)]
    # The backward pass holds the gradient of the largest activation beside it.
    activations = (sum(numbers) + max(numbers, default=0)) * training.batch_size
    return StepMemory(
        weights=weights,
        gradients=FLOAT_BYTES * trainable,
        optimizer=FLOAT_BYTES * trainable * slots,
        activations=activations * (HALF_BYTES if half else FLOAT_BYTES),
    )


def _packed(layer: Any) -> list[Any]:
    """Weights of a quantised body, a byte each (two numbers of 4 bits in one)."""
    return [weight for weight in layer.weights if weight.dtype == "int8"]


def with_gradient(layers: Sequence[Any]) -> list[Any]:
    """The layers that a gradient passes through: those that learn and all behind them.

    What lies before the first layer that learns leaves nothing behind for the backward pass: a frozen body under a new
    head costs its weights alone.
    """
    if all(layer.trainable_weights or not layer.weights for layer in layers):
        return list(layers)
    reached: set[str] = set()
    for layer in layers:
        before = {
            tensor._keras_history.operation.name for node in layer._inbound_nodes for tensor in node.input_tensors
        }
        if layer.trainable_weights or before & reached:
            reached.add(layer.name)
    return [layer for layer in layers if layer.name in reached]


def layer_activations(layer: Any) -> int:
    """Numbers that one example leaves behind for the backward pass."""
    if hasattr(layer, "layers"):
        return sum(layer_activations(inner) for inner in layer.layers)
    kind = type(layer).__name__
    if kind in FREE:
        return 0
    total = 0
    for inputs, output in calls(layer):
        total += prod(output) + _inner_activations(layer, kind, inputs)
    return total


def _inner_activations(layer: Any, kind: str, inputs: list[tuple[int, ...]]) -> int:
    """What a layer keeps besides its output."""
    if kind in ("MultiHeadAttention", "TunedAttention"):
        queries, keys = inputs[0][0], inputs[1][0]
        width = layer.num_heads * layer.key_dim
        return 2 * layer.num_heads * queries * keys + (2 * queries + 2 * keys) * width  # scores, softmax; q, k, v, mix
    if kind in ("LSTM", "GRU", "SimpleRNN"):
        gates = {"LSTM": 6, "GRU": 4, "SimpleRNN": 1}[kind]
        return int(inputs[0][0] * layer.units * gates)
    if kind == "Bidirectional":
        one = _inner_activations(layer.forward_layer, type(layer.forward_layer).__name__, inputs)
        return 2 * one
    if kind == "SparseLinear":
        return int(inputs[0][0] * layer.units)
    return 0


def available_bytes() -> int:
    """Free memory of the device that trains: the first GPU where there is one, else this machine or container."""
    gpu = _gpu_free_bytes(int(monotonic() // 10))
    if gpu is not None:
        return gpu
    free = [int(psutil.virtual_memory().available)]
    left = _container_left_bytes()
    return min(free + ([] if left is None else [left]))


def _container_left_bytes() -> int | None:
    """What a container's limit leaves (cgroup v2, then v1); file cache can be given back and does not count."""
    for limit, used, stat in (
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory.stat"),
        (
            "/sys/fs/cgroup/memory/memory.limit_in_bytes",
            "/sys/fs/cgroup/memory/memory.usage_in_bytes",
            "/sys/fs/cgroup/memory/memory.stat",
        ),
    ):
        try:
            most, now = int(Path(limit).read_text()), int(Path(used).read_text())
            rows = (line.split() for line in Path(stat).read_text().splitlines())
            cache = next((int(row[1]) for row in rows if row[0] in ("inactive_file", "total_inactive_file")), 0)
        except (OSError, ValueError):  # not this version of cgroups, or "max": no limit
            continue
        return max(0, most - now + cache)
    return None


@lru_cache(maxsize=1)
def _gpu_free_bytes(_ten_seconds: int) -> int | None:
    """Free memory of the first NVIDIA GPU; asked at most every ten seconds."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return None
    command = [tool, "--query-gpu=memory.free", "--format=csv,noheader,nounits", "--id=0"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
        return int(answer.stdout.strip()) * 2**20
    except (OSError, ValueError, subprocess.SubprocessError):  # a driver without a card
        return None
