"""Data: bring a data set in, look at it, clean it, divide it, and see what the model will see."""

from __future__ import annotations

import streamlit as st

from engine import api
from engine.specs import RunSpec
from engine.specs.records import DatasetRecord
from pages.widgets import data_views, importing, layout, numbers, profile_view, state
from pages.widgets.text import _, ngettext, plain, say

VIEWS = ("overview", "examples", "cleaning", "split", "model_sees")
VIEW_KEY = "view"  # in the address, so that a reload stays here
UNDO_KEY = "data_just_deleted"  # only for the undo bar; the bin keeps the data set whatever happens to the session


def main() -> None:
    """Draw the screen: the chosen data set, else the ways to bring one in."""
    with layout.errors_shown("data_error"):
        undo_bar()
        record = state.current_dataset()
        if record is None:
            choose()
        else:
            workbench(record)


def choose() -> None:
    """No data set yet: those of the workspace, and the ways to bring one in."""
    layout.page_header(
        _("Data"), _("Bring a data set in. Lathe finds out what it holds and what can be learned from it.")
    )
    datasets = api.datasets()
    importing.draw()
    if datasets:
        layout.section(_("Data sets"))
        for record in datasets:
            data_views.dataset_line(record, key=f"data_{record.id}")


def workbench(record: DatasetRecord) -> None:
    """One data set, and everything that can be done with it before a model comes in."""
    spec = draft_for(record)
    header(record, spec)
    layout.warnings_of(record.warnings, record.notices)
    titles = {
        "overview": _("Overview"),
        "examples": _("Examples"),
        "cleaning": _("Cleaning"),
        "split": _("Split"),
        "model_sees": _("What the model sees"),
    }
    asked = st.query_params.get(VIEW_KEY, "overview")
    view = st.segmented_control(
        _("View"),
        VIEWS,
        default=asked if asked in VIEWS else "overview",
        required=True,
        format_func=lambda name: titles[name],
        key="data_view",
        label_visibility="collapsed",
    )
    if view and view != asked:
        st.query_params[VIEW_KEY] = view
    if view == "examples":
        data_views.examples(record, spec)
    elif view == "cleaning":
        keep(spec, data_views.cleaning(record, spec))
    elif view == "split":
        keep(spec, data_views.split(record, spec))
    elif view == "model_sees":
        keep(spec, data_views.model_sees(record, spec))
    else:
        keep(spec, data_views.question(record, spec))
        profile_view.draw(record, spec)


def draft_for(record: DatasetRecord) -> RunSpec:
    """The document being edited for this data set; a new one with good defaults where there is none."""
    draft = state.current_draft()
    if draft is None or draft.data.dataset != record.id:
        with st.spinner(_("Choosing settings for these data…")):
            draft = api.default_spec(record.id)
        state.begin_draft(draft)
    return draft


def keep(before: RunSpec, after: RunSpec) -> None:
    """Keep an edited document, and draw the page with it."""
    if after != before:
        state.put_draft(after)
        st.rerun()


def header(record: DatasetRecord, spec: RunSpec) -> None:
    """Name and size, and the ways on: Design, another data set, delete."""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        with st.container(width="stretch", gap="xxsmall"):
            layout.page_header(plain(data_views.title_of(record)), facts(record))
        with st.container(horizontal=True, width="content"):
            if st.button(_("Other data"), icon=":material/swap_horiz:", key="data_other"):
                state.go(state.DATA_PAGE, dataset="")
            if st.button(_("Delete"), icon=":material/delete:", key="data_delete"):
                delete(record)
            if st.button(_("Design a model"), type="primary", icon=":material/arrow_forward:", key="data_design"):
                state.go(state.DESIGN_PAGE, dataset=record.id)


def facts(record: DatasetRecord) -> str:
    """Kind, rows, columns, size, age, source and licence in one line."""
    parts = [f"{layout.task_icon(record.task)} {_(record.task.label)}", ngettext("{n} row", "{n} rows", record.rows)]
    if record.image_size_px:
        height, width = record.image_size_px
        parts.append(say("{width} × {height} px", width=width, height=height))
    else:
        parts.append(ngettext("{n} column", "{n} columns", len(record.columns)))
    if record.classes:
        parts.append(ngettext("{n} class", "{n} classes", len(record.classes)))
    parts += [numbers.size(record.bytes), numbers.ago(record.created_at)]
    if record.licence:
        parts.append(say("licence: {licence}", licence=record.licence))
    return " · ".join(parts)


def delete(record: DatasetRecord) -> None:
    """Move the data set to the bin and offer to undo it."""
    api.delete_dataset(record.id)
    st.session_state[UNDO_KEY] = (record.id, data_views.title_of(record))
    state.go(state.DATA_PAGE, dataset="", draft="")


def undo_bar() -> None:
    """Brings back the data set that was just deleted."""
    deleted = st.session_state.get(UNDO_KEY)
    if deleted and layout.undo_bar(say("{name} was deleted.", name=deleted[1]), key="data_undo"):
        api.restore_dataset(deleted[0])
        del st.session_state[UNDO_KEY]
        state.go(state.DATA_PAGE, dataset=deleted[0])


if __name__ == "__main__":
    main()
