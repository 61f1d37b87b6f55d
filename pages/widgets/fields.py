"""One field of a document as a widget: which one, by the field's type, bounds and scale."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal, get_args, get_origin

import streamlit as st
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from engine.specs.base import extra_of
from engine.text import N_
from pages.widgets.text import _, plain, say

SEGMENTS_LETTERS = 26  # as much as stands in one row of half a form
SEGMENTS = 4  # up to so many values stand beside each other, more go into a list

# What the values of closed lists are called where the word itself would not do.
VALUE_LABELS = {
    "relu": N_("ReLU"),
    "gelu": N_("GELU"),
    "silu": N_("SiLU"),
    "elu": N_("ELU"),
    "selu": N_("SELU"),
    "tanh": N_("tanh"),
    "leaky_relu": N_("Leaky ReLU"),
    "rgb": N_("RGB"),
    "grey": N_("Grey"),
    "float32": N_("float32"),
    "mixed_float16": N_("mixed float16"),
    "mixed_bfloat16": N_("mixed bfloat16"),
    "lstm": N_("LSTM"),
    "gru": N_("GRU"),
    "log": N_("Logarithm"),
    "auto": N_("Automatic"),
    "standard": N_("Standard"),
}


UNITS = {
    "epochs": N_("epochs"),
    "examples": N_("examples"),
    "px": N_("px"),
    "rows": N_("rows"),
    "s": N_("s"),
    "tokens": N_("tokens"),
    "× width": N_("× width"),
}


@dataclass(frozen=True)
class Drawn:
    """What a widget gave: a value, or the sentence that says why there is none."""

    value: Any = None
    problem: str = ""  # translated, safe in markdown


def value_label(value: Any) -> str:
    """The name of a value of a closed list, translated."""
    return _(english_label(value))


def english_label(value: Any) -> str:
    """The same in English: an enum's own label, a known word, else the value in plain letters."""
    label = getattr(value, "label", None)
    if isinstance(label, str):
        return label
    word = str(value.value if isinstance(value, Enum) else value)
    return VALUE_LABELS.get(word) or word.replace("_", " ").capitalize()


def draw(name: str, info: FieldInfo, value: Any, key: str, options: Sequence[str] | None = None) -> Drawn:
    """Draw the widget of one field.

    Args:
        name: of the field, for a field without a title.
        info: type, bounds and presentation.
        value: the present one; `PydanticUndefined` where a required field has none yet.
        key: of the widget.
        options: the texts to choose from, where the field takes a text or several.
    """
    label = plain(_(info.title or name))
    unit = extra_of(info).get("unit")
    label = f"{label} ({_(UNITS.get(unit, unit))})" if unit else label
    help_text = _(description_of(info)) or None
    annotation, optional = _without_none(info.annotation)
    bare = None if value is PydanticUndefined else value
    if annotation is bool:
        return Drawn(st.toggle(label, bool(bare), key=key, help=help_text))
    if get_origin(annotation) is Literal:
        return _one_of(label, list(get_args(annotation)), bare, key, help_text)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return _one_of(label, list(annotation), bare, key, help_text)
    if annotation in (int, float):
        return _number(info, annotation, label, bare, key, help_text, optional)
    if get_origin(annotation) is tuple:
        return _several(info, get_args(annotation)[0], label, bare, key, help_text, options)
    if get_origin(annotation) is dict:
        return _mapping(info, label, bare, key, help_text)
    return _text(info, label, bare, key, help_text, options)


def _without_none(annotation: Any) -> tuple[Any, bool]:
    if get_origin(annotation) in (typing.Union, types.UnionType):
        rest = [part for part in get_args(annotation) if part is not type(None)]
        if len(rest) == 1:
            return rest[0], True
    if get_origin(annotation) is typing.Annotated:
        return get_args(annotation)[0], False
    return annotation, False


def _one_of(label: str, values: list[Any], value: Any, key: str, help_text: str | None) -> Drawn:
    current = value if value in values else values[0]
    if len(values) <= SEGMENTS and sum(len(value_label(item)) for item in values) <= SEGMENTS_LETTERS:
        picked = st.segmented_control(
            label, values, default=current, required=True, format_func=value_label, key=key, help=help_text
        )
        return Drawn(current if picked is None else picked)
    return Drawn(
        st.selectbox(label, values, index=values.index(current), format_func=value_label, key=key, help=help_text)
    )


def description_of(info: FieldInfo) -> str:
    """What a field does, in English; empty where nothing is said."""
    return info.description or ""


def bounds_of(info: FieldInfo) -> dict[str, float]:
    """The bounds of a field by name: ge, gt, le, lt, min_length, max_length."""
    found: dict[str, float] = {}
    for mark in info.metadata:
        for name in ("ge", "gt", "le", "lt", "min_length", "max_length"):
            if getattr(mark, name, None) is not None:
                found[name] = getattr(mark, name)
    return found


def _number(
    info: FieldInfo, kind: type, label: str, value: Any, key: str, help_text: str | None, optional: bool
) -> Drawn:
    bounds, extra = bounds_of(info), extra_of(info)
    if kind is float and (extra.get("scale") == "log" or not extra.get("step")):
        return _float_as_text(info, label, value, key, help_text, optional)
    step = extra.get("step") or 1
    step = int(step) if kind is int else float(step)
    low = bounds.get("ge", bounds["gt"] + step if "gt" in bounds else None)
    high = bounds.get("le", bounds["lt"] - step if "lt" in bounds else None)
    typed = st.number_input(
        label,
        min_value=None if low is None else kind(low),
        max_value=None if high is None else kind(high),
        value=value if value is not None or optional else kind(low or 0),
        step=step,
        format="%d" if kind is int else f"%.{_decimals(step, value)}f",
        key=key,
        help=help_text,
    )
    return _checked(info, None if typed is None else kind(typed), optional)


def _decimals(step: float, value: Any) -> int:
    """Enough digits for the step and for the value as it is."""
    shown = [f"{number:.6f}".rstrip("0").partition(".")[2] for number in (step, float(value or 0))]
    return max(1, *(len(digits) for digits in shown))


def format_float(value: float) -> str:
    """A float as one would type it: `0.001`, `1e-05`."""
    return f"{value:.6g}"


def _float_as_text(info: FieldInfo, label: str, value: Any, key: str, help_text: str | None, optional: bool) -> Drawn:
    typed = st.text_input(label, "" if value is None else format_float(value), key=key, help=help_text)
    text = (typed or "").strip().replace(",", ".")
    if not text:
        return _checked(info, None, optional)
    try:
        number = float(text)
    except ValueError:
        return Drawn(problem=say("Expected a number such as 0.001 or 1e-3, got “{typed}”.", typed=typed))
    if value is not None and format_float(value) == text:
        number = value  # what was shown is rounded; what was not touched stays exact
    return _checked(info, number, optional)


def _checked(info: FieldInfo, number: float | None, optional: bool) -> Drawn:
    """The number, or the sentence that says within which bounds it has to be."""
    if number is None:
        return Drawn(None) if optional else Drawn(problem=_("Enter a number."))
    bounds = bounds_of(info)
    if number != number or ("ge" in bounds and number < bounds["ge"]) or ("gt" in bounds and number <= bounds["gt"]):
        bad = True
    else:
        bad = ("le" in bounds and number > bounds["le"]) or ("lt" in bounds and number >= bounds["lt"])
    if not bad:
        return Drawn(number)
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    allowed = ", ".join(f"{sign} {format_float(bounds[name])}" for name, sign in signs.items() if name in bounds)
    return Drawn(problem=say("Must be {allowed}; got {number}.", allowed=allowed, number=format_float(number)))


def _several(
    info: FieldInfo, item: type, label: str, value: Any, key: str, help_text: str | None, options: Sequence[str] | None
) -> Drawn:
    """Several values: a multiple choice where the options are known, else a list with commas."""
    current = list(value or ())
    if options is not None:
        hint = _("Choose") if bounds_of(info).get("min_length") else _("All columns")
        known = [*options, *(entry for entry in current if entry not in options)]
        picked = st.multiselect(label, known, default=current, key=key, help=help_text, placeholder=hint)
        return _right_length(info, tuple(picked))
    shown = ", ".join(format_float(entry) if item is float else str(entry) for entry in current)
    typed = st.text_input(label, shown, key=key, help=help_text) or ""
    parts = [part for part in re.split(r"[,，;\s]+" if item is not str else r"[,，;]\s*", typed.strip()) if part]
    try:
        return _right_length(info, tuple(item(part) for part in parts))
    except ValueError:
        return Drawn(problem=say("Expected numbers separated by commas, such as 64, 32; got “{typed}”.", typed=typed))


def _right_length(info: FieldInfo, values: tuple[Any, ...]) -> Drawn:
    bounds = bounds_of(info)
    if len(values) < bounds.get("min_length", 0):
        return Drawn(problem=say("At least {n} needed.", n=int(bounds["min_length"])))
    if len(values) > bounds.get("max_length", float("inf")):
        return Drawn(problem=say("At most {n} allowed.", n=int(bounds["max_length"])))
    return Drawn(values)


def _mapping(info: FieldInfo, label: str, value: Any, key: str, help_text: str | None) -> Drawn:
    """Pairs, one a line: `from → to` (or `from = to`)."""
    shown = "\n".join(f"{old} → {new}" for old, new in (value or {}).items())
    typed = st.text_area(label, shown, key=key, help=help_text, placeholder=_("old value → new value"), height=110)
    pairs: dict[str, str] = {}
    for line in (typed or "").splitlines():
        old, arrow, new = line.partition("→") if "→" in line else line.partition("=")
        if line.strip() and not arrow:
            return Drawn(problem=say("Write one pair a line, such as yes → 1; got “{typed}”.", typed=line))
        if line.strip():
            pairs[old.strip()] = new.strip()
    result = _right_length(info, tuple(pairs))
    return result if result.problem else Drawn(pairs)


def _text(
    info: FieldInfo, label: str, value: Any, key: str, help_text: str | None, options: Sequence[str] | None
) -> Drawn:
    current = "" if value is None else str(value)
    if options is not None:
        known = list(options) if current in options or not current else [*options, current]
        if not known:
            return Drawn(problem=_("There is nothing to choose from."))
        index = known.index(current) if current in known else 0
        return Drawn(st.selectbox(label, known, index=index, key=key, help=help_text))
    longest = bounds_of(info).get("max_length")
    return Drawn(st.text_input(label, current, key=key, help=help_text, max_chars=int(longest) if longest else None))
