"""The compiled step on TensorFlow: a `tf.while_loop` over a chunk, any number of batches without retracing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import tensorflow as tf
from keras import ops

from engine.training import updates_tensorflow
from engine.training.replicas_tensorflow import Replicas
from engine.training.steps import SUMS, Chunk, StepSettings, clip_factor, global_norm, learning, metric_sum


class TensorFlowStepper:
    """See `engine.training.steps.Stepper`."""

    def __init__(self, settings: StepSettings) -> None:
        self.settings = settings
        self._model = settings.model
        self._programs: dict[Any, Any] = {}  # one of each kind; several only where rows come in another dtype
        self._forwards: dict[Any, Any] = {}
        self._replicas = Replicas()
        # XLA does not compile what several devices have to say to each other between gradients and update.
        jit = settings.jit and self._replicas.count == 1
        self._compiled_step = tf.function(self._step, autograph=False, jit_compile=True) if jit else self._step
        self.traces = 0  # of the training step

    # ---- training -------------------------------------------------------------------------------------------------
    def train(
        self, chunk: Chunk, rates: np.ndarray, momenta: np.ndarray, shares: np.ndarray | None = None
    ) -> np.ndarray:
        """Run the chunk's steps in one call."""
        arguments = (
            {name: _tensor(value) for name, value in chunk.inputs.items()},
            _tensor(chunk.targets),
            _tensor(chunk.weights),
            tf.constant(rates, tf.float32),
            tf.constant(momenta, tf.float32),
            tf.constant(chunk.batch_size, tf.int32),
            tf.constant(self.settings.clip_norm, tf.float32),
            tf.constant(self.settings.live_values(), tf.float32),
            tf.constant(self.settings.course(shares, chunk.steps), tf.float32),
        )
        return np.asarray(_program(self._programs, self._chunk, arguments)(*arguments))

    def _chunk(
        self,
        inputs: Any,
        targets: Any,
        weights: Any,
        rates: Any,
        momenta: Any,
        batch: Any,
        clip: Any,
        live: Any,
        course: Any,
    ) -> Any:
        self.traces += 1
        rows, steps = tf.shape(targets)[0], tf.shape(rates)[0]
        numbers = tf.unstack(live, num=len(self.settings.numbers)) if self.settings.numbers else []

        # In double precision sums of single ones are exact: a curve does not depend on how many steps a call ran.
        def body(i: Any, sums: Any) -> tuple[Any, Any]:
            first, last = i * batch, tf.minimum((i + 1) * batch, rows)
            part = {name: value[first:last] for name, value in inputs.items()}
            rest = (rates[i], momenta[i], clip, numbers, course[i])
            added = self._replicas.run(self._compiled_step, (part, targets[first:last], weights[first:last], *rest))
            added = tf.cast(added, tf.float64)
            total = sums + added
            # Sums add up, the norm is the newest, the largest norm the largest.
            return i + 1, tf.concat([total[:4], added[4:5], tf.maximum(sums[5:6], added[5:6])], 0)

        _, sums = tf.while_loop(lambda i, _: i < steps, body, [tf.constant(0), tf.zeros(SUMS, tf.float64)])
        with tf.control_dependencies([sums]):
            self._replicas.agree(self._model.non_trainable_variables)
        return sums

    def _step(
        self,
        inputs: Any,
        targets: Any,
        weights: Any,
        rate: Any,
        momentum: Any,
        clip: Any,
        numbers: Any,
        course: Any,
    ) -> Any:
        with self.settings.live(numbers):
            return self._one_step(inputs, targets, weights, rate, momentum, clip, course)

    def _one_step(
        self, inputs: Any, targets: Any, weights: Any, rate: Any, momentum: Any, clip: Any, course: Any
    ) -> Any:
        model, optimizer = self._model, self.settings.optimizer
        factors, ranks = self.settings.divided(course)
        variables = model.trainable_variables
        inputs, targets, weights, counted = self._replicas.share(inputs, targets, weights)
        with tf.GradientTape() as tape:
            per_example, outputs = self._losses(self._cast(inputs), targets)
            loss = tf.reduce_mean(per_example * weights)
            if model.losses:  # L1 and L2 penalties
                loss += tf.add_n([tf.cast(penalty, tf.float32) for penalty in model.losses])
            loss = optimizer.scale_loss(loss / self._replicas.count)
        gradients = tape.gradient(loss, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        gradients = self._replicas.summed([tf.convert_to_tensor(g) for g in gradients])
        scale = optimizer.loss_scale_factor  # a scale on the loss (float16) is on the gradients too
        scale = 1.0 if scale is None else tf.cast(scale, tf.float32)
        gradients = self.settings.pulled(gradients, variables, scale)
        norm = global_norm(learning(gradients, factors)) / scale
        factor = clip_factor(norm, clip)
        gradients = [g * tf.cast(factor, g.dtype) for g in gradients]
        updates_tensorflow.apply(optimizer, gradients, variables, rate, factors, replicas=self._replicas.count)
        if ranks is not None:
            self._share_out(gradients, scale, *ranks)
        for average, variable in zip(self.settings.averages, variables, strict=False):
            average.assign(average + (1.0 - momentum) * (variable - average))
        rows = tf.cast(tf.shape(targets)[0], tf.float32)
        own = [
            tf.reduce_sum(per_example * weights),
            tf.reduce_sum(weights),
            metric_sum(self.settings, targets, outputs),
        ]
        return tf.stack([*(value * counted for value in (*own, rows)), *[norm / self._replicas.count] * 2])

    def _losses(self, inputs: Any, targets: Any) -> tuple[Any, Any]:
        """The loss of each example `(batch,)` in float32, and the outputs."""
        objective, loss = self.settings.objective, self.settings.loss
        if objective is None:
            outputs = self._model(inputs, training=True)
            return tf.cast(loss(targets, outputs), tf.float32), outputs
        surface = TensorFlowSurface(self._model, self.settings.optimizer.iterations.value)
        losses, outputs = objective(surface, loss, inputs, targets)
        return tf.cast(losses, tf.float32), outputs

    def _share_out(self, gradients: list[Any], scale: Any, cut: Any, learns: Any) -> None:
        """Share out ranks anew."""
        allocator: Any = self.settings.allocator
        own = allocator.learning
        by_variable = {id(v): g for v, g in zip(self._model.trainable_variables, gradients, strict=True)}
        unscaled = [by_variable[id(v)] / tf.cast(scale, v.dtype) for v in own]
        values, resting = [v.value for v in own], [v.value for v in allocator.resting]
        singles, numbers = allocator.updated(values, unscaled, resting, cut, learns)
        _assign(own[1::3], singles)
        _assign(allocator.resting, numbers)

    def _cast(self, inputs: Any) -> Any:
        return {name: tf.cast(inputs[name], dtype) for name, dtype in self.settings.input_dtypes.items()}

    # ---- prediction -----------------------------------------------------------------------------------------------
    def predict(self, inputs: dict[str, np.ndarray]) -> np.ndarray:
        """Outputs of one batch."""
        arguments = ({name: _tensor(value) for name, value in inputs.items()},)
        forward = _program(self._forwards, self._outputs, arguments, jit=self.settings.jit)
        return np.asarray(forward(*arguments))

    def _outputs(self, inputs: Any) -> Any:
        return tf.cast(self._model(self._cast(inputs), training=False), tf.float32)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """The averaged weights in the place of the trained ones."""
        averages, variables = self.settings.averages, self._model.trainable_variables
        if not averages:
            yield
            return
        trained = [ops.copy(variable.value) for variable in variables]
        _assign(variables, averages)
        try:
            yield
        finally:
            _assign(variables, trained)

    # ---- state ----------------------------------------------------------------------------------------------------
    def state(self) -> dict[str, list[np.ndarray]]:
        """Copies of all variables."""
        return {name: [np.array(v.value) for v in variables] for name, variables in self._groups().items()}

    def load_state(self, state: dict[str, list[np.ndarray]]) -> None:
        """Assign what `state` gave."""
        for name, variables in self._groups().items():
            if name in state:
                _assign(variables, state[name])

    def _groups(self) -> dict[str, list[Any]]:
        return {
            "model": self._model.variables,
            "optimizer": self.settings.optimizer.variables,
            "average": self.settings.averages,
        }


class TensorFlowSurface:
    """See `engine.training.adversarial.Surface`."""

    def __init__(self, model: Any, step: Any) -> None:
        self._model, self._step, self._draws = model, tf.cast(step, tf.int32), 0

    def train(self, inputs: Any) -> Any:
        """Outputs with dropout."""
        return self._model(inputs, training=True)

    def rest(self, inputs: Any) -> Any:
        """Outputs as in prediction."""
        return self._model(inputs, training=False)

    def gradient(self, function: Any, x: Any) -> Any:
        """Of a scalar function at x."""
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(x)
            y = function(x)
        return tf.stop_gradient(tape.gradient(y, x))

    def uniform(self, like: Any) -> Any:
        """Between -1 and 1."""
        return tf.random.stateless_uniform(tf.shape(like), self._seed(), -1.0, 1.0)

    def normal(self, like: Any) -> Any:
        """Standard normal."""
        return tf.random.stateless_normal(tf.shape(like), self._seed())

    def _seed(self) -> Any:
        self._draws += 1
        return tf.stack([self._step, self._draws])


def _program(known: dict[Any, Any], function: Any, arguments: tuple[Any, ...], *, jit: bool = False) -> Any:
    """The compiled program for arguments like these: traced once, for any number of rows.

    `tf.function` by itself traces for the first number of rows, and once more, for any, when it sees another.
    """
    key = tuple((a.dtype, tuple(a.shape)[1:]) for a in tf.nest.flatten(arguments))
    if key not in known:
        signature = tf.nest.map_structure(_any_rows, arguments)
        traced = tf.function(function, autograph=False, jit_compile=jit or None, input_signature=signature)
        known[key] = traced.get_concrete_function()
    return known[key]


def _any_rows(tensor: Any) -> Any:
    shape = [None, *tensor.shape[1:]] if tensor.shape.rank else []
    return tf.TensorSpec(shape, tensor.dtype)


def _assign(variables: list[Any], values: list[Any]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _tensor(array: np.ndarray) -> Any:
    return tf.convert_to_tensor(array)
