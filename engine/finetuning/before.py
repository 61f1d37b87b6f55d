"""Before: what the body was worth for these data before anything moved, kept for the next run on the same body."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.finetuning.linear_probe import fit_and_predict
from engine.finetuning.representations import Body, sample
from engine.specs import Part, RunSpec
from engine.store.home import cache_dir

if TYPE_CHECKING:
    from engine.training.pipeline import Encoded

MOST_TRAIN_ROWS = 5000  # that the probe is fitted on; a linear model on a few hundred features gains little from more
MOST_COMPARED_ROWS = 5000  # the interval of an accuracy is then about ±1 point
KEPT = 50  # answers in the cache, the newest


@dataclass(frozen=True)
class Before:
    """The probe's predictions.

    Attributes:
        places: which rows of the part were predicted, ascending.
        predictions: probabilities `(rows, classes)` or numbers `(rows,)` in the target's unit.
        fitted_rows: rows that the probe learned from.
    """

    places: NDArray[np.intp]
    predictions: NDArray[np.floating]
    fitted_rows: int


def before(spec: RunSpec, base: Any, encoded: Encoded, part: Part) -> Before:
    """Fit a linear probe on the features of train rows and predict rows of a part.

    Args:
        spec: the document.
        base: the core whose body has not moved.
        encoded: the data.
        part: whose rows are predicted.
    """
    prepared = encoded.prepared
    positions = np.asarray(prepared.parts[part])
    places = sample(len(positions), MOST_COMPARED_ROWS, spec.data.split.seed)
    chosen = sample(len(encoded.train), MOST_TRAIN_ROWS, spec.data.split.seed)
    file = cache_dir() / f"before-{_key(spec, base, part.value)}.npy"
    if file.exists():
        file.touch()
        return Before(places, np.load(file, allow_pickle=False), len(chosen))
    body = Body(base)
    target = np.asarray(prepared.target)
    known = body.features(encoded.train.take(chosen))
    unseen = body.features(encoded.encoder.encode(prepared, positions[places]))
    classes = len(prepared.classes)
    predictions = fit_and_predict(
        known, target[encoded.train.positions[chosen]], unseen, classes, seed=spec.data.split.seed
    )
    partial = file.with_name(f".{file.name}.partial.npy")
    np.save(partial, predictions)
    partial.replace(file)
    _forget_old()
    return Before(places, predictions, len(chosen))


def _key(spec: RunSpec, base: Any, part: str) -> str:
    """The hash of all that the predictions depend on: the body's numbers, the data part of the document."""
    digest = hashlib.sha256()
    data = spec.data.model_dump(mode="json", exclude={"name"})
    pooling = getattr(spec.model, "pooling", "")
    digest.update(json.dumps([data, part, pooling, MOST_TRAIN_ROWS, MOST_COMPARED_ROWS]).encode())
    for layer in base.layers:
        if not layer.name.startswith("head_"):
            for value in layer.get_weights():
                digest.update(np.ascontiguousarray(value).data)
    return digest.hexdigest()[:32]


def _forget_old() -> None:
    files = sorted(cache_dir().glob("before-*.npy"), key=lambda file: file.stat().st_mtime, reverse=True)
    for file in files[KEPT:]:
        file.unlink(missing_ok=True)
