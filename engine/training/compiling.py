"""A document's model with its compiled step; the newest ones are kept, because tracing costs more than a short run.

A document that differs in its learning rate, schedule, seed, batch size, epochs or clipping alone runs on the program
that is already there, with fresh weights.
"""

from __future__ import annotations

import gc
import json
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from engine.models.build import build_core
from engine.specs import RunSpec
from engine.training import precision
from engine.training.losses import build_loss
from engine.training.optimizers import build_optimizer
from engine.training.pipeline import Encoded
from engine.training.steps import Stepper, StepSettings, make_stepper

KEPT = 4
# Models whose variables take more than this are not kept: their tracing is short beside their training.
LIMIT_BYTES = 256 * 1024**2
# Handed to the compiled step as numbers, or not its business.
NOT_COMPILED = (
    "epochs",
    "batch_size",
    "max_steps",
    "max_train_time_s",
    "class_weights",
    "class_weight_strength",
    "schedule",
    "clip_norm",
    "early_stopping",
    "steps_per_execution",
    "checkpoint_every_s",
)

State = dict[str, list[np.ndarray]]


@dataclass
class _Kept:
    stepper: Stepper
    seed: int
    first: State  # at the seed's first weights


_kept: OrderedDict[str, _Kept] = OrderedDict()
_lock = threading.Lock()
_compiled = 0


@contextmanager
def compiled_steps(spec: RunSpec, encoded: Encoded) -> Iterator[Stepper]:
    """The document's stepper at its seed's first weights; kept for the next run where the body ends well."""
    key = _structure(spec, encoded)
    with _lock:
        kept = _kept.pop(key, None)
    kept = _compile(spec, encoded) if kept is None else _renew(kept, spec, encoded)
    kept.stepper.settings.clip_norm = spec.training.clip_norm
    try:
        yield kept.stepper
    except BaseException:
        del kept
        gc.collect()  # where memory ran out, what can go must go now
        raise
    if _bytes(kept.first) <= LIMIT_BYTES:
        with _lock:
            _kept[key] = kept
            while len(_kept) > KEPT:
                _kept.popitem(last=False)
    else:
        del kept
        gc.collect()


def compilations() -> int:
    """How many models were compiled in this process: it grows where a document needed a program of its own."""
    return _compiled


def forget_all() -> None:
    """Release all kept models."""
    with _lock:
        _kept.clear()
    keras.backend.clear_session()


def _compile(spec: RunSpec, encoded: Encoded) -> _Kept:
    global _compiled
    _compiled += 1
    precision.grow_memory()
    training = spec.training
    core, policy = _build(spec, encoded)
    stepper = make_stepper(
        StepSettings(
            model=core,
            optimizer=precision.scaled(build_optimizer(training.optimizer), policy),
            loss=build_loss(training.loss),
            classification=spec.data.task.is_classification,
            clip_norm=training.clip_norm,
            averaging=training.weight_averaging > 0.0,
            jit=precision.use_jit(),
        )
    )
    return _Kept(stepper, spec.seed, stepper.state())


def _renew(kept: _Kept, spec: RunSpec, encoded: Encoded) -> _Kept:
    """Put fresh weights into a kept stepper."""
    if spec.seed != kept.seed:
        core, _ = _build(spec, encoded)
        kept.first = {**kept.first, "model": [np.array(v.value) for v in core.variables]}
        if kept.first["average"]:
            kept.first["average"] = [np.array(v.value) for v in core.trainable_variables]
        kept.seed = spec.seed
    kept.stepper.load_state(kept.first)
    return kept


def _build(spec: RunSpec, encoded: Encoded) -> tuple[Any, str]:
    # Names count from one again; what earlier models held is freed at the end of their runs, not while one waits.
    keras.backend.clear_session(free_memory=False)
    keras.utils.set_random_seed(spec.seed)
    with precision.policy(spec.training.precision) as policy:
        return build_core(spec, encoded.encoder), policy


def _structure(spec: RunSpec, encoded: Encoded) -> str:
    """All that the compiled program depends on."""
    training = spec.training.model_dump(mode="json", exclude=set(NOT_COMPILED))
    training["optimizer"].pop("learning_rate")
    training["weight_averaging"] = spec.training.weight_averaging > 0.0
    encoder = encoded.encoder
    document: list[Any] = [
        spec.model.model_dump(mode="json"),
        training,
        spec.data.task.value,
        {name: [list(shape), dtype] for name, (shape, dtype) in encoder.input_specs.items()},
        encoder.info,
    ]
    return json.dumps(document, sort_keys=True, default=str)


def _bytes(state: State) -> int:
    return sum(array.nbytes for arrays in state.values() for array in arrays)
