"""Editor of a search space: one row a searched field, each a range or a choice, with its problem beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st
from pydantic import ValidationError

from engine.errors import EngineError
from engine.specs import RunSpec
from engine.specs.base import REFUSED
from engine.specs.search import Dimension, FloatRange, IntRange, Options, SearchSpec
from engine.text import N_
from pages.widgets import fields, forms
from pages.widgets.text import _, error_text, plain, say
from pages.widgets.tuning_condition import condition, said, short_of
from pages.widgets.tuning_fields import Field, as_options, as_range, dimension_for, text_of

Dimensions = tuple[Dimension, ...]
NUMBER_WIDTH_PX = 122  # two words beside each other
SHAPES = {"range": N_("Range"), "choice": N_("Choice")}
SCALES = {"linear": N_("Linear"), "log": N_("Log")}


def edit(
    spec: RunSpec, search: SearchSpec, known: Mapping[str, Field], *, problems: Mapping[str, EngineError], key: str
) -> tuple[Dimensions, bool]:
    """Draw the rows and the button that adds one.

    Args:
        spec: the document that is searched.
        search: the search as it is.
        known: every field that can be searched, by its path.
        problems: path → what the engine says against the dimension as it is.
        key: unique on the page.

    Returns:
        The dimensions as edited (the last valid ones where something does not fit), and whether everything fits.
    """
    edited: list[Dimension] = []
    fits = True
    for dimension in search.dimensions:
        field = known.get(dimension.path)
        with st.container(border=True, key=f"{key}_{_safe(dimension.path)}"):
            kept, good = _row(spec, dimension, field, edited, known, key=f"{key}.{dimension.path}")
            if good and dimension.path in problems:
                said(error_text(problems[dimension.path])[0])
                good = False
        fits = fits and good
        if kept is not None:
            edited.append(kept)
    if not search.dimensions:
        st.caption(_("Nothing is searched yet. Take one of the spaces above, or add fields one by one."))
    added = _add(search, known, key=f"{key}_add")
    return arranged((*edited, *added)), fits


def _safe(path: str) -> str:
    return path.replace(".", "-")


def arranged(dimensions: Sequence[Dimension]) -> Dimensions:
    """In an order in which what others depend on stands before them; conditions on what is gone are dropped."""
    paths = {dimension.path for dimension in dimensions}
    waiting = [
        dimension.model_copy(update={"when": {p: v for p, v in dimension.when.items() if p in paths}})
        for dimension in dimensions
    ]
    placed: list[Dimension] = []
    while waiting:
        done = {dimension.path for dimension in placed}
        ready = next((item for item in waiting if set(item.when) <= done), waiting[0])  # the first breaks a circle
        waiting.remove(ready)
        placed.append(ready)
    return tuple(placed)


# ---- a row ----------------------------------------------------------------------------------------------------------
def _row(
    spec: RunSpec,
    dimension: Dimension,
    field: Field | None,
    before: Sequence[Dimension],
    known: Mapping[str, Field],
    *,
    key: str,
) -> tuple[Dimension | None, bool]:
    """One dimension: what it is, its range or choice, on what it depends; None where it was removed."""
    fresh = forms.fresh_key(key, dimension)
    title = field.title() if field else dimension.path
    head = st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", gap="small")
    with head:
        st.markdown(f"**{plain(title)}**", help=_help(spec, field), width="content")
        with st.container(horizontal=True, vertical_alignment="center", width="content", gap="xsmall"):
            shaped = _shape(dimension, field, key=fresh)
            when, when_fits = condition(dimension, before, known, key=fresh)
            if st.button(
                "", icon=":material/close:", key=f"{key}.remove", help=_("Remove from the search"), type="tertiary"
            ):
                return None, True
    if shaped is not dimension:
        return shaped, True
    if field is None:
        said(_("This document has no such field. Remove it, or search what it depends on."))
    values = _options(dimension, field, fresh) if isinstance(dimension, Options) else _range(dimension, fresh)
    made = (
        None if values is None else _checked(type(dimension), dict(dimension) | values | {"when": when}, field, title)
    )
    st.session_state[f"{key}/last"] = made or dimension
    return made or dimension, made is not None and when_fits and field is not None


def _help(spec: RunSpec, field: Field | None) -> str | None:
    if field is None:
        return None
    now = say("In the document: {value}", value=field.label_of(field.knob.value)) if not field.when else ""
    return "\n\n".join(text for text in (_(field.knob.help), now) if text) or None


def _shape(dimension: Dimension, field: Field | None, *, key: str) -> Dimension:
    """Range or choice, for fields with numbers; a changed one where the other was picked."""
    if field is None or field.knob.kind in ("choice", "bool"):
        return dimension
    now = "choice" if isinstance(dimension, Options) else "range"
    picked = st.segmented_control(
        _("Kind"),
        list(SHAPES),
        default=now,
        required=True,
        format_func=lambda name: _(SHAPES[name]),
        key=f"{key}.shape",
        label_visibility="collapsed",
    )
    if picked is None or picked == now:
        return dimension
    return as_range(field, dimension) if isinstance(dimension, Options) else as_options(field, dimension)


def _range(dimension: Dimension, key: str) -> dict[str, Any] | None:
    """From, to, scale and step of a range; None where a number cannot be read."""
    cls = type(dimension)
    values: dict[str, Any] = {}
    fits = True
    with st.grid(columns="auto", min_column_width=NUMBER_WIDTH_PX, gap="small", vertical_alignment="bottom"):
        for name in ("low", "high", "step"):
            with st.container(gap="xxsmall"):
                drawn = _number(cls, name, getattr(dimension, name), f"{key}.{name}")
            values[name] = drawn.value
            fits = fits and not drawn.problem
        picked = st.segmented_control(
            _("Scale"),
            list(SCALES),
            default=dimension.scale,  # type: ignore[attr-defined]
            required=True,
            format_func=lambda name: _(SCALES[name]),
            key=f"{key}.scale",
            help=_("Log where people think in factors."),
        )
    values["scale"] = picked or dimension.scale  # type: ignore[attr-defined]
    return values if fits else None


def _number(cls: type[Dimension], name: str, value: float, key: str) -> fields.Drawn:
    """A number as text: ends of ranges are 1e-5 as often as 64."""
    info = cls.model_fields[name]
    whole = cls is IntRange
    typed = st.text_input(
        _(info.title or name),
        str(value) if whole else fields.format_float(value),
        key=key,
        help=_(info.description or "") or None,
    )
    drawn = parsed(typed or "", whole=whole)
    if drawn.problem:
        said(drawn.problem)
    return drawn


def parsed(typed: str, *, whole: bool) -> fields.Drawn:
    """The number that was typed, or what is wrong with it."""
    text = typed.strip().replace(",", ".")
    try:
        number = float(text)
    except ValueError:
        return fields.Drawn(problem=say("Expected a number such as 0.001 or 1e-3, got “{typed}”.", typed=typed))
    if number != number or number in (float("inf"), float("-inf")):
        return fields.Drawn(problem=say("Expected a number such as 0.001 or 1e-3, got “{typed}”.", typed=typed))
    if whole and number != int(number):
        return fields.Drawn(problem=say("Expected a whole number, got “{typed}”.", typed=typed))
    return fields.Drawn(int(number) if whole else number)


def _options(dimension: Options, field: Field | None, key: str) -> dict[str, Any] | None:
    """The values of a choice: picked from what the field takes, or typed where it takes numbers."""
    if field is not None and field.knob.kind in ("choice", "bool"):
        choices = [False, True] if field.knob.kind == "bool" else [_plain(choice) for choice in field.knob.choices]
        choices += [value for value in dimension.values if value not in choices]
        picked = st.multiselect(
            _("Values"),
            range(len(choices)),
            default=[choices.index(value) for value in dimension.values],
            format_func=lambda place: field.label_of(choices[place]),
            key=f"{key}.values",
            label_visibility="collapsed",
        )
        return {"values": tuple(choices[place] for place in picked)}
    whole = field is not None and field.knob.kind == "int"
    typed = st.text_input(
        _("Values"),
        ", ".join(text_of(value) for value in dimension.values),
        key=f"{key}.values",
        help=_("Separated by commas: 16, 32, 64."),
    )
    drawn = [parsed(part, whole=whole) for part in (typed or "").replace("，", ",").split(",") if part.strip()]
    problem = next((entry.problem for entry in drawn if entry.problem), "")
    if problem:
        said(problem)
        return None
    return {"values": tuple(entry.value for entry in drawn)}


def _plain(choice: Any) -> Any:
    return list(choice) if isinstance(choice, tuple) else choice


def _checked(cls: type[Dimension], values: dict[str, Any], field: Field | None, title: str) -> Dimension | None:
    """The dimension, where it is one and the field takes its values; else the sentence below the row."""
    try:
        made = cls.model_validate(values)
    except ValidationError as error:
        for problem in error.errors(include_url=False)[:2]:
            said(_without(title, sentence(problem, {values["path"]: title})))
        return None
    outside = _outside(made, field)
    if outside:
        said(outside)
        return None
    return made


def _without(title: str, text: str) -> str:
    """A sentence without the name of the field that it stands below."""
    rest = text.removeprefix(plain(title)).lstrip("：:\\ ")
    return rest[:1].upper() + rest[1:] if rest else text


def sentence(problem: Mapping[str, Any], titles: Mapping[str, str]) -> str:
    """What a validator says, translated, with the titles of fields in place of their paths."""
    values = dict(problem.get("ctx") or {})
    template = values.pop("template", "")
    if problem["type"] != REFUSED or not template:
        return plain(_(str(problem["msg"])))
    shown = {name: titles.get(str(value), value) for name, value in values.items()}
    return say(template, **shown)


def _outside(dimension: Dimension, field: Field | None) -> str:
    """Why a range reaches beyond what its field takes; empty where it does not."""
    if field is None or not isinstance(dimension, FloatRange | IntRange):
        return ""
    low, high = field.knob.low, field.knob.high
    if (low is None or dimension.low >= low) and (high is None or dimension.high <= high):
        return ""
    return say(
        "This field takes {low} to {high}; the range goes from {start} to {end}.",
        low="–∞" if low is None else fields.format_float(low),
        high="∞" if high is None else fields.format_float(high),
        start=fields.format_float(dimension.low),
        end=fields.format_float(dimension.high),
    )


# ---- another row ----------------------------------------------------------------------------------------------------
def _add(search: SearchSpec, known: Mapping[str, Field], *, key: str) -> Dimensions:
    """The list of fields that are not searched yet; picking one adds it."""
    present = {dimension.path for dimension in search.dimensions}
    free = [field for path, field in known.items() if path not in present]
    picked = st.selectbox(
        _("Add a field"),
        [field.path for field in sorted(free, key=lambda field: field.knob.advanced)],
        index=None,
        format_func=lambda path: _named(known[path], known),
        placeholder=_("Add a field to the search: type to find it"),
        label_visibility="collapsed",
        key=f"{key}~{len(present)}",
    )
    return () if picked is None else (dimension_for(known[picked]),)


def _named(field: Field, known: Mapping[str, Field]) -> str:
    if not field.when:
        return field.title()
    parent, values = next(iter(field.when.items()))
    return f"{field.title()}  ({short_of(parent, values, known)})"
