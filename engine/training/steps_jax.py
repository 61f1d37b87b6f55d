"""The compiled step on JAX: a jitted pure function of the state, called once a batch without waiting for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from engine.training.sharding_jax import Devices
from engine.training.steps import (
    LARGEST_NORM,
    NORM,
    Chunk,
    StepSettings,
    clip_factor,
    global_norm,
    learning,
    metric_sum,
)

State = dict[str, list[Any]]


class JaxSurface:
    """See `engine.training.adversarial.Surface`; what the first call in training moved, and its penalties, are kept."""

    def __init__(self, model: Any, trainable: list[Any], others: list[Any], step: Any) -> None:
        self._model, self._trainable, self._first = model, trainable, others
        self._key = jax.random.key(jnp.asarray(step, "uint32"))
        self.others: list[Any] = others
        self.penalties: list[Any] = []
        self._calls = 0

    def train(self, inputs: Any) -> Any:
        """Outputs with dropout."""
        outputs, others, penalties = self._model.stateless_call(
            self._trainable, self.others, inputs, training=True, return_losses=True
        )
        if self._calls == 0:
            self.penalties = penalties
            self.others = others
        self._calls += 1
        return outputs

    def rest(self, inputs: Any) -> Any:
        """Outputs as in prediction."""
        return self._model.stateless_call(self._trainable, self._first, inputs, training=False)[0]

    def gradient(self, function: Any, x: Any) -> Any:
        """Of a scalar function at x."""
        return jax.lax.stop_gradient(jax.grad(function)(x))

    def uniform(self, like: Any) -> Any:
        """Between -1 and 1."""
        return jax.random.uniform(self._next(), like.shape, minval=-1.0, maxval=1.0)

    def normal(self, like: Any) -> Any:
        """Standard normal."""
        return jax.random.normal(self._next(), like.shape)

    def _next(self) -> Any:
        self._key, key = jax.random.split(self._key)
        return key


class JaxStepper:
    """See `engine.training.steps.Stepper`.

    The state lives in plain arrays while training goes on and is written back into the Keras variables when asked for.
    """

    def __init__(self, settings: StepSettings, devices: Devices | None = None) -> None:
        self.settings = settings
        self._devices = devices or Devices()
        self._model = settings.model
        self._rate_index = next(
            i for i, v in enumerate(settings.optimizer.variables) if v is settings.optimizer.learning_rate
        )
        self._step_index = next(
            i for i, v in enumerate(settings.optimizer.variables) if v is settings.optimizer.iterations
        )
        self._state = self._read()
        self._step = self._devices.compiled(self._one_step)
        self._forward = jax.jit(self._outputs)
        self.traces = 0  # of the training step

    # ---- training -------------------------------------------------------------------------------------------------
    def train(
        self, chunk: Chunk, rates: np.ndarray, momenta: np.ndarray, shares: np.ndarray | None = None
    ) -> np.ndarray:
        """Run the chunk's steps one after the other and wait at the end."""
        added = []
        clip, live = np.float32(self.settings.clip_norm), self.settings.live_values()
        course = self.settings.course(shares, chunk.steps)
        for i in range(chunk.steps):
            rows = slice(i * chunk.batch_size, min((i + 1) * chunk.batch_size, chunk.rows))
            inputs = {name: self._devices.rows(value[rows]) for name, value in chunk.inputs.items()}
            self._state, sums = self._step(
                self._state,
                inputs,
                self._devices.rows(chunk.targets[rows]),
                self._devices.rows(chunk.weights[rows]),
                np.float32(rates[i]),
                np.float32(momenta[i]),
                clip,
                live,
                course[i],
            )
            added.append(sums)
        # In double precision sums of single ones are exact: a curve does not depend on how many steps a call ran.
        each = np.stack([np.asarray(one, np.float64) for one in added])
        return np.concatenate([each[:, :NORM].sum(axis=0), each[-1:, NORM], each[:, LARGEST_NORM].max(keepdims=True)])

    def _one_step(
        self,
        state: State,
        inputs: Any,
        targets: Any,
        weights: Any,
        rate: Any,
        momentum: Any,
        clip: Any,
        live: Any,
        course: Any,
    ) -> tuple[State, Any]:
        self.traces += 1
        with self.settings.live([live[i] for i in range(len(self.settings.numbers))]):
            return self._traced_step(state, inputs, targets, weights, rate, momentum, clip, course)

    def _traced_step(
        self,
        state: State,
        inputs: Any,
        targets: Any,
        weights: Any,
        rate: Any,
        momentum: Any,
        clip: Any,
        course: Any,
    ) -> tuple[State, Any]:
        factors, ranks = self.settings.divided(course)
        optimizer = self.settings.optimizer
        scale = optimizer.loss_scale_factor
        scale = 1.0 if scale is None else scale

        def objective(trainable: list[Any]) -> tuple[Any, tuple[Any, Any, Any]]:
            surface = JaxSurface(self._model, trainable, state["others"], state["optimizer"][self._step_index])
            per_example, outputs = self._losses(surface, self._cast(inputs), targets)
            others, penalties = surface.others, surface.penalties
            loss = jnp.mean(per_example * weights) + sum(jnp.asarray(p, "float32") for p in penalties)
            return loss * scale, (outputs, others, per_example)

        (_, (outputs, others, per_example)), gradients = jax.value_and_grad(objective, has_aux=True)(state["trainable"])
        anchors = dict(zip(self.settings.anchors, state["anchors"], strict=True))
        gradients = self.settings.pulled(gradients, state["trainable"], scale, anchors)
        norm = global_norm(learning(gradients, factors)) / scale
        factor = clip_factor(norm, clip)
        gradients = [g * factor.astype(g.dtype) for g in gradients]
        moments = list(state["optimizer"])
        moments[self._rate_index] = rate
        trainable, moments = optimizer.stateless_apply(moments, gradients, state["trainable"])
        if factors is not None:  # a share of the way is what a lower rate would make of it
            before = zip(trainable, state["trainable"], strict=True)
            trainable = [old + factors[i].astype(old.dtype) * (new - old) for i, (new, old) in enumerate(before)]
        if ranks is not None:
            trainable, others = self._shared_out(trainable, others, gradients, scale, *ranks)
        average = [
            a + (1.0 - momentum) * (v - a)
            for a, v in zip(state["average"], trainable if state["average"] else [], strict=True)
        ]
        added = jnp.stack(
            [
                jnp.sum(per_example * weights),
                jnp.sum(weights),
                metric_sum(self.settings, targets, outputs),
                jnp.float32(targets.shape[0]),
                norm,
                norm,
            ]
        )
        moved = {"trainable": trainable, "others": others, "optimizer": moments, "average": average}
        return {**moved, "anchors": state["anchors"]}, added

    def _losses(self, surface: JaxSurface, inputs: Any, targets: Any) -> tuple[Any, Any]:
        """The loss of each example `(batch,)` in float32, and the outputs."""
        objective, loss = self.settings.objective, self.settings.loss
        if objective is None:
            outputs = surface.train(inputs)
            return loss(targets, outputs).astype("float32"), outputs
        losses, outputs = objective(surface, loss, inputs, targets)
        return losses.astype("float32"), outputs

    def _shared_out(
        self, trainable: list[Any], others: list[Any], gradients: list[Any], scale: Any, cut: Any, learns: Any
    ) -> tuple[list[Any], list[Any]]:
        """The variables after ranks were shared out anew."""
        allocator: Any = self.settings.allocator
        learning_at = {id(v): i for i, v in enumerate(self._model.trainable_variables)}
        resting_at = {id(v): i for i, v in enumerate(self._model.non_trainable_variables)}
        own = [learning_at[id(v)] for v in allocator.learning]
        rest = [resting_at[id(v)] for v in allocator.resting]
        singles, numbers = allocator.updated(
            [trainable[i] for i in own], [gradients[i] / scale for i in own], [others[i] for i in rest], cut, learns
        )
        trainable, others = list(trainable), list(others)
        for place, value in zip(own[1::3], singles, strict=True):
            trainable[place] = value
        for place, value in zip(rest, numbers, strict=True):
            others[place] = value
        return trainable, others

    def _cast(self, inputs: Any) -> Any:
        return {name: jnp.asarray(inputs[name], dtype) for name, dtype in self.settings.input_dtypes.items()}

    # ---- prediction -----------------------------------------------------------------------------------------------
    def predict(self, inputs: dict[str, np.ndarray]) -> np.ndarray:
        """Outputs of one batch."""
        rows = {name: self._devices.rows(value) for name, value in inputs.items()}
        return np.asarray(self._forward(self._state["trainable"], self._state["others"], rows))

    def _outputs(self, trainable: list[Any], others: list[Any], inputs: Any) -> Any:
        outputs, _ = self._model.stateless_call(trainable, others, self._cast(inputs), training=False)
        return outputs.astype("float32")

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """The averaged weights in the place of the trained ones."""
        trained = self._state["trainable"]
        if self._state["average"]:
            self._state["trainable"] = list(self._state["average"])
        try:
            yield
        finally:
            self._state["trainable"] = trained

    # ---- state ----------------------------------------------------------------------------------------------------
    def state(self) -> dict[str, list[np.ndarray]]:
        """Copies of all variables, after they were written back."""
        self._write()
        return {name: [np.array(v.value) for v in variables] for name, variables in self._groups().items()}

    def load_state(self, state: dict[str, list[np.ndarray]]) -> None:
        """Assign what `state` gave."""
        self._write()
        for name, variables in self._groups().items():
            for variable, value in zip(variables, state.get(name, []), strict=name in state):
                variable.assign(value)
        self._state = self._read()

    def _groups(self) -> dict[str, list[Any]]:
        return {
            "model": self._model.variables,
            "optimizer": self.settings.optimizer.variables,
            "average": self.settings.averages,
        }

    def _sources(self) -> dict[str, list[Any]]:
        return {
            "trainable": self._model.trainable_variables,
            "others": self._model.non_trainable_variables,
            "optimizer": self.settings.optimizer.variables,
            "average": self.settings.averages,
            "anchors": list(self.settings.anchors.values()),
        }

    def _read(self) -> State:
        # Copies: the step takes the memory of the state it is given, and the Keras variables must outlive that.
        place = self._devices.everywhere
        return {
            name: [place(jnp.array(v.value, copy=True)) for v in variables]
            for name, variables in self._sources().items()
        }

    def _write(self) -> None:
        for name, variables in self._sources().items():
            for variable, value in zip(variables, self._state[name], strict=True):
                variable.assign(jnp.array(value, copy=True))
