"""What can be done with the runs marked in a list: open, compare, fork, label, delete, restore."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from engine import api
from engine.specs.records import RunRecord
from pages.widgets import branch, compare, finetune_result, finetune_state, layout, state
from pages.widgets.text import _, ngettext, plain

UNDO_KEY = "runs_just_deleted"  # only for the undo bar; the bin keeps them whatever happens to the session
MOST_COMPARED = 8  # more curves than colours cannot be told apart


def bar(marked: Sequence[RunRecord], *, deleted: bool) -> None:
    """The buttons for the marked runs."""
    ids = [run.id for run in marked]
    one = marked[0] if len(marked) == 1 else None
    with st.container(horizontal=True, vertical_alignment="center", key="runs_actions"):
        if deleted:
            if st.button(_("Restore"), icon=":material/restore_from_trash:", disabled=not ids, key="runs_restore"):
                api.restore_runs(ids)
                st.cache_data.clear()
                st.rerun()
            return
        if st.button(_("Open"), icon=":material/monitoring:", disabled=one is None, key="runs_open") and one:
            state.go(state.TRAIN_PAGE, run=one.id)
        if st.button(_("Evaluate"), icon=":material/fact_check:", disabled=one is None, key="runs_evaluate") and one:
            state.go(state.EVALUATE_PAGE, run=one.id)
        enough = 2 <= len(ids) <= MOST_COMPARED
        if st.button(_("Compare"), icon=":material/compare_arrows:", disabled=not enough, key="runs_compare"):
            st.query_params[compare.ADDRESS_KEY] = ",".join(ids)
            st.rerun()
        if (
            st.button(_("Fork into Design"), icon=":material/fork_right:", disabled=one is None, key="runs_fork")
            and one
        ):
            fork(one)
        if st.button(_("Name, tags, note"), icon=":material/edit:", disabled=one is None, key="runs_edit") and one:
            edit_dialog(one)
        if st.button(_("Delete"), icon=":material/delete:", disabled=not ids, key="runs_delete"):
            delete(ids)
        if not ids:
            st.caption(_("Mark one row, or several to compare."), width="content")
    if one is not None:
        with st.container(horizontal=True):
            finetune_result.ways_on(one, key="runs")
        branch.lineage(one, key="runs")


def fork(run: RunRecord) -> None:
    """Begin a draft from a run's document and open it where it can be changed."""
    state.put(state.RUN, run.id)
    finetune_state.open_draft(run.spec.model_copy(update={"parent_run": "", "branch_step": 0}))


def delete(ids: list[str]) -> None:
    """Move runs to the bin and offer to undo it."""
    api.delete_runs(ids)
    st.session_state[UNDO_KEY] = ids
    st.cache_data.clear()
    st.rerun()


def undo() -> None:
    """The bar that brings back what was just deleted."""
    ids = st.session_state.get(UNDO_KEY)
    if not ids:
        return
    if layout.undo_bar(ngettext("{n} run deleted.", "{n} runs deleted.", len(ids)), key="runs_undo"):
        api.restore_runs(ids)
        del st.session_state[UNDO_KEY]
        st.cache_data.clear()
        st.rerun()


def edit_dialog(run: RunRecord) -> None:
    """Rename a run, set its tags and its note."""

    @st.dialog(_("Name, tags, note"), width="medium")
    def dialog() -> None:
        with st.form("runs_edit_form", border=False):
            name = st.text_input(_("Name"), run.name, max_chars=200)
            shown = ", ".join(f"{key}: {value}" if value else key for key, value in run.tags.items())
            tags = st.text_input(_("Tags"), shown, help=_("Separated by commas: baseline, group: week 3."))
            note = st.text_area(_("Note"), run.note, max_chars=4000)
            if st.form_submit_button(_("Save"), type="primary"):
                with layout.errors_shown("runs_edit_error"):
                    api.update_run(run.id, name=(name or "").strip(), note=note or "", tags=read_tags(tags or ""))
                    st.rerun()

    dialog()


def read_tags(text: str) -> dict[str, str]:
    """`baseline, group: week 3` → `{"baseline": "", "group": "week 3"}`."""
    tags: dict[str, str] = {}
    for part in text.replace("，", ",").split(","):
        key, _colon, value = part.replace("：", ":").partition(":")
        if key.strip():
            tags[key.strip()] = value.strip()
    return tags


def title_of(run: RunRecord) -> str:
    """A run in a heading."""
    return f"**{layout.run_title(run)}** · {plain(layout.data_name(run))}"
