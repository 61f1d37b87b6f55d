"""Examples that stand in the data more than once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from engine import api
from engine.specs import Modality
from engine.specs.records import DatasetRecord
from engine.text import N_
from pages.widgets import layout, numbers
from pages.widgets.text import _, ngettext, say, say_raw

GROUPS = 4  # shown
TITLES = {
    "exact": N_("The same"),
    "near": N_("Nearly the same"),
    "exact_across_parts": N_("The same in two parts"),
    "near_across_parts": N_("Nearly the same in two parts"),
}


def draw(record: DatasetRecord, duplicates: Mapping[str, Any]) -> None:
    """The duplicates of a profile (`engine.data.profile.shapes.Duplicates`)."""
    st.caption(_("In two parts of a split, they make a model look better than it is."))
    found = {name: duplicates[name] for name in TITLES if name in duplicates}
    if not any(groups["groups"] for groups in found.values()):
        st.markdown(f":green[:material/check_circle:] {_('No example stands there twice.')}")
        return
    layout.metric_row(
        [
            (_(TITLES[name]), ngettext("{n} group", "{n} groups", groups["groups"]), rows_of(groups))
            for name, groups in found.items()
        ]
    )
    if duplicates["looked_at"] < record.rows:
        st.caption(say("Looked at {n} rows.", n=numbers.count(duplicates["looked_at"])))
    st.caption(_("The step “Remove duplicates” under Cleaning keeps the first of each."))
    shown = next(groups for groups in found.values() if groups["groups"])
    with st.expander(_("Examples of duplicates")):
        for group in shown["examples"][:GROUPS]:
            draw_group(record, group)


def rows_of(groups: Mapping[str, Any]) -> str:
    """What the groups mean, for the help of their figure."""
    said = ngettext("{n} row could go.", "{n} rows could go.", groups["rows"])
    if groups["conflicting"]:
        said += " " + ngettext(
            "{n} group has different targets.", "{n} groups have different targets.", groups["conflicting"]
        )
    return said


def draw_group(record: DatasetRecord, rows: list[int]) -> None:
    """The members of one group beside each other."""
    st.caption(say("Rows {rows}", rows=", ".join(str(row) for row in rows)))
    if record.modality is Modality.IMAGE:
        st.image(
            api.images(record.id, rows, size_px=144), width=72, alt=[say_raw("Row {row}", row=row) for row in rows]
        )
        return
    frame = api.rows(record.id, offset=rows[0], limit=1)
    st.text("  ·  ".join(str(value) for value in frame.iloc[0].tolist())[:400] if len(frame) else "")
