"""A document's model with its compiled step; the newest ones are kept, because tracing costs more than a short run.

A document that differs in its learning rate, schedule, seed, batch size, epochs, clipping, dropout, weight decay,
smoothing or penalties alone runs on the program that is already there, with fresh weights.
"""

from __future__ import annotations

import gc
import json
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import Any

import keras
import numpy as np
from keras.src.utils.naming import reset_uids

from engine.errors import EngineError, ErrorKind
from engine.finetuning.allocation import allocator_of
from engine.finetuning.pull import anchors_of, live_pull
from engine.finetuning.rates import rates_of
from engine.models.build import build_core
from engine.models.describe import weightless
from engine.models.live import LiveNumber, collected, zeros_are_kept
from engine.models.memory import FLOAT_BYTES
from engine.specs import RunSpec
from engine.specs.base import Document, extra_of
from engine.training import precision
from engine.training.adversarial import build_objective
from engine.training.features import FeatureStepper, divided, rests
from engine.training.losses import build_loss
from engine.training.optimizers import build_optimizer, live_decay
from engine.training.pipeline import Encoded
from engine.training.steps import Stepper, StepSettings, building, make_stepper

KEPT = 4
SEEDS_KEPT = 8  # first weights of a kept model
DOCUMENTS_KNOWN = 512
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
Zeros = tuple[bool, ...]


@dataclass(frozen=True)
class Numbers:
    """The live numbers of a model, its loss and its optimizer: what they belong to, and what they are."""

    labels: tuple[str, ...]
    values: tuple[float, ...]

    @property
    def zeros(self) -> Zeros:
        """Which are 0: a dropout that is off draws no seed, so that the first weights after it are others."""
        return tuple(value == 0.0 for value in self.values)


@dataclass
class _Kept:
    stepper: Stepper
    first: State  # optimizer and averages at the first weights
    models: OrderedDict[tuple[int, Zeros], list[np.ndarray]]  # seed and zeros -> first weights; the newest last

    @property
    def nbytes(self) -> int:
        """Its variables, those of a resting body included."""
        settings = self.stepper.settings
        resting = [] if settings.core is settings.model else settings.core.variables
        return _bytes(self.first) + sum(prod(v.shape) * FLOAT_BYTES for v in resting)


_kept: OrderedDict[tuple[str, tuple[str, ...]], _Kept] = OrderedDict()
_known: OrderedDict[str, Numbers] = OrderedDict()  # of documents
_lock = threading.Lock()
_compiled = 0
_most_kept = KEPT


@contextmanager
def compiled_steps(spec: RunSpec, encoded: Encoded) -> Iterator[Stepper]:
    """The document's stepper at its seed's first weights; kept for the next run where the body ends well.

    Learning rate, dropout, weight decay, smoothing and penalties are arguments of the program: a document that differs
    in them alone runs on the one that is there.
    """
    structure = _structure(spec, encoded)
    kept, numbers = _take(structure, spec, encoded)
    if kept is None:
        kept, numbers = _compile(spec, encoded)
    else:
        _renew(kept, spec, encoded, numbers)
    _remember(_document(structure, spec), numbers)
    kept.stepper.settings.clip_norm = spec.training.clip_norm
    try:
        yield kept.stepper
    except BaseException as error:
        if not _is_harmless(error):
            del kept
            gc.collect()  # where memory ran out, what can go must go now
            raise
        _keep(structure, numbers, kept)
        raise
    _keep(structure, numbers, kept)


def keep_more(count: int) -> None:
    """How many compiled models this process keeps; the prober has many knobs to come back to."""
    global _most_kept
    _most_kept = count


def _take(structure: str, spec: RunSpec, encoded: Encoded) -> tuple[_Kept | None, Numbers]:
    """The kept stepper that fits, taken out; None where there is none."""
    with _lock:
        if not any(key[0] == structure for key in _kept):
            return None, Numbers((), ())
    numbers = _numbers_of(structure, spec, encoded)
    with _lock:
        return _kept.pop((structure, numbers.labels), None), numbers


def _keep(structure: str, numbers: Numbers, kept: _Kept) -> None:
    if kept.nbytes > LIMIT_BYTES:
        gc.collect()
        return
    with _lock:
        _kept[structure, numbers.labels] = kept
        while len(_kept) > _most_kept or sum(each.nbytes for each in _kept.values()) > 2 * LIMIT_BYTES:
            _kept.popitem(last=False)


def _is_harmless(error: BaseException) -> bool:
    """Whether the program can be used again: a loss that diverged leaves bad weights, which the next run replaces."""
    return isinstance(error, EngineError) and error.kind is ErrorKind.DIVERGED


def compilations() -> int:
    """How many models were compiled in this process: it grows where a document needed a program of its own."""
    return _compiled


def forget_all() -> None:
    """Release all kept models."""
    with _lock:
        _kept.clear()
        _known.clear()
    keras.backend.clear_session()


def _compile(spec: RunSpec, encoded: Encoded) -> tuple[_Kept, Numbers]:
    global _compiled
    _compiled += 1
    precision.grow_memory()
    training = spec.training
    with building():
        with collected() as live:
            core, policy = _build(spec, encoded)
            loss, decay = build_loss(training.loss), live_decay(training.optimizer)
            pull = live_pull(spec)
            objective = build_objective(spec, core)
        parts = divided(core) if rests(spec) else None
        stepper: Stepper = make_stepper(
            StepSettings(
                model=core if parts is None else parts.head,
                whole=core,
                optimizer=precision.scaled(build_optimizer(training.optimizer), policy),
                loss=loss,
                classification=spec.data.task.is_classification,
                clip_norm=training.clip_norm,
                averaging=training.weight_averaging > 0.0,
                jit=precision.use_jit(),
                numbers=live,
                decay=decay,
                rates=rates_of(spec, core),
                allocator=allocator_of(spec, core),
                pull=pull,
                anchors={} if pull is None else anchors_of(core),
                objective=objective,
            )
        )
    if parts is not None:
        stepper = FeatureStepper(stepper, parts.body)
    numbers = _as_numbers(live)
    first = stepper.state()
    models = OrderedDict({(spec.seed, numbers.zeros): first["model"]})
    return _Kept(stepper, first, models), numbers


def _renew(kept: _Kept, spec: RunSpec, encoded: Encoded, numbers: Numbers) -> None:
    """Put fresh weights and the document's live numbers into a kept stepper."""
    key = (spec.seed, numbers.zeros)
    if key not in kept.models:
        core, _ = _build(spec, encoded)
        model = divided(core).head if rests(spec) else core
        kept.models[key] = [np.array(v.value) for v in model.variables]
        while len(kept.models) > SEEDS_KEPT or len(kept.models) * _bytes(kept.first) > LIMIT_BYTES:
            kept.models.popitem(last=False)
            if len(kept.models) == 1:
                break
    kept.models.move_to_end(key)
    model = kept.models[key]
    kept.stepper.load_state({**kept.first, "model": model})
    settings = kept.stepper.settings
    if settings.averages:
        place = {id(v): i for i, v in enumerate(settings.model.variables)}
        kept.stepper.load_state({"average": [model[place[id(v)]] for v in settings.model.trainable_variables]})
    for number, value in zip(settings.numbers, numbers.values, strict=True):
        number.value = value


def _numbers_of(structure: str, spec: RunSpec, encoded: Encoded) -> Numbers:
    """The live numbers of a document, from a model without weights where it was not seen before."""
    key = _document(structure, spec)
    with _lock:
        if key in _known:
            return _known[key]
    reset_uids()
    with collected() as live, weightless(), precision.policy(spec.training.precision):
        core = build_core(spec, encoded.encoder)
    with collected() as rest:
        build_loss(spec.training.loss)
        live_decay(spec.training.optimizer)
        live_pull(spec)
        build_objective(spec, core)
    return _as_numbers([*live, *rest])


def _as_numbers(live: list[LiveNumber]) -> Numbers:
    return Numbers(tuple(number.label for number in live), tuple(number.value for number in live))


def _remember(key: str, numbers: Numbers) -> None:
    with _lock:
        _known[key] = numbers
        while len(_known) > DOCUMENTS_KNOWN:
            _known.popitem(last=False)


def _build(spec: RunSpec, encoded: Encoded) -> tuple[Any, str]:
    # Names count from one again. `clear_session` and a new global seed would also drop the kernels of the programs that
    # are kept: each would be optimised anew at its next call, half a second for a small network. Every layer has a seed
    # of its own (`build_core`).
    reset_uids()
    with precision.policy(spec.training.precision) as policy:
        return build_core(spec, encoded.encoder), policy


def _structure(spec: RunSpec, encoded: Encoded) -> str:
    """All that the compiled program depends on."""
    training = without_live(spec.training, exclude=NOT_COMPILED)
    training["weight_averaging"] = spec.training.weight_averaging > 0.0
    encoder = encoded.encoder
    document: list[Any] = [
        without_live(spec.model),
        training,
        spec.data.task.value,
        {name: [list(shape), dtype] for name, (shape, dtype) in encoder.input_specs.items()},
        encoder.info,
        zeros_are_kept(),
    ]
    return json.dumps(document, sort_keys=True, default=str)


def _document(structure: str, spec: RunSpec) -> str:
    """All that live numbers depend on."""
    training = {"loss": spec.training.loss.model_dump(), "optimizer": spec.training.optimizer.model_dump()}
    training["optimizer"].pop("learning_rate")
    return json.dumps([structure, spec.model.model_dump(mode="json"), training], sort_keys=True)


def without_live(document: Document, exclude: Sequence[str] = ()) -> dict[str, Any]:
    """A document as plain JSON without the numbers that are arguments of the compiled step."""
    tree = document.model_dump(mode="json", exclude=set(exclude))
    _drop_live(document, tree)
    return tree


def _drop_live(document: Document, tree: dict[str, Any]) -> None:
    for name, info in type(document).model_fields.items():
        if name not in tree:
            continue
        value = getattr(document, name)
        if extra_of(info).get("live"):
            del tree[name]
        elif isinstance(value, Document):
            _drop_live(value, tree[name])
        elif isinstance(value, tuple):
            for item, branch in zip(value, tree[name], strict=True):
                if isinstance(item, Document):
                    _drop_live(item, branch)


def _bytes(state: State) -> int:
    return sum(array.nbytes for arrays in state.values() for array in arrays)
