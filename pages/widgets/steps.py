"""Editor of the cleaning steps: added, changed, moved, removed; they run in the order in which they stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from engine.specs.cleaning import CleaningStep
from pages.widgets import forms
from pages.widgets.text import _, plain, shorten

Steps = tuple[CleaningStep, ...]


def edit(steps: Steps, *, key: str, options: Mapping[str, Sequence[str]]) -> Steps:
    """Draw the steps and return them as edited.

    Args:
        steps: of the document.
        key: unique on the page.
        options: column names by field, as for `forms.draw`.
    """
    edited = list(steps)
    for number, step in enumerate(steps):
        with st.expander(headline(number, step), key=f"{key}_{number}_box"):
            edited[number] = forms.draw(step, key=f"{key}_{number}", options=options)
            moved = buttons(edited, number, key=f"{key}_{number}")
        if moved is not None:
            return tuple(moved)
    if not steps:
        st.caption(_("No steps: the data are used as they were imported."))
    with st.popover(_("Add a step"), icon=":material/add:", key=f"{key}_add_box"):
        # the number in the key gives the next step an empty form
        new = forms.draw_new(CleaningStep, key=f"{key}_new{len(steps)}", title=_("Step"), options=options)
        if st.button(_("Add"), type="primary", disabled=new is None, key=f"{key}_add") and new is not None:
            return (*edited, new)  # type: ignore[arg-type]
    return tuple(edited)


def headline(number: int, step: CleaningStep) -> str:
    """`1 · Fill missing values · age`, safe in markdown."""
    about: Any = getattr(step, "column", None) or ", ".join(getattr(step, "columns", ()) or ())
    words = [str(number + 1), _(type(step).label) or step.kind]
    return " · ".join([*words, plain(shorten(about, 50))] if about else words)


def buttons(steps: list[CleaningStep], number: int, *, key: str) -> list[CleaningStep] | None:
    """Move, copy, remove; the new list where one was pressed."""
    with st.container(horizontal=True):
        up = st.button(_("Up"), icon=":material/arrow_upward:", key=f"{key}_up", disabled=number == 0)
        last = number == len(steps) - 1
        down = st.button(_("Down"), icon=":material/arrow_downward:", key=f"{key}_down", disabled=last)
        copy = st.button(_("Duplicate"), icon=":material/content_copy:", key=f"{key}_copy")
        remove = st.button(_("Remove"), icon=":material/delete:", key=f"{key}_remove")
    rest = [*steps[:number], *steps[number + 1 :]]
    if up or down:
        place = number - 1 if up else number + 1
        return [*rest[:place], steps[number], *rest[place:]]
    if copy:
        return [*steps[: number + 1], *steps[number:]]
    return rest if remove else None
