"""Ready-made search spaces: made from the fields that a document has, so that every family has its own.

Ranges are factors around what stands in the document, within the bounds that the fields have themselves.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from engine.errors import EngineError
from engine.specs import RunSpec
from engine.specs.knobs import Knob, knobs
from engine.specs.search_records import SearchPreset
from engine.text import N_

_RATE = "training.optimizer.learning_rate"
_DECAY = "training.optimizer.weight_decay"
_FACTOR, _WIDE_FACTOR = 10.0, 2.0  # of a learning rate, of a size
_SMALL = 8  # counts up to here are searched one by one, larger ones by factors
_OPTIMIZERS = ("adamw", "adam", "sgd")
_SMOOTHING = "training.loss.label_smoothing"


def presets_of(spec: RunSpec) -> list[SearchPreset]:
    """The presets that a document's fields allow, the most useful first."""
    base = spec.edit({"search": None})
    known = {knob.path: knob for knob in knobs(base)}
    made = [
        _preset(
            base,
            "essentials",
            N_("Essentials"),
            N_("Learning rate, weight decay and dropout: where most of the gain is. No new trace for any of them."),
            [known.get(path) for path in (_RATE, _DECAY, "model.dropout")],
            {"algorithm": {"kind": "bayesian"}, "budget": {"trials": 20}},
        ),
        _preset(
            base,
            "regularisation",
            N_("Regularisation"),
            N_("Dropout, weight decay, label smoothing and augmentation: against overfitting."),
            [known.get(path) for path in ("model.dropout", _DECAY, _SMOOTHING)]
            + [knob for path, knob in known.items() if path.startswith("training.augmentation.") and not knob.advanced],
            {"algorithm": {"kind": "bayesian"}, "budget": {"trials": 30}},
        ),
        _preset(
            base,
            "architecture",
            N_("Size and shape of the model"),
            N_("Width, depth and what stands between, with the learning rate; short trials first (Hyperband)."),
            [known.get(_RATE), *(knob for knob in known.values() if _is_shape(knob))],
            {
                "algorithm": {"kind": "hyperband", "max_epochs": min(max(spec.training.epochs, 9), 81)},
                "budget": {"trials": 0},
            },
        ),
        _optimizers(spec),
        _preset(
            base,
            "batch",
            N_("Batch size and learning rate"),
            N_("They belong together: a larger batch bears a larger rate."),
            [known.get("training.batch_size"), known.get(_RATE)],
            {"algorithm": {"kind": "random"}, "budget": {"trials": 20}},
        ),
    ]
    return [preset for preset in made if preset is not None and len(preset.search["dimensions"]) > 0]


def _preset(
    spec: RunSpec, key: str, name: str, summary: str, chosen: Iterable[Knob | None], options: dict[str, Any]
) -> SearchPreset | None:
    found = [dimension_of(knob) for knob in chosen if knob is not None]
    checked = [_that_work(spec, dimension) for dimension in found if dimension is not None]
    dimensions = [dimension for dimension in checked if dimension is not None]
    if not dimensions:
        return None
    return SearchPreset(id=key, name=name, summary=summary, search={"dimensions": dimensions, **options})


def _optimizers(spec: RunSpec) -> SearchPreset | None:
    """Several optimizers, each with a learning rate around its own default."""
    dimensions: list[dict[str, Any]] = [
        {"kind": "choice", "path": "training.optimizer.kind", "values": list(_OPTIMIZERS)}
    ]
    for kind in _OPTIMIZERS:
        try:
            other = spec.edit({"search": None, "training.optimizer.kind": kind})
        except EngineError:
            return None
        rate = other.training.optimizer.learning_rate
        if kind == spec.training.optimizer.kind:
            rate = type(spec.training.optimizer)().learning_rate
        when = {"training.optimizer.kind": [kind]}
        ends = {"low": rate / _FACTOR, "high": rate * _FACTOR}
        dimensions.append({"kind": "float", "path": _RATE, "scale": "log", "when": when, **ends})
    return SearchPreset(
        id="optimizer",
        name=N_("Optimizer"),
        summary=N_("AdamW, Adam and SGD, each with learning rates of its own."),
        search={"dimensions": dimensions, "algorithm": {"kind": "random"}, "budget": {"trials": 30}},
    )


def _is_shape(knob: Knob) -> bool:
    """Sizes and choices of the model itself."""
    if not knob.path.startswith("model.") or knob.advanced or knob.path in ("model.dropout", "model.kind"):
        return False
    return knob.kind in ("int", "choice")


def dimension_of(knob: Knob) -> dict[str, Any] | None:
    """A range or choice around what a knob stands at."""
    if knob.kind in ("choice", "bool"):
        values = list(knob.choices) or [False, True]
        values = [list(value) if isinstance(value, tuple) else value for value in values]
        return {"kind": "choice", "path": knob.path, "values": values} if len(values) > 1 else None
    return (_whole if knob.kind == "int" else _number)(knob)


def _number(knob: Knob) -> dict[str, Any]:
    value = float(knob.value or 0.0)
    if knob.scale == "log":
        middle = value or 1e-4
        low, high = _within(knob, middle / _FACTOR, middle * _FACTOR)
        return {"kind": "float", "path": knob.path, "low": low, "high": high, "scale": "log"}
    bound = knob.high if knob.high is not None else max(1.0, value * 2)
    low, high = _within(knob, 0.0, max(value * 2, min(0.5, bound * 0.5)))
    return {"kind": "float", "path": knob.path, "low": low, "high": high}


def _whole(knob: Knob) -> dict[str, Any] | None:
    value = int(knob.value or 0)
    if value == 0:
        return None  # turned off: a preset leaves it off
    if value <= _SMALL and knob.scale != "log":
        low, high = _within(knob, max(1, value - 1), value + 2)
        return {"kind": "int", "path": knob.path, "low": int(low), "high": int(high)}
    lowest, highest = knob.low or 1, knob.high or math.inf
    wanted = (value / _WIDE_FACTOR, value, value * _WIDE_FACTOR)
    values = sorted({round(min(max(number, lowest), highest)) for number in wanted})
    return {"kind": "choice", "path": knob.path, "values": values} if len(values) > 1 else None


def _that_work(spec: RunSpec, dimension: dict[str, Any]) -> dict[str, Any] | None:
    """A dimension without the values that make no document by themselves (heads that do not divide the width)."""
    if dimension["kind"] == "float":
        return dimension
    whole = dimension["kind"] == "int"
    values = range(dimension["low"], dimension["high"] + 1) if whole else dimension["values"]
    working = [value for value in values if _works(spec, dimension["path"], value)]
    if len(working) < 2:
        return None
    if len(working) == len(values):
        return dimension
    return {"kind": "choice", "path": dimension["path"], "values": working}


def _works(spec: RunSpec, path: str, value: Any) -> bool:
    try:
        spec.edit({path: value})
    except EngineError:
        return False
    return True


def _within(knob: Knob, low: float, high: float) -> tuple[float, float]:
    lowest = knob.low if knob.low is not None else low
    highest = knob.high if knob.high is not None else high
    return float(f"{max(low, lowest):.3g}"), float(f"{min(high, highest):.3g}")
