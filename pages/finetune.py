"""Fine-tune: source → data → method → go; before and after; methods side by side."""

from __future__ import annotations

import streamlit as st

from engine import api
from engine.specs import RunSpec
from engine.specs.source_records import SourceRecord
from pages.widgets import (
    finetune_data,
    finetune_method,
    finetune_methods,
    finetune_plan,
    finetune_result,
    finetune_source,
    finetune_state,
    layout,
    state,
    whatif_state,
)
from pages.widgets.document import document_tab
from pages.widgets.text import _
from pages.widgets.tokens import given_name, named, submit_token


def main() -> None:
    """Draw the screen."""
    with layout.errors_shown("finetune_error"):
        layout.page_header(
            _("Fine-tune"), _("Take a model that has learned before, and fit it to your data. See what that brings.")
        )
        view = choose_view()
        if view == finetune_state.RESULT:
            finetune_result.draw()
        elif view == finetune_state.SIDE_BY_SIDE:
            finetune_methods.draw()
        else:
            new()


def choose_view() -> str:
    """What is looked at; stands in the address."""
    titles = {
        finetune_state.NEW: _("Set up"),
        finetune_state.RESULT: _("Before and after"),
        finetune_state.SIDE_BY_SIDE: _("Methods side by side"),
    }
    current = finetune_state.view()
    picked = st.segmented_control(
        _("View"),
        finetune_state.VIEWS,
        default=current,
        required=True,
        format_func=lambda name: titles[name],
        key=f"finetune_view~{current}",
        label_visibility="collapsed",
    )
    if picked and picked != current:
        st.query_params[finetune_state.VIEW] = picked
        st.rerun()
    return current


def new() -> None:
    """Source, data, method, and what they will take."""
    chosen = finetune_state.source()
    if not chosen:
        layout.section(_("Source"), _("A model that has learned before: its body is kept, its head is new."))
        finetune_source.draw("")
        return
    form, plan = st.columns([3, 2], gap="large")
    with form:
        layout.section(_("Source"))
        source = finetune_source.draw(chosen)
        if source is None:
            return
        spec = choose_data(source)
        if spec is None:
            return
        edited = finetune_method.draw(spec)
        box = st.expander(_("Document"), icon=":material/data_object:", key="finetune_document", on_change="rerun")
        if box.open:  # a long text that nobody sees costs nobody time
            with box:
                edited = document_tab(edited)
    if edited != spec:
        state.put_draft(edited)
        if edited.model.method.kind != spec.model.method.kind:
            st.rerun()
    with plan:
        start_panel(edited)
        finetune_plan.follow(edited)


def choose_data(source: SourceRecord) -> RunSpec | None:
    """The document for source and data; a changed question is drawn anew."""
    layout.section(_("Data"), _("What the model is fitted to. The preprocessing is the source's own."))
    before = finetune_state.draft()
    spec = finetune_data.choose(source)
    if spec is not None and before is not None and spec != before:
        state.put_draft(spec)
        st.rerun()
    return spec


def start_panel(spec: RunSpec) -> None:
    """The run's name and the buttons that start it, or several methods."""
    with st.container(border=True, key="finetune_start_box"):
        suggested = suggested_name(spec)
        name = st.text_input(
            _("Name of the run"), given_name(spec), key="finetune_name", max_chars=200, placeholder=suggested
        )
        with st.container(horizontal=True):
            start = st.button(_("Start training"), type="primary", icon=":material/play_arrow:", key="finetune_start")
            if st.button(
                _("Compare methods"),
                icon=":material/leaderboard:",
                key="finetune_to_methods",
                help=_("Several methods on the same data and seeds."),
            ):
                st.query_params[finetune_state.VIEW] = finetune_state.SIDE_BY_SIDE
                st.query_params.pop(finetune_state.METHODS, None)
                st.rerun()
            if st.button(
                _("What if?"),
                icon=":material/experiment:",
                key="finetune_whatif",
                help=_("What if this were changed? Answers in seconds."),
            ):
                whatif_state.open_with(f"{whatif_state.DRAFT_BASE}:{state.get(state.DRAFT)}")
        if start:
            token = submit_token("finetune_submit", spec)
            run = api.submit(named(spec, name.strip() or given_name(spec) or suggested), token=token)
            state.go(state.TRAIN_PAGE, run=run)


def suggested_name(spec: RunSpec) -> str:
    """The data set and the method."""
    return f"{spec.data.name} · {finetune_result.method_title(spec.model.method.kind)}"[:200]


if __name__ == "__main__":
    main()
