"""The compiled training step behind one interface for every backend.

A call runs several optimizer steps on one chunk of rows and reports sums over them, so that the host is asked once a
chunk and not once a step. What a person may want to turn (rate, clipping, averaging, dropout, weight decay, smoothing,
penalties) is handed in as numbers, never baked into the compiled program. `keras.Model.fit` was measured first and is
slower (docs/decisions/0004-training-loop.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import keras
import numpy as np

from engine.models.live import LiveNumber, bound
from engine.training.losses import Loss

if TYPE_CHECKING:
    from engine.finetuning.allocation import Allocator
    from engine.finetuning.rates import Rates

# Order of the sums that a compiled call returns.
LOSS, WEIGHT, METRIC, COUNT, NORM, LARGEST_NORM = range(6)
SUMS = 6


@dataclass(frozen=True)
class Chunk:
    """Consecutive batches of one epoch, gathered on the host.

    Attributes:
        inputs: encoded rows `(rows, …)` by input name.
        targets: class codes `(rows,)` int32 or scaled numbers `(rows, 1)` float32.
        weights: `(rows,)` float32, of the examples' classes.
        batch_size: rows a step; the last step of the chunk takes what is left.
    """

    inputs: dict[str, np.ndarray]
    targets: np.ndarray
    weights: np.ndarray
    batch_size: int

    @property
    def rows(self) -> int:
        """Examples in the chunk."""
        return len(self.targets)

    @property
    def steps(self) -> int:
        """Optimizer steps that it gives."""
        return -(-self.rows // self.batch_size)


@dataclass
class Totals:
    """Sums over steps: what the live figures are made from."""

    loss: float = 0.0  # weighted sum
    weight: float = 0.0
    metric: float = 0.0  # correct examples, or squared errors
    count: float = 0.0
    norm: float = 0.0  # of the last step
    largest_norm: float = 0.0
    steps: int = 0

    def add(self, sums: np.ndarray, steps: int) -> None:
        """Add what one compiled call returned."""
        self.loss += float(sums[LOSS])
        self.weight += float(sums[WEIGHT])
        self.metric += float(sums[METRIC])
        self.count += float(sums[COUNT])
        self.norm = float(sums[NORM])
        self.largest_norm = max(self.largest_norm, float(sums[LARGEST_NORM]))
        self.steps += steps

    @property
    def mean_loss(self) -> float:
        """The weighted mean loss an example."""
        return self.loss / self.weight if self.weight else float("nan")

    @property
    def mean_metric(self) -> float:
        """Accuracy, or the mean squared error."""
        return self.metric / self.count if self.count else float("nan")


@dataclass
class StepSettings:
    """What a compiled step is built from."""

    model: Any
    optimizer: Any
    loss: Loss
    classification: bool
    clip_norm: float = 0.0  # 0: none
    averaging: bool = False
    jit: bool = False
    averages: list[Any] = field(default_factory=list)  # keras variables, made by `with_averages`
    numbers: list[LiveNumber] = field(default_factory=list)  # of model, loss and optimizer: arguments of the step
    decay: LiveNumber | None = None  # the one among them that is the optimizer's weight decay
    whole: Any = None  # the model that is saved, where only a part of it is trained
    rates: Rates | None = None  # how quickly each variable learns; None: all alike
    allocator: Allocator | None = None  # shares out AdaLoRA's ranks
    pull: LiveNumber | None = None  # towards where the variables began (L2-SP)
    anchors: dict[int, Any] = field(default_factory=dict)  # place among the trainable variables -> where it began
    planned_steps: int = 0  # of the run; 0: not known
    objective: Any = None  # what adversarial training takes the loss of; None: the plain examples

    @property
    def core(self) -> Any:
        """The whole model: encoded inputs → outputs."""
        return self.model if self.whole is None else self.whole

    @property
    def input_dtypes(self) -> dict[str, str]:
        """What the model takes, by input name; kept rows may be smaller (images as bytes) and are cast in the step."""
        return {name: tensor.dtype for name, tensor in self.model.input.items()}

    def with_averages(self) -> StepSettings:
        """Make the variables that the moving average of the weights is kept in, equal to the weights."""
        if self.averaging and not self.averages:
            self.averages = [
                keras.Variable(v.numpy() if hasattr(v, "numpy") else v.value, trainable=False, dtype=v.dtype)
                for v in self.model.trainable_variables
            ]
        return self

    def course(self, shares: np.ndarray | None, steps: int) -> np.ndarray:
        """What changes in the course of a run, `(steps, columns)`: the factors of the variables' rates, and what is
        done to ranks after each step; no columns where nothing changes.

        Args:
            shares: how much of the run is done before each step; None: all has thawed, and ranks stay as they are.
            steps: how many there are.
        """
        parts = [np.zeros((steps, 0), np.float32)]
        known = np.ones(steps) if shares is None else shares
        if self.rates is not None:
            parts.append(np.stack([self.rates.at(share) for share in known]))
        if self.allocator is not None:
            parts.append(self.allocator.plan(known, 0 if shares is None else self.planned_steps))
        return np.concatenate(parts, axis=1)

    def divided(self, course: Any) -> tuple[Any, Any]:
        """A step's row of `course`: the factors of rates and what is done to ranks, each None where it is not."""
        count = 0 if self.rates is None else len(self.model.trainable_variables)
        factors = None if self.rates is None else [course[i] for i in range(count)]
        return factors, None if self.allocator is None else (course[count], course[count + 1] > 0.5)

    def pulled(self, gradients: list[Any], values: list[Any], scale: Any, anchors: Any = None) -> list[Any]:
        """Gradients with the pull towards where the variables began; `scale` is on them already."""
        if self.pull is None:
            return gradients
        from engine.finetuning.pull import pulled

        return pulled(gradients, values, self.anchors if anchors is None else anchors, self.pull.get() * scale)

    def live_values(self) -> np.ndarray:
        """What the live numbers are now `(numbers,)`: they may be changed between two calls."""
        return np.array([number.value for number in self.numbers], np.float32)

    @contextmanager
    def live(self, tensors: Sequence[Any]) -> Iterator[None]:
        """Trace the step inside: live numbers are these tensors, one each."""
        optimizer = getattr(self.optimizer, "inner_optimizer", self.optimizer)
        before = optimizer.weight_decay
        with bound(self.numbers, tensors):
            if self.decay is not None:
                optimizer.weight_decay = self.decay.get()
            try:
                yield
            finally:
                optimizer.weight_decay = before


class Stepper(Protocol):
    """A compiled model with its optimizer."""

    settings: StepSettings

    def train(
        self, chunk: Chunk, rates: np.ndarray, momenta: np.ndarray, shares: np.ndarray | None = None
    ) -> np.ndarray:
        """Run the chunk's steps. `rates` and `momenta`: `(steps,)`, learning rate and averaging momentum a step;
        `shares`: how much of the run is done before each, for what changes in its course (None: all).

        Returns the `SUMS` sums.
        """
        ...

    def predict(self, inputs: dict[str, np.ndarray]) -> np.ndarray:
        """Outputs `(rows, …)` of one batch, without dropout and augmentation."""
        ...

    def averaged(self) -> AbstractContextManager[None]:
        """Within it, the averaged weights take the place of the trained ones (nothing happens without averaging)."""
        ...

    def state(self) -> dict[str, list[np.ndarray]]:
        """Copies of all there is: "model", "optimizer", "average". Random seeds are among the model's."""
        ...

    def load_state(self, state: dict[str, list[np.ndarray]]) -> None:
        """Put back what `state` gave; groups that are missing stay as they are."""
        ...


def building() -> AbstractContextManager[Any]:
    """Within it a model, its optimizer and its stepper are made, on all devices that share a step.

    JAX lays what is there on its devices by itself (`engine.training.sharding_jax`).
    """
    if keras.backend.backend() != "tensorflow":
        return nullcontext()
    from engine.training import replicas_tensorflow

    return replicas_tensorflow.building()


def make_stepper(settings: StepSettings) -> Stepper:
    """The stepper of the backend that Keras runs on.

    Raises:
        NotImplementedError: for backends other than tensorflow and jax.
    """
    settings.optimizer.build(settings.model.trainable_variables)
    settings.with_averages()
    backend = keras.backend.backend()
    if backend == "tensorflow":
        from engine.training.steps_tensorflow import TensorFlowStepper

        return TensorFlowStepper(settings)
    if backend == "jax":
        from engine.training.steps_jax import JaxStepper

        return JaxStepper(settings)
    raise NotImplementedError(f"training runs with KERAS_BACKEND tensorflow or jax, got {backend}")


def variable_names(settings: StepSettings) -> dict[str, list[str]]:
    """What each array of a stepper's `state` is called, so that another model may find its own among them.

    The optimizer's own name is left out: Keras counts it on from one optimizer to the next.
    """
    names = [variable.path for variable in settings.model.trainable_variables]
    return {
        "model": [variable.path for variable in settings.model.variables],
        "optimizer": [variable.path.partition("/")[2] for variable in settings.optimizer.variables],
        "average": names if settings.averages else [],
        "trainable": names,
    }


def predict_all(stepper: Stepper, batches: Iterator[dict[str, np.ndarray]]) -> np.ndarray:
    """The outputs of many batches, one below the other."""
    return np.concatenate([stepper.predict(batch) for batch in batches])


def learning(gradients: list[Any], factors: Any) -> list[Any]:
    """Gradients with zeros for variables that have not thawed: what rests has no part in the norm."""
    if factors is None:
        return gradients
    return [g * keras.ops.cast(factors[i] > 0.0, g.dtype) for i, g in enumerate(gradients)]


def global_norm(gradients: list[Any]) -> Any:
    """The L2 norm over all gradients together, in float32."""
    ops = keras.ops
    return ops.sqrt(sum(ops.sum(ops.square(ops.cast(g, "float32"))) for g in gradients))


def clip_factor(norm: Any, limit: Any) -> Any:
    """What gradients are multiplied by so that their norm is at most `limit` (Pascanu et al. 2013); 1 for limit 0."""
    ops = keras.ops
    return ops.where(limit > 0.0, ops.minimum(1.0, limit / (norm + 1e-6)), 1.0)


def metric_sum(settings: StepSettings, targets: Any, outputs: Any) -> Any:
    """Correct examples, or the sum of squared errors in scaled units."""
    ops = keras.ops
    if settings.classification:
        return ops.sum(ops.cast(ops.equal(ops.argmax(outputs, axis=-1), ops.cast(targets, "int32")), "float32"))
    return ops.sum(ops.square(outputs - targets))
