"""The knobs of a document: every numeric or choice field that applies, with the values it can be turned to.

What-if turns them, tuning searches over them, the ledger puts their changes into words. Nothing here knows a model
family by name: knobs are found by walking the fields with the bounds, steps and scales that `setting` gave them.
"""

from __future__ import annotations

import typing
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, Literal, get_args, get_origin

import annotated_types
from pydantic.fields import FieldInfo

from engine.errors import EngineError
from engine.specs.adversarial import fitting_adversaries
from engine.specs.base import Choice, Document, Scale, extra_of
from engine.specs.models import ModelSpec
from engine.specs.run import RunSpec, differences, flatten
from engine.specs.task import Modality
from engine.specs.training import CLASSIFICATION_LOSSES, REGRESSION_LOSSES

KnobKind = Literal["int", "float", "bool", "choice"]

# Fields that say what a document is about, not how it is solved.
_FIXED = ("data.task", "data.target", "data.inputs", "data.cleaning", "search", "training.max_steps")
# A probe ends before these can show.
_BEYOND_PROBES = (
    "training.epochs",
    "training.max_train_time_s",
    "training.early_stopping",
    "training.steps_per_execution",
    "training.checkpoint_every_s",
    "data.split.test_fraction",
)
_SMALLEST_SHARE = 1e-6  # of an open lower bound on a log scale: 0 < x begins here
_LARGEST_LIST = 8


class Knob(Document):
    """One field that can be turned."""

    path: str
    title: str = ""  # marked for translation
    group: str = ""  # title of the part of the document it stands in, marked for translation
    kind: KnobKind
    value: Any
    low: float | None = None  # smallest allowed value
    high: float | None = None
    step: float | None = None
    scale: Scale = "linear"
    choices: tuple[Any, ...] = ()
    labels: tuple[str, ...] = ()  # of the choices, marked for translation where they are words
    unit: str = ""
    help: str = ""  # marked for translation
    advanced: bool = False
    live: bool = False  # turning it needs no new trace
    in_probe: bool = True  # False: a probe ends before it can show


class Change(Document):
    """One difference between two documents."""

    path: str
    title: str  # marked for translation
    before: Any = None  # None: the baseline has no such field
    after: Any = None

    @property
    def text(self) -> str:
        """In English: "learning rate 0.001 → 0.003"."""
        title = self.title if self.title.isupper() else self.title[:1].lower() + self.title[1:]
        return f"{title} {show(self.before)} → {show(self.after)}"


def knobs(spec: RunSpec) -> list[Knob]:
    """Every numeric or choice field of a document that applies to it, in the order in which they stand.

    Lists of numbers (the widths of stages) become choices: narrower, wider, one stage fewer, one stage more.
    """
    found: list[Knob] = []
    for owner, name, info, path, group in _fields(spec, "", ""):
        if path.startswith(_FIXED) or path.startswith(_of_other_tasks(spec)):
            continue
        knob = _knob(spec, owner, name, info, path)
        if knob is not None:
            beyond = path.startswith(_BEYOND_PROBES)
            found.append(knob.model_copy(update={"group": group, "in_probe": not beyond}))
    return found


def _of_other_tasks(spec: RunSpec) -> tuple[str, ...]:
    """Fields that mean nothing for the task of the document."""
    pictures = () if spec.data.task.modality is Modality.IMAGE else ("training.augmentation",)
    return pictures if spec.data.task.is_classification else (*pictures, "training.class_weights")


def whole_path(spec: RunSpec, path: str) -> str:
    """The dotted path that a shorter one stands for: `training.learning_rate` → `training.optimizer.learning_rate`.

    A path that is there, that stands for several fields or for none, is given back as it is.
    """
    leaves = flatten(spec)
    if path in leaves:
        return path
    parts = path.split(".")
    longer = [leaf for leaf in leaves if leaf.split(".")[-1] == parts[-1] and _in_order(parts, leaf.split("."))]
    return longer[0] if len(longer) == 1 else path


def _in_order(parts: list[str], whole: list[str]) -> bool:
    rest = iter(whole)
    return all(part in rest for part in parts)


def knob_at(spec: RunSpec, path: str) -> Knob | None:
    """The knob at a dotted path, or None where there is none."""
    return next((knob for knob in knobs(spec) if knob.path == path), None)


def changes_between(before: RunSpec, after: RunSpec) -> list[Change]:
    """How two documents differ, field by field; fields that came or went with a kind are left out beside it."""
    found = []
    kinds = [path.removesuffix("kind") for path in differences([before, after]) if path.endswith(".kind")]
    for path, (old, new) in differences([before, after]).items():
        if path == "name" or any(path.startswith(prefix) and path != f"{prefix}kind" for prefix in kinds):
            continue
        found.append(
            Change(path=path, title=title_of(after, path) or title_of(before, path) or path, before=old, after=new)
        )
    return found


def in_words(before: RunSpec, after: RunSpec) -> str:
    """The differences as one English line: "learning rate 0.001 → 0.003, dropout 0.1 → 0.2"."""
    return ", ".join(change.text for change in changes_between(before, after))


def title_of(spec: RunSpec, path: str) -> str:
    """The title of the field at a dotted path (marked for translation), "" where there is none."""
    node: Any = spec
    title = ""
    for part in path.split("."):
        if isinstance(node, Document) and part in type(node).model_fields:
            title = title if part == "kind" else type(node).model_fields[part].title or part
            node = getattr(node, part)
        elif isinstance(node, tuple) and part.isdigit() and int(part) < len(node):
            node = node[int(part)]
        else:
            return ""
    return title


def show(value: Any) -> str:
    """A value of a document as people write it."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        return " · ".join(show(item) for item in value) or "–"
    return str(value.value if isinstance(value, Enum) else value).replace("_", " ")


def neighbours(knob: Knob) -> tuple[Any, Any]:
    """The sensible values below and above the present one, None where there is none: what sensitivity tries.

    On a log scale half and double; linearly a tenth of the range, in whole steps; the choices beside the present one.
    """
    if knob.kind == "choice":
        return _beside(knob)
    if knob.kind == "bool":
        return (None, True) if not knob.value else (False, None)
    value = float(knob.value)
    low = -float("inf") if knob.low is None else knob.low
    high = float("inf") if knob.high is None else knob.high
    if knob.scale == "log" and value > 0:
        down, up = value / 2, value * 2
    elif knob.scale == "log":
        down, up = low, max(_SMALLEST_SHARE**0.5 * min(high, 10.0), low)  # from nothing to a little: 0 → 0.001
    else:
        width = _stride(knob, low, high, value)
        doubled = 0.0 < value < (high - low) / 20.0
        down, up = value - width, value + width * (2.0 if doubled else 1.0)
    return tuple(_within(knob, candidate, low, high) for candidate in (down, up))  # type: ignore[return-value]


def valid_neighbours(spec: RunSpec, knob: Knob) -> tuple[Any, Any]:
    """`neighbours` that give a valid document: others are None."""
    return tuple(
        value if value is not None and _is_valid(spec, knob.path, value) else None for value in neighbours(knob)
    )  # type: ignore[return-value]


def _is_valid(spec: RunSpec, path: str, value: Any) -> bool:
    try:
        spec.edit({path: value})
    except EngineError:
        return False
    return True


# ---- walking the document -----------------------------------------------------------------------------------------
def _fields(node: Document, prefix: str, group: str) -> Iterator[tuple[Document, str, FieldInfo, str, str]]:
    """(owner, name, field, dotted path, title of the part) of every field that applies."""
    for name, info in type(node).model_fields.items():
        path = f"{prefix}{name}"
        if name != "kind" and (extra_of(info).get("hidden") or not _applies(node, info)):
            continue
        value = getattr(node, name)
        if name == "kind":
            yield node, name, info, path, group
        elif isinstance(value, Document):
            yield from _fields(value, f"{path}.", info.title or group)
        elif isinstance(value, tuple) and value and all(isinstance(item, Document) for item in value):
            for place, item in enumerate(value):
                yield from _fields(item, f"{path}.{place}.", info.title or group)
        else:
            yield node, name, info, path, group


def _applies(node: Document, info: FieldInfo) -> bool:
    conditions: Mapping[str, list[Any]] = extra_of(info).get("when") or {}
    return all(getattr(node, sibling, None) in allowed for sibling, allowed in conditions.items())


def _knob(spec: RunSpec, owner: Document, name: str, info: FieldInfo, path: str) -> Knob | None:
    if name == "kind":
        return _kind_knob(spec, owner, path)
    value, extra = getattr(owner, name), extra_of(info)
    common = {
        "path": path,
        "title": info.title or name,
        "unit": extra.get("unit") or "",
        "help": info.description or "",
        "advanced": bool(extra.get("advanced")),
        "live": bool(extra.get("live")),
    }
    annotation = _bare(info.annotation)
    if annotation is bool:
        return Knob(kind="bool", value=value, **common)
    if annotation in (int, float):
        return Knob(
            kind="int" if annotation is int else "float",
            value=value,
            scale=extra.get("scale") or "linear",
            step=extra.get("step"),
            **_bounds(info, annotation is int, extra.get("scale") == "log"),
            **common,
        )
    choices = _choices(annotation, value, info)
    if len(choices) < 2:
        return None
    plain = value.value if isinstance(value, Enum) else list(value) if isinstance(value, tuple) else value
    labels = tuple(str(getattr(c, "label", "") or show(c)) for c in choices)
    values = tuple(c.value if isinstance(c, Enum) else c for c in choices)
    return Knob(kind="choice", value=plain, choices=values, labels=labels, **common)


def _kind_knob(spec: RunSpec, owner: Document, path: str) -> Knob | None:
    """Another family, optimizer, schedule, loss or split; those that need more than a name are left out."""
    base = next((cls for cls in type(owner).__mro__ if issubclass(cls, Choice) and Choice in cls.__bases__), None)
    if base is None or path.count(".") > 2 or not isinstance(owner, Choice):  # layers keep their kind
        return None
    kinds = [kind for kind, cls in base.alternatives.items() if _fits(spec, path, kind, cls)]
    if len(kinds) < 2 or owner.kind not in kinds:
        return None
    parent = path.removesuffix(".kind")
    return Knob(
        path=path,
        title=title_of(spec, parent) or parent,
        kind="choice",
        value=owner.kind,
        choices=tuple(kinds),
        labels=tuple(base.alternatives[kind].label or kind for kind in kinds),
        help=type(owner).summary,
    )


def _fits(spec: RunSpec, path: str, kind: str, cls: type[Choice]) -> bool:
    if any(info.is_required() for name, info in cls.model_fields.items() if name != "kind"):
        return False
    if issubclass(cls, ModelSpec):
        return spec.data.task.modality in cls.modalities and cls.from_scratch and kind != "graph"
    if path == "training.adversarial.kind":
        return kind in fitting_adversaries(spec.data.task)
    if path == "training.loss.kind":
        return kind in (CLASSIFICATION_LOSSES if spec.data.task.is_classification else REGRESSION_LOSSES)
    if path.startswith("data.split"):  # parts that the data came with cannot be asked for
        return kind not in ("given", "k_fold") or spec.data.split.kind == kind
    return not path.startswith("data.preprocessing")


def _bare(annotation: Any) -> Any:
    return get_args(annotation)[0] if get_origin(annotation) is typing.Annotated else annotation


def _bounds(info: FieldInfo, whole: bool, logarithmic: bool) -> dict[str, float | None]:
    """Smallest and largest allowed value; open bounds are moved in by a hair."""
    low: float | None = None
    high: float | None = None
    for mark in info.metadata:
        if isinstance(mark, annotated_types.Ge):
            low = float(mark.ge)  # type: ignore[arg-type]
        elif isinstance(mark, annotated_types.Gt):
            low = float(mark.gt) + (1.0 if whole else _SMALLEST_SHARE)  # type: ignore[arg-type]
        elif isinstance(mark, annotated_types.Le):
            high = float(mark.le)  # type: ignore[arg-type]
        elif isinstance(mark, annotated_types.Lt):
            high = float(mark.lt) - (1.0 if whole else 1e-4)  # type: ignore[arg-type]
    return {"low": low, "high": high}


def _choices(annotation: Any, value: Any, info: FieldInfo) -> tuple[Any, ...]:
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return tuple(annotation)
    if get_origin(annotation) is tuple and get_args(annotation)[0] is int and value:
        return _list_choices([int(v) for v in value], info)
    return ()


def _list_choices(value: list[int], info: FieldInfo) -> tuple[list[int], ...]:
    """Fewer, narrower, as it is, wider, more: the neighbours of a list of widths."""
    shortest = next((m.min_length for m in info.metadata if isinstance(m, annotated_types.MinLen)), 0)
    longest = next((m.max_length for m in info.metadata if isinstance(m, annotated_types.MaxLen)), _LARGEST_LIST)
    grown = value[-1] * 2 if len(value) > 1 and value[-1] > value[-2] else value[-1]
    candidates = [
        value[:-1],
        [max(1, v // 2) for v in value],
        value,
        [v * 2 for v in value],
        [*value, grown],
    ]
    found: list[list[int]] = []
    for candidate in candidates:
        if max(shortest, 1) <= len(candidate) <= longest and candidate not in found:
            found.append(candidate)
    return tuple(found)


# ---- neighbours ---------------------------------------------------------------------------------------------------
def _beside(knob: Knob) -> tuple[Any, Any]:
    values = list(knob.choices)
    place = values.index(knob.value)
    below = values[place - 1] if place > 0 else None
    above = values[place + 1] if place + 1 < len(values) else None
    return below, above


def _stride(knob: Knob, low: float, high: float, value: float) -> float:
    """A tenth of the range; half of the value where the range is far wider than the value; at least a step."""
    step = knob.step or (1.0 if knob.kind == "int" else 0.0)
    width = value / 2.0 if 0.0 < value < (high - low) / 20.0 else (high - low) / 10.0
    return max(step, round(width / step) * step) if step else width


def _within(knob: Knob, candidate: float, low: float, high: float) -> Any:
    value = min(max(candidate, low), high)
    value = round(value) if knob.kind == "int" else float(f"{value:.6g}")
    return None if value == knob.value else value
