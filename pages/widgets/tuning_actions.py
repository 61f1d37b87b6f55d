"""What can be done with a search: pause, resume, stop, budget, workers, a trial by hand, export, search again."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import streamlit as st

from engine import api
from engine.specs.search import Dimension, Options, SearchBudget
from engine.specs.search_records import SearchRecord, SearchStatus
from pages.widgets import forms, layout, state
from pages.widgets.fields import format_float
from pages.widgets.text import _, plain, say
from pages.widgets.tuning_board import forget
from pages.widgets.tuning_condition import said
from pages.widgets.tuning_fields import Field, searchable
from pages.widgets.tuning_space import parsed

MOST_WORKERS = 64
TYPED = "tuning/budget"  # (search, its budget, the budget that is being typed)
DELETED = "tuning/deleted"  # only for the undo bar; the bin keeps it whatever happens to the session


def bar(search: SearchRecord) -> None:
    """The buttons beside the choice of the search."""
    over = search.status.is_over
    with st.container(horizontal=True, horizontal_alignment="right", key="tuning_actions"):
        _steer(search)
        if not over:
            hand = st.popover(_("Trial by hand"), icon=":material/add:", key="tuning_hand")
            with hand, layout.errors_shown("tuning_hand_error"):
                by_hand(search)
        box = st.popover(_("Budget"), icon=":material/hourglass:", key="tuning_budget_box")
        with box, layout.errors_shown("tuning_budget_error"):
            budget(search)
        if over:
            again(search)
        more = st.popover(_("More"), icon=":material/more_horiz:", key="tuning_more")
        with more, layout.errors_shown("tuning_more_error"):
            exports(search)
            if not over:
                again(search)
            st.divider()
            rename_or_delete(search)


def _steer(search: SearchRecord) -> None:
    """Pause, resume, stop: what its state allows."""
    if search.status is SearchStatus.RUNNING and st.button(
        _("Pause"), icon=":material/pause:", key="tuning_pause", help=_("What has begun ends; nothing new begins.")
    ):
        api.pause_search(search.id)
        st.rerun()
    rests = search.status in (SearchStatus.PAUSED, SearchStatus.STOPPED, SearchStatus.FAILED)
    if rests and st.button(_("Resume"), icon=":material/resume:", key="tuning_resume", type="primary"):
        api.resume_search(search.id)
        st.rerun()
    if not search.status.is_over and st.button(_("Stop"), icon=":material/stop_circle:", key="tuning_stop"):
        api.stop_search(search.id)
        st.rerun()


def again(search: SearchRecord) -> None:
    """Its document and space as a draft."""
    if st.button(
        _("Search again"),
        icon=":material/edit:",
        key="tuning_again",
        help=_("Opens its document and its search space, to change them and start another search."),
    ):
        state.begin_draft(search.spec)
        state.put(state.SEARCH, "")
        st.rerun()


def rename_or_delete(search: SearchRecord) -> None:
    """Another name, or the bin."""
    name = st.text_input(_("Name"), search.name, max_chars=200, key=f"tuning_rename_{search.id}")
    with st.container(horizontal=True):
        changed = bool((name or "").strip()) and name != search.name
        if st.button(_("Rename"), disabled=not changed, key="tuning_rename"):
            api.rename_search(search.id, str(name).strip())
            forget()
            st.rerun()
        if st.button(_("Delete"), icon=":material/delete:", key="tuning_delete"):
            api.delete_search(search.id)
            forget()
            st.session_state[DELETED] = (search.id, search.name)
            state.put(state.SEARCH, "")
            st.rerun()


def undo() -> None:
    """After a search was deleted: a way to bring it back."""
    held = st.session_state.get(DELETED)
    if held and layout.undo_bar(say("The search {name} was deleted.", name=held[1]), key="tuning_undo"):
        api.restore_search(held[0])
        forget()
        del st.session_state[DELETED]
        state.put(state.SEARCH, held[0])
        st.rerun()


def budget(search: SearchRecord) -> None:
    """The limits of the search and the number of workers, also while it runs."""
    space = search.spec.search
    now = space.budget if space else SearchBudget()
    held = st.session_state.get(TYPED)  # a form gives back what was typed; it is kept until it is set
    typed = held[2] if held is not None and held[:2] == (search.id, now) else now
    edited = forms.draw(typed, key=f"tuning_budget_{search.id}", columns=1)
    st.session_state[TYPED] = (search.id, now, edited)
    over = search.status.is_over
    label = _("Set the budget and go on") if over else _("Set the budget")
    if st.button(label, type="primary", disabled=edited == now, key="tuning_budget_set"):
        api.set_search_budget(search.id, edited.model_dump())
        if over:
            api.resume_search(search.id)
        st.rerun()
    st.divider()
    there, wanted = workers(key="tuning_workers")
    if st.button(_("Set the workers"), disabled=wanted == there, key="tuning_workers_set"):
        api.set_workers(wanted)
        st.toast(
            _("A new worker is ready in about half a minute.") if wanted > there else _("A worker goes when idle.")
        )


def workers(*, key: str) -> tuple[int, int]:
    """The field for the number of workers; how many there are, and how many are wanted."""
    there = max(1, len(api.engine_state().workers))
    wanted = st.number_input(
        _("Workers"),
        1,
        MOST_WORKERS,
        there,
        key=f"{key}~{there}",
        help=_("How many trials run at once on this machine, for all searches and runs together."),
    )
    return there, int(wanted)


def by_hand(search: SearchRecord) -> None:
    """A trial with values of a person's own, inside the space that is searched."""
    space = search.spec.search
    if space is None:
        return
    known = searchable(search.spec, space)
    values: dict[str, Any] = {}
    fits = True
    for dimension in space.dimensions:
        if not all(values.get(path) in allowed for path, allowed in dimension.when.items()):
            continue
        value, problem = _value(search, dimension, known.get(dimension.path))
        if problem:
            said(problem)
            fits = False
        values[dimension.path] = value
    if st.button(_("Add the trial"), type="primary", disabled=not fits, key="tuning_hand_add"):
        api.add_trial(search.id, values)
        st.toast(_("The trial is queued before those of the algorithm."))


def _value(search: SearchRecord, dimension: Dimension, field: Field | None) -> tuple[Any, str]:
    """The widget for one value of a trial by hand: (value, problem)."""
    key = f"tuning_hand_{search.id}_{dimension.path}"
    title = plain(field.title() if field else dimension.path)
    now = field.knob.value if field else None
    if isinstance(dimension, Options):
        listed = list(dimension.values)
        place = st.selectbox(
            title,
            range(len(listed)),
            index=listed.index(now) if now in listed else 0,
            format_func=lambda place: field.label_of(listed[place]) if field else str(listed[place]),
            key=key,
        )
        return listed[place or 0], ""
    low, high = dimension.low, dimension.high  # type: ignore[attr-defined]
    start = now if isinstance(now, int | float) and low <= now <= high else low
    typed = st.text_input(title, format_float(start), key=key)
    drawn = parsed(typed or "", whole=dimension.kind == "int")
    if drawn.problem:
        return None, drawn.problem
    if not low <= drawn.value <= high:
        ends = {"low": format_float(low), "high": format_float(high), "got": format_float(drawn.value)}
        return None, say("This search goes from {low} to {high}; got {got}.", **ends)
    return drawn.value, ""


def exports(search: SearchRecord) -> None:
    """Two downloads, made when they are asked for."""
    st.download_button(
        _("Table of the trials (CSV)"),
        lambda: api.search_csv(search.id),
        file_name=f"search-{search.id}.csv",
        mime="text/csv",
        icon=":material/table:",
        on_click="ignore",
        key="tuning_csv",
    )
    st.download_button(
        _("KerasTuner project (ZIP)"),
        lambda: packed(search.id),
        file_name=f"search-{search.id}.zip",
        mime="application/zip",
        icon=":material/folder_zip:",
        on_click="ignore",
        key="tuning_project",
        help=_("A folder that keras_tuner.Tuner.reload reads. Making it takes up to half a minute."),
    )


def packed(search_id: str) -> bytes:
    """The search as a zipped folder."""
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "search"
        api.export_search(search_id, folder)
        return Path(shutil.make_archive(str(folder), "zip", folder)).read_bytes()
