"""Documents in words: the titles of fields by their dotted path, values as people read them."""

from __future__ import annotations

from typing import Any

from engine.specs import RunSpec
from engine.specs.base import Document, extra_of
from pages.widgets import fields, numbers
from pages.widgets.text import _


def path_title(spec: RunSpec, path: str) -> str:
    """`training.optimizer.learning_rate` → "Training › Optimizer › Learning rate", translated."""
    titles: list[str] = []
    node: Any = spec
    for part in path.split("."):
        if part == "kind" and titles:  # what stands above says of what
            continue
        if isinstance(node, Document) and part in type(node).model_fields:
            info = type(node).model_fields[part]
            titles.append(_(info.title or part))
            node = getattr(node, part, None)
        elif isinstance(node, tuple) and part.isdigit():
            titles.append(str(int(part) + 1))
            node = node[int(part)] if int(part) < len(node) else None
        else:
            titles.append(fields.value_label(part))
            node = None
    return " › ".join(titles)


def path_titles(specs: list[RunSpec], path: str) -> str:
    """The title by the first document that has the field (documents of other families do not)."""
    return next((path_title(spec, path) for spec in specs if _has(spec, path)), path_title(specs[0], path))


def _has(spec: RunSpec, path: str) -> bool:
    node: Any = spec
    for part in path.split("."):
        if isinstance(node, Document) and part in type(node).model_fields:
            node = getattr(node, part)
        elif isinstance(node, tuple) and part.isdigit() and int(part) < len(node):
            node = node[int(part)]
        else:
            return isinstance(node, dict)
    return True


def value_text(spec: RunSpec, path: str, value: Any) -> str:
    """A value of a document as text for a table cell (no markdown): labels of kinds, yes and no, units."""
    if value is None:
        return "–"
    if path == "data.dataset":
        return _(spec.data.name) or str(value)
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list):
        return ", ".join(str(item) for item in value) or "–"
    owner, name = _owner(spec, path)
    if isinstance(value, int | float):
        unit = extra_of(type(owner).model_fields[name]).get("unit") if owner is not None else ""
        text = numbers.count(value) if isinstance(value, int) else fields.format_float(value)
        return f"{text} {_(unit)}" if unit else text
    if owner is None:
        return str(value)
    if name == "kind":
        return _(getattr(type(owner), "label", "")) or str(value)
    is_free_text = type(owner).model_fields[name].annotation is str
    return str(value) if is_free_text else fields.value_label(value)


def _owner(spec: RunSpec, path: str) -> tuple[Document | None, str]:
    """The part of the document in which a field stands."""
    node: Any = spec
    *parents, name = path.split(".")
    for part in parents:
        if isinstance(node, Document):
            node = getattr(node, part, None)
        elif isinstance(node, tuple) and part.isdigit() and int(part) < len(node):
            node = node[int(part)]
        else:
            return None, name
    return (node, name) if isinstance(node, Document) and name in type(node).model_fields else (None, name)


def summary(spec: RunSpec) -> list[tuple[str, str]]:
    """The few lines that tell one document from another: task, data, model, optimizer, epochs, batch size."""
    training = spec.training
    return [
        (_("Task"), _(spec.data.task.label)),
        (_("Model"), _(spec.model.label) or spec.model.kind),
        (_("Optimizer"), _(training.optimizer.label) or training.optimizer.kind),
        (_("Learning rate"), fields.format_float(training.optimizer.learning_rate)),
        (_("Epochs"), numbers.count(training.epochs)),
        (_("Batch size"), numbers.count(training.batch_size)),
    ]
