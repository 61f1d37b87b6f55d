"""Adversarial training: what the loss of a step is taken of instead of the plain examples.

Written once for every backend. A backend hands in how its model is called and how gradients are taken (`Surface`); the
change is made to the rows themselves (pictures, numbers of tables), or to the vectors of a text's tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import keras
from keras import ops

from engine.errors import EngineError, ErrorKind
from engine.models.live import LiveNumber
from engine.specs import RunSpec
from engine.specs.adversarial import AdversarialSpec, Fgm, Fgsm, FreeLb, NoAdversary, Pgd, Trades, Vat
from engine.specs.data import TablePreprocessing
from engine.text import N_
from engine.training.losses import Loss

GREY_LEVELS = 255.0  # the range of a picture's values
TINY = 1e-12
PGD_PACE = 2.5  # times strength / steps is a step: the ball's border is reached and walked along (Madry et al. 2018)
TRADES_START = 0.001  # deviation of the first change, as in the authors' code
VAT_PROBE = 1e-2  # ξ: how far predictions are probed for the direction in which they change most

Inputs = dict[str, Any]
Function = Callable[[Any], Any]


class Surface(Protocol):
    """What a backend's step gives: the model in training, the model at rest, gradients and random numbers."""

    def train(self, inputs: Inputs) -> Any:
        """Outputs with dropout; the first call's moving statistics count."""

    def rest(self, inputs: Inputs) -> Any:
        """Outputs as in prediction."""

    def gradient(self, function: Function, x: Any) -> Any:
        """Of a scalar function at x."""

    def uniform(self, like: Any) -> Any:
        """Numbers between -1 and 1, others in every step."""

    def normal(self, like: Any) -> Any:
        """Normally distributed numbers, others in every step."""


def surface_of(model: keras.Model, step: int = 0) -> Surface:
    """A model outside of training, on the backend that Keras runs on; `step` decides what is drawn."""
    if keras.backend.backend() == "tensorflow":
        from engine.training.steps_tensorflow import TensorFlowSurface

        return TensorFlowSurface(model, step)
    from engine.training.steps_jax import JaxSurface

    trainable, others = (
        [v.value for v in group] for group in (model.trainable_variables, model.non_trainable_variables)
    )
    return JaxSurface(model, trainable, others, step)


# ---- where examples are changed -------------------------------------------------------------------------------------
class Place(Protocol):
    """Where a change is made, how large it may be and how it is measured."""

    def zero(self, surface: Surface, inputs: Inputs) -> Any:
        """No change: zeros `(batch, …)`."""

    def changed(self, call: Callable[[Inputs], Any], inputs: Inputs, delta: Any) -> Any:
        """Outputs for changed examples."""

    def ball(self, inputs: Inputs, delta: Any, strength: Any) -> Any:
        """The nearest change that is allowed."""

    def step(self, delta: Any, gradient: Any, length: Any) -> Any:
        """A step uphill."""

    def unit(self) -> float:
        """What a strength of 1 is here."""


@dataclass(frozen=True)
class Values:
    """The values of an input, each changed by at most the strength (L∞).

    Attributes:
        name: of the input.
        low, high: the range that values stay in; None: any.
        scale: what a strength of 1 is.
        by_value: each value by itself; else the length of the whole change counts (L2).
    """

    name: str
    low: float | None = None
    high: float | None = None
    scale: float = 1.0
    by_value: bool = True

    def zero(self, surface: Surface, inputs: Inputs) -> Any:
        """See `Place`."""
        return ops.zeros_like(ops.cast(inputs[self.name], "float32"))

    def changed(self, call: Callable[[Inputs], Any], inputs: Inputs, delta: Any) -> Any:
        """See `Place`."""
        x = ops.cast(inputs[self.name], "float32")
        return call({**inputs, self.name: x + delta})

    def ball(self, inputs: Inputs, delta: Any, strength: Any) -> Any:
        """See `Place`."""
        delta = ops.clip(delta, -strength, strength) if self.by_value else _shortened(delta, strength)
        if self.low is None or self.high is None:
            return delta
        x = ops.cast(inputs[self.name], "float32")
        return ops.clip(x + delta, self.low, self.high) - x

    def step(self, delta: Any, gradient: Any, length: Any) -> Any:
        """See `Place`."""
        return delta + length * (ops.sign(gradient) if self.by_value else gradient / _lengths(gradient))

    def unit(self) -> float:
        """See `Place`."""
        return self.scale


@dataclass(frozen=True)
class Vectors:
    """The vectors of a text's tokens, changed by at most the strength in length (L2 over the whole text)."""

    embedding: Any

    def zero(self, surface: Surface, inputs: Inputs) -> Any:
        """See `Place`. The model is asked, because it leaves out places that are padding in a whole batch."""
        seen: list[Any] = []

        def watch(vectors: Any) -> Any:
            seen.append(vectors)
            return vectors

        with _passing(self.embedding, watch):
            surface.rest(inputs)
        return ops.zeros_like(ops.cast(seen[0], "float32"))

    def changed(self, call: Callable[[Inputs], Any], inputs: Inputs, delta: Any) -> Any:
        """See `Place`. What is padding has no vector that could be changed."""
        tokens = inputs["tokens"][:, : ops.shape(delta)[1]]
        kept = ops.cast(ops.expand_dims(ops.not_equal(tokens, 0), -1), delta.dtype)
        with _passing(self.embedding, lambda vectors: vectors + ops.cast(delta * kept, vectors.dtype)):
            return call(inputs)

    def ball(self, inputs: Inputs, delta: Any, strength: Any) -> Any:
        """See `Place`."""
        return _shortened(delta, strength)

    def step(self, delta: Any, gradient: Any, length: Any) -> Any:
        """See `Place`."""
        return delta + length * gradient / _lengths(gradient)

    def unit(self) -> float:
        """See `Place`."""
        return 1.0


@contextmanager
def _passing(layer: Any, change: Function) -> Iterator[None]:
    """Inside, what a layer puts out goes through a function: a step is traced with it, the model stays as it is."""
    plain = layer.call
    layer.call = lambda *inputs, **options: change(plain(*inputs, **options))
    try:
        yield
    finally:
        del layer.call


def _lengths(x: Any) -> Any:
    """The length of each example's change `(batch, 1, …)`."""
    axes = tuple(range(1, len(x.shape)))
    return ops.sqrt(ops.sum(ops.square(x), axis=axes, keepdims=True) + TINY)


def _shortened(delta: Any, strength: Any) -> Any:
    return delta * ops.minimum(1.0, strength / _lengths(delta))


def place_of(spec: RunSpec, model: keras.Model) -> Place:
    """Where a document's examples are changed.

    Raises:
        EngineError: BAD_INPUT for tables whose numbers are laid out over bins, where a small change has no meaning.
    """
    by_value = spec.training.adversarial.kind != "vat"
    if "tokens" in model.input:
        return Vectors(_embedding(model))
    if "image" in model.input:
        return Values("image", 0.0, GREY_LEVELS, GREY_LEVELS, by_value=by_value)
    preprocessing = spec.data.preprocessing
    encoding = preprocessing.number_encoding if isinstance(preprocessing, TablePreprocessing) else ""
    if encoding != "standard" or "numbers" not in model.input:
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("Small changes have a meaning for standardised numbers; this table has {encoding}."),
            hint=N_("Set Numbers to standard under What the model sees, or train without an adversary."),
            encoding=encoding if "numbers" in model.input else N_("no numbers"),
        )
    return Values("numbers", by_value=by_value)


def _embedding(model: keras.Model) -> Any:
    for layer in model._flatten_layers(include_self=False, recursive=True):
        if isinstance(layer, keras.layers.Embedding) or layer.name == "embed_tokens":
            return layer
    raise EngineError(
        ErrorKind.BAD_INPUT,
        N_("This model has no vectors of tokens that could be changed."),
        hint=N_("Choose another family, or train without an adversary."),
    )


# ---- the methods ----------------------------------------------------------------------------------------------------
class Objective(Protocol):
    """The loss of a step's examples `(batch,)`, and the outputs for the plain ones."""

    def __call__(self, surface: Surface, loss: Loss, inputs: Inputs, targets: Any) -> tuple[Any, Any]:
        """Both."""


class Attack:
    """A method with its place and its live strength.

    Args:
        spec: the method.
        place: where examples are changed.
        strength: the document's number; an argument of the compiled step.
    """

    def __init__(self, spec: Any, place: Place, strength: LiveNumber) -> None:
        self.spec, self.place, self._strength = spec, place, strength

    @property
    def strength(self) -> Any:
        """In the place's own unit."""
        return self._strength.get() * self.place.unit()

    def __call__(self, surface: Surface, loss: Loss, inputs: Inputs, targets: Any) -> tuple[Any, Any]:
        """See `Objective`."""
        return _METHODS[type(self.spec)](self, surface, loss, inputs, targets)

    def climbed(self, surface: Surface, inputs: Inputs, goal: Function, delta: Any, steps: int, pace: Any) -> Any:
        """A change after some steps uphill on `goal(outputs) -> (batch,)`, each brought back into the ball."""

        def height(change: Any) -> Any:
            return ops.sum(goal(self.place.changed(surface.rest, inputs, change)))

        for _ in range(steps):
            slope = surface.gradient(height, delta)
            delta = self.place.ball(inputs, self.place.step(delta, slope, pace), self.strength)
        return ops.stop_gradient(delta)

    def trained(self, surface: Surface, inputs: Inputs, delta: Any) -> Any:
        """Outputs of the model in training for changed examples."""
        return self.place.changed(surface.train, inputs, delta)


def _one_step(attack: Attack, surface: Surface, loss: Loss, inputs: Inputs, targets: Any) -> tuple[Any, Any]:
    """FGSM and FGM: from the example itself, one step to the border of the ball."""
    delta = attack.climbed(
        surface, inputs, lambda y: loss(targets, y), attack.place.zero(surface, inputs), 1, attack.strength
    )
    return _mixed(attack, surface, loss, inputs, targets, delta)


def _pgd(attack: Attack, surface: Surface, loss: Loss, inputs: Inputs, targets: Any) -> tuple[Any, Any]:
    start = attack.strength * surface.uniform(attack.place.zero(surface, inputs))
    start = attack.place.ball(inputs, start, attack.strength)
    steps = attack.spec.steps
    pace = PGD_PACE * attack.strength / steps
    delta = attack.climbed(surface, inputs, lambda y: loss(targets, y), start, steps, pace)
    return _mixed(attack, surface, loss, inputs, targets, delta)


def _mixed(attack: Attack, surface: Surface, loss: Loss, inputs: Inputs, targets: Any, delta: Any) -> tuple[Any, Any]:
    """Plain and hard examples by their share."""
    plain = surface.train(inputs)
    share = attack.spec.share
    hard = loss(targets, attack.trained(surface, inputs, delta))
    return (1.0 - share) * loss(targets, plain) + share * hard, plain


def _trades(attack: Attack, surface: Surface, loss: Loss, inputs: Inputs, targets: Any) -> tuple[Any, Any]:
    """Equation 5 of the paper with the KL divergence."""
    sure = ops.stop_gradient(surface.rest(inputs))
    start = TRADES_START * attack.place.unit() * surface.normal(attack.place.zero(surface, inputs))
    start = attack.place.ball(inputs, start, attack.strength)
    steps = attack.spec.steps
    pace = PGD_PACE * attack.strength / steps
    delta = attack.climbed(surface, inputs, lambda y: divergence(sure, y), start, steps, pace)
    plain = surface.train(inputs)
    moved = divergence(plain, attack.trained(surface, inputs, delta))
    return loss(targets, plain) + attack.spec.beta * moved, plain


def _freelb(attack: Attack, surface: Surface, loss: Loss, inputs: Inputs, targets: Any) -> tuple[Any, Any]:
    """Algorithm 1 of the paper: the mean loss over all points of the climb."""
    delta = attack.strength * surface.uniform(attack.place.zero(surface, inputs))
    delta = attack.place.ball(inputs, delta, attack.strength)
    steps, total, plain = attack.spec.steps, 0.0, None
    for _ in range(steps):
        outputs = attack.trained(surface, inputs, delta)
        plain = outputs if plain is None else plain
        total = total + loss(targets, outputs)
        delta = attack.climbed(surface, inputs, lambda y: loss(targets, y), delta, 1, attack.strength / steps)
    return total / steps, plain


def _vat(attack: Attack, surface: Surface, loss: Loss, inputs: Inputs, targets: Any) -> tuple[Any, Any]:
    """Algorithm 1 of the paper with one power iteration."""
    sure = ops.stop_gradient(surface.rest(inputs))
    zero = attack.place.zero(surface, inputs)
    towards = surface.normal(zero)
    probe = VAT_PROBE * attack.place.unit() * towards / _lengths(towards)

    def height(change: Any) -> Any:
        return ops.sum(divergence(sure, attack.place.changed(surface.rest, inputs, change)))

    slope = surface.gradient(height, probe)
    delta = attack.place.ball(inputs, attack.strength * slope / _lengths(slope), attack.strength)
    plain = surface.train(inputs)
    moved = divergence(sure, attack.trained(surface, inputs, ops.stop_gradient(delta)))
    return loss(targets, plain) + attack.spec.weight * moved, plain


def divergence(logits: Any, others: Any) -> Any:
    """KL(softmax(logits) ‖ softmax(others)) of each example `(batch,)`."""
    first, second = ops.log_softmax(logits, axis=-1), ops.log_softmax(others, axis=-1)
    return ops.sum(ops.exp(first) * (first - second), axis=-1)


_METHODS: dict[type[AdversarialSpec], Any] = {
    Fgsm: _one_step,
    Fgm: _one_step,
    Pgd: _pgd,
    Trades: _trades,
    FreeLb: _freelb,
    Vat: _vat,
}


def build_objective(spec: RunSpec, model: keras.Model) -> Objective | None:
    """The objective of a document; None where examples stay as they are. Make it where live numbers are collected."""
    adversary = spec.training.adversarial
    if isinstance(adversary, NoAdversary):
        return None
    return Attack(adversary, place_of(spec, model), LiveNumber(adversary.strength, "adversarial_strength"))  # type: ignore[attr-defined]
