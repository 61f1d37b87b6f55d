"""Forms that draw themselves from a document: one widget a field, with the bounds, units and help of its `setting`.

    spec = forms.draw(spec, key="training")

A new loss, optimizer, cleaning step or model family needs no change here. What `draw` returns is always a valid
document: where a value does not fit, the sentence stands below its field and the last valid document is returned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import streamlit as st
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from engine.specs.base import REFUSED, Choice, Document, choice_base, extra_of
from pages.widgets import fields
from pages.widgets.text import _, plain, say

MIN_FIELD_WIDTH_PX = 130  # a number with its two buttons

D = TypeVar("D", bound=Document)


@dataclass(frozen=True)
class Context:
    """What the fields of one form share."""

    key: str  # unique on the page; every widget key begins with it
    options: Mapping[str, Sequence[str]] = field(default_factory=dict)  # field name -> what may be chosen
    columns: int = 2
    title: str = ""  # of the part of the document, translated

    def below(self, name: str, title: str = "") -> Context:
        """The context of a part of the document."""
        return Context(f"{self.key}.{name}", self.options, self.columns, title)


def draw(
    document: D,
    *,
    key: str,
    only: Sequence[str] | None = None,
    without: Sequence[str] = (),
    options: Mapping[str, Sequence[str]] | None = None,
    columns: int = 2,
) -> D:
    """Draw a form for a document (or a part of one) and return it as edited.

    Args:
        document: any `Document`; a `Choice` is drawn with a selector of its alternatives.
        key: unique on the page; stable from rerun to rerun.
        only: the fields to draw, in this order; all where not given.
        without: fields to leave out; "kind" leaves out the selector of alternatives and keeps the present one.
        options: for fields named so, wherever they stand: the texts to choose from (column names), or for a field
            that holds one of several alternatives, the kinds that are allowed.
        columns: fields beside each other.

    Returns:
        `document` itself where nothing was changed or something does not fit, else the changed copy.
    """
    context = Context(fresh_key(key, document), options or {}, columns)
    if isinstance(document, Choice) and "kind" not in without:
        base = _registry_of(document)
        result: Any = draw_choice(base, document, _allowed(base, context.options.get("kind")), _("Kind"), context)
    else:
        result = _draw_document(type(document), dict(document), context, only=only, without=without)
    edited = document if result is None or result == document else result
    st.session_state[f"{key}/last"] = edited
    return edited  # type: ignore[no-any-return]


def draw_new(
    base: type[Choice], *, key: str, title: str, options: Mapping[str, Sequence[str]] | None = None, columns: int = 2
) -> Choice | None:
    """A form for an alternative that is not in the document yet; None as long as something is missing.

    Args:
        base: the registry to choose from.
        key: unique on the page.
        title: of the selector, translated.
        options: as for `draw`.
        columns: fields beside each other.
    """
    context = Context(key, options or {}, columns)
    made = draw_choice(base, None, _allowed(base, context.options.get("kind")), title, context)
    return made if isinstance(made, Choice) else None


def fresh_key(key: str, document: Document) -> str:
    """Widgets remember what was typed; give them new keys where the document was changed by something else."""
    generation = int(st.session_state.get(f"{key}/generation", 0))
    if st.session_state.get(f"{key}/last", document) != document:
        generation += 1
        st.session_state[f"{key}/generation"] = generation
    return f"{key}~{generation}"


def _registry_of(document: Choice) -> type[Choice]:
    return next(cls for cls in type(document).__mro__ if Choice in cls.__bases__)


def _allowed(base: type[Choice], kinds: Sequence[str] | None) -> list[str]:
    return [kind for kind in base.alternatives if kinds is None or kind in kinds]


def draw_choice(
    base: type[Choice], value: Choice | None, allowed: Sequence[str], title: str, context: Context, help: str = ""
) -> Any:
    """A selector of alternatives by their label where there are several, what the chosen one is for, and its fields."""
    kinds = list(allowed)
    chosen = value.kind if value is not None and value.kind in kinds else kinds[0]
    kind = chosen
    if len(kinds) > 1:
        kind = st.selectbox(
            title,
            kinds,
            index=kinds.index(chosen),
            format_func=lambda name: _(base.alternatives[name].label) or name,
            key=f"{context.key}.kind",
            help=help or None,
        )
    cls = base.alternatives[kind]
    if cls.summary:
        st.caption(_(cls.summary))
    current = dict(value) if value is not None and value.kind == kind else _defaults(cls)
    return _draw_document(cls, {**current, "kind": kind}, context.below(kind, _(cls.label)))


def _defaults(cls: type[Document]) -> dict[str, Any]:
    return {
        name: info.get_default(call_default_factory=True)
        for name, info in cls.model_fields.items()
        if not info.is_required()
    }


def _draw_document(
    cls: type[Document],
    values: dict[str, Any],
    context: Context,
    *,
    only: Sequence[str] | None = None,
    without: Sequence[str] = (),
) -> Document | None:
    names = [name for name in (only or cls.model_fields) if name not in without]
    if issubclass(cls, Choice):  # the selector of alternatives stands for it
        names = [name for name in names if name != "kind"]
    infos = {name: cls.model_fields[name] for name in names if not extra_of(cls.model_fields[name]).get("hidden")}
    basic = {name: info for name, info in infos.items() if not extra_of(info).get("advanced")}
    advanced = {name: info for name, info in infos.items() if name not in basic}
    fits = _draw_fields(basic, values, context)
    if any(_applies(info, values) for info in advanced.values()):
        title = say("More settings of {part}", part=context.title) if context.title else _("More settings")
        key = f"{context.key}.more"
        box = st.expander(title, key=key, on_change="rerun")
        if box.open or st.session_state.get(f"{key}/open"):  # once more when it was closed: a value may just have come
            with box:
                fits = _draw_fields(advanced, values, context) and fits
        st.session_state[f"{key}/open"] = bool(box.open)
    return _validated(cls, values) if fits else None


def _draw_fields(infos: Mapping[str, FieldInfo], values: dict[str, Any], context: Context) -> bool:
    """Draw fields in their order, the small ones in a grid; False where a value does not fit."""
    fits = True
    row: list[tuple[str, FieldInfo]] = []
    for name, info in infos.items():
        if _is_wide(info):
            fits = _draw_row(row, values, context) and fits
            row = []
            fits = _draw_wide(name, info, values, context) and fits
        else:
            row.append((name, info))
    return _draw_row(row, values, context) and fits


def _draw_row(row: Sequence[tuple[str, FieldInfo]], values: dict[str, Any], context: Context) -> bool:
    if not row:
        return True
    fits = True
    with st.grid(columns=context.columns, min_column_width=MIN_FIELD_WIDTH_PX, gap="small"):
        for name, info in row:
            if not _applies(info, values):
                continue
            with st.container(gap="xxsmall"):
                fits = _draw_small(name, info, values, context) and fits
    return fits


def _draw_small(name: str, info: FieldInfo, values: dict[str, Any], context: Context) -> bool:
    value = values.get(name, PydanticUndefined)
    result = fields.draw(name, info, value, f"{context.key}.{name}", context.options.get(name))
    if result.problem:
        st.caption(f":red[:material/error: {result.problem}]")
        return False
    values[name] = result.value
    return True


def _draw_wide(name: str, info: FieldInfo, values: dict[str, Any], context: Context) -> bool:
    """A part with fields of its own: one of several alternatives, or a document inside the document."""
    if not _applies(info, values):
        return True
    base = choice_base(info)
    help_text = _(fields.description_of(info))
    result: Any
    if base is not None:
        allowed = _allowed(base, context.options.get(name))
        result = draw_choice(base, values.get(name), allowed, _(info.title or name), context.below(name), help_text)
    else:
        st.markdown(f"**{_(info.title or name)}**", help=help_text or None)
        cls: type[Document] = info.annotation  # type: ignore[assignment]
        current = values.get(name)
        result = _draw_document(cls, dict(current) if current is not None else _defaults(cls), context.below(name))
    if result is None:
        return False
    values[name] = result
    return True


def _is_wide(info: FieldInfo) -> bool:
    is_document = isinstance(info.annotation, type) and issubclass(info.annotation, Document)
    return choice_base(info) is not None or is_document


def _applies(info: FieldInfo, values: Mapping[str, Any]) -> bool:
    """Whether the siblings have the values under which this field means something."""
    conditions = extra_of(info).get("when") or {}
    return all(values.get(name) in allowed for name, allowed in conditions.items())


def _validated(cls: type[Document], values: Mapping[str, Any]) -> Document | None:
    try:
        return cls.model_validate(dict(values))
    except ValidationError as error:
        for problem in error.errors(include_url=False)[:3]:
            where = ".".join(str(part) for part in problem["loc"])
            title = cls.model_fields[where].title if where in cls.model_fields else ""
            text = _sentence(problem)
            text = f"{plain(_(title))}: {text}" if title else text
            st.caption(f":red[:material/error: {text}]")
        return None


def _sentence(problem: Mapping[str, Any]) -> str:
    """What a validator says, translated where it is a sentence of ours."""
    values = dict(problem.get("ctx") or {})
    template = values.pop("template", "")
    if problem["type"] == REFUSED and template:
        return say(template, **values)
    return plain(_(str(problem["msg"]).removeprefix("Value error, ")))


def preset_picker(model: D, *, key: str) -> D:
    """A row of named sizes for documents that have `presets` (model families); picking one sets its fields.

    Nothing is drawn where there are none. The size that the fields have now is the one marked.
    """
    presets: Mapping[str, Mapping[str, Any]] = getattr(type(model), "presets", {})
    if not presets:
        return model
    full = {name: type(model).model_validate({"kind": getattr(model, "kind", ""), **presets[name]}) for name in presets}
    current = next((name for name, made in full.items() if made == model), None)
    picked = st.segmented_control(
        _("Size"),
        list(presets),
        default=current,
        format_func=fields.value_label,
        key=f"{key}~{current}",
        help=_("A starting point: picking one sets the fields below."),
    )
    return full[picked] if picked and picked != current else model
