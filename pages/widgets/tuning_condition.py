"""On what a searched field depends: the values of another searched field under which it is searched at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from engine.specs.search import Dimension, Options
from pages.widgets.text import _, plain
from pages.widgets.tuning_fields import Field, When, text_of


def said(sentence: str) -> None:
    """A problem, below the field that it is about."""
    st.caption(f":red[:material/error: {sentence}]")


def condition(
    dimension: Dimension, before: Sequence[Dimension], known: Mapping[str, Field], *, key: str
) -> tuple[When, bool]:
    """The popover with the values of another searched field under which this one is searched."""
    parents = {item.path: item for item in before if isinstance(item, Options) and item.path in known}
    now = next(iter(dimension.when.items()), None)
    if not parents and now is None:
        return {}, True
    label = _("Always") if now is None else short_of(now[0], now[1], known)
    with st.popover(plain(label), icon=":material/account_tree:", key=f"{key}.when_box", type="tertiary"):
        paths = ["", *parents]
        parent = st.selectbox(
            _("Only when"),
            paths,
            index=paths.index(now[0]) if now and now[0] in paths else 0,
            format_func=lambda path: known[path].title() if path else _("Always"),
            key=f"{key}.when",
        )
        if not parent:
            return {}, True
        choices = list(parents[parent].values)
        picked = st.multiselect(
            _("has one of"),
            range(len(choices)),
            default=[choices.index(value) for value in dimension.when.get(parent, choices[:1]) if value in choices],
            format_func=lambda place: known[parent].label_of(choices[place]),
            key=f"{key}.when.{parent}",
        )
        if not picked:
            said(_("Choose at least one value, or “Always”."))
            return dict(dimension.when), False
        return {parent: tuple(choices[place] for place in picked)}, True


def short_of(parent: str, values: Sequence[Any], known: Mapping[str, Field]) -> str:
    """The values of another field on which one depends, at most two of them; no markdown."""
    field = known.get(parent)
    names = [field.label_of(value) if field else text_of(value) for value in values]
    return ", ".join(names[:2]) + (" …" if len(names) > 2 else "")
