"""A resting body is run once: its features stand in for the rows from then on, and only the head is trained.

The saved model is body and head as ever. Augmentation changes what the body sees, so there is none.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np

from engine.specs import RunSpec
from engine.specs.models.pretrained import PretrainedSpec
from engine.training.pipeline import Encoded, Rows
from engine.training.steps import Chunk, Stepper, StepSettings

ROWS_A_CALL = 64
KEPT = 4  # parts whose features stay with their rows, for the next run on the same body
_PREFIX = "features"

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Divided:
    """A model in two.

    Attributes:
        body: encoded inputs → features by name, at rest.
        head: features (and what goes past the body) by name → outputs.
    """

    body: keras.Model
    head: keras.Model


def rests(spec: RunSpec) -> bool:
    """Whether a document's body rests wholly, so that it is run once."""
    return isinstance(spec.model, PretrainedSpec) and spec.model.method.body_rests


def divided(core: keras.Model) -> Divided:
    """Cut a model where resting layers end: at the tensors that a layer takes which may learn, from one that may not.

    Both parts share layers and variables with the model.
    """
    inputs: dict[str, Any] = {}
    past: dict[str, Any] = {}  # inputs that go straight to the head
    seen: set[int] = set()
    names = {id(tensor): name for name, tensor in core.input.items()}

    def follow(tensor: Any) -> None:
        if id(tensor) in seen:
            return
        seen.add(id(tensor))
        layer, index, _ = tensor._keras_history
        if id(tensor) in names:
            past[names[id(tensor)]] = tensor
        elif not getattr(layer, "trainable", True):
            tensor.name = f"{_PREFIX}{len(inputs) or ''}"  # a model's inputs are called as its dictionary says
            inputs[tensor.name] = tensor
        else:
            for before in layer._inbound_nodes[index].input_tensors:
                follow(before)

    follow(core.output)
    body = keras.Model(core.input, inputs, name="resting_body")
    return Divided(body, keras.Model(inputs | past, core.output, name="head"))


class FeatureStepper:
    """The head's stepper, which also takes rows that the body has not seen yet.

    Args:
        head: trains the head; its settings know the whole model.
        body: encoded inputs → features.
    """

    def __init__(self, head: Stepper, body: keras.Model) -> None:
        self.settings: StepSettings = head.settings
        self._head, self._body = head, body
        self._digest = ""

    @property
    def traces(self) -> int:
        """Of the training step."""
        return int(self._head.traces)  # type: ignore[attr-defined]

    def features(self, inputs: Arrays) -> Arrays:
        """What the head is given for encoded rows."""
        cast = {name: inputs[name].astype(tensor.dtype) for name, tensor in self._body.input.items()}
        found = self._body.predict_on_batch(cast)
        past = {name: inputs[name] for name in self.settings.input_dtypes if name in inputs}
        return {name: np.asarray(value, np.float32) for name, value in found.items()} | past

    def train(self, chunk: Chunk, rates: np.ndarray, momenta: np.ndarray, shares: np.ndarray | None = None) -> Any:
        """See `Stepper`."""
        if not self._are_features(chunk.inputs):
            chunk = replace(chunk, inputs=self._in_parts(chunk.inputs))
        return self._head.train(chunk, rates, momenta, shares)

    def predict(self, inputs: Arrays) -> np.ndarray:
        """See `Stepper`."""
        return self._head.predict(inputs if self._are_features(inputs) else self.features(inputs))

    def averaged(self) -> AbstractContextManager[None]:
        """See `Stepper`."""
        return self._head.averaged()

    def state(self) -> dict[str, list[np.ndarray]]:
        """See `Stepper`."""
        return self._head.state()

    def load_state(self, state: dict[str, list[np.ndarray]]) -> None:
        """See `Stepper`."""
        self._head.load_state(state)

    @property
    def digest(self) -> str:
        """Says which body gave features: its layers and its weights."""
        if not self._digest:
            found = hashlib.blake2b(json.dumps(self._body.get_config(), sort_keys=True, default=str).encode())
            for weight in self._body.weights:
                found.update(np.ascontiguousarray(keras.ops.convert_to_numpy(weight.value)).data)
            self._digest = found.hexdigest()
        return self._digest

    def _are_features(self, inputs: Arrays) -> bool:
        return set(inputs) == set(self.settings.input_dtypes)

    def _in_parts(self, inputs: Arrays) -> Arrays:
        rows = len(next(iter(inputs.values())))
        parts = [
            self.features({name: value[first : first + ROWS_A_CALL] for name, value in inputs.items()})
            for first in range(0, rows, ROWS_A_CALL)
        ]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


class FeatureRows(Rows):
    """The rows of one part as the head takes them."""

    def __init__(self, rows: Rows, features: Arrays) -> None:
        self.positions, self.targets = rows.positions, rows.targets
        self._whole = features

    @property
    def lengths(self) -> None:
        """Features have no padding."""

    @property
    def nbytes(self) -> int:
        """Memory that the features hold."""
        return int(self.targets.nbytes + sum(value.nbytes for value in (self._whole or {}).values()))

    def keep(self) -> None:
        """They are kept."""

    def take(self, indices: np.ndarray) -> Arrays:
        """Features of rows by their place in this part."""
        return {name: value.take(indices, axis=0) for name, value in (self._whole or {}).items()}


Told = Callable[[int, int], bool]  # rows done, rows in all -> whether to go on


def with_features(encoded: Encoded, stepper: Stepper, told: Told) -> Encoded | None:
    """The rows as the stepper's head takes them; the same ones where its model has no resting body.

    Features stay with the rows they are of, so that the next run on the same body does without it.

    Args:
        encoded: the rows.
        stepper: of the run.
        told: told how far it is; None is returned where it says not to go on.
    """
    if not isinstance(stepper, FeatureStepper):
        return encoded
    total, done = len(encoded.train) + len(encoded.validation), 0
    parts = []
    for rows in (encoded.train, encoded.validation):
        found = _kept(rows).get(stepper.digest)
        if found is None:
            made: list[Arrays] = []
            order = rows.by_length()
            for first, part in zip(range(0, len(rows), ROWS_A_CALL), rows.batches(ROWS_A_CALL, order), strict=True):
                if not told(done + first, total):
                    return None
                made.append(stepper.features(part))
            back = np.argsort(order)
            found = {name: np.concatenate([part[name] for part in made])[back] for name in made[0]} if made else {}
            _keep(rows, stepper.digest, found)
        done += len(rows)
        parts.append(FeatureRows(rows, found))
    return replace(encoded, train=parts[0], validation=parts[1])


def _kept(rows: Rows) -> OrderedDict[str, Arrays]:
    kept: OrderedDict[str, Arrays] = rows.__dict__.setdefault("features_kept", OrderedDict())
    return kept


def _keep(rows: Rows, digest: str, features: Arrays) -> None:
    kept = _kept(rows)
    kept[digest] = features
    while len(kept) > KEPT:
        kept.popitem(last=False)
