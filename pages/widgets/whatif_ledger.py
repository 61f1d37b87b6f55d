"""The ledger: every tweak of a baseline that was measured, what it did, who turned the knob."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from engine import api
from engine.specs.probe import LedgerEntry
from pages.widgets import layout, state, whatif_answers, whatif_state
from pages.widgets.text import _
from pages.widgets.whatif_baseline import Baseline
from pages.widgets.whatif_words import difference, edited, ends, in_words, metric_words, ordered

HEIGHT_PX = 320


def section(baseline: Baseline) -> None:
    """The tab: a table, and what can be done with the marked line."""
    with layout.errors_shown("ledger_error"):
        entries = api.ledger(baseline.spec)
        left, right = st.columns([3, 1], vertical_alignment="bottom")
        left.caption(_("Every tweak of this baseline that was measured. Mark a line to take its values."))
        right.text_input(
            _("Your name in the ledger"),
            value=st.session_state.get("whatif/who", ""),
            placeholder=whatif_answers.who() or _("not given"),
            key="ledger_who",
            max_chars=80,
            on_change=_named,
        )
        if not entries:
            st.info(_("Nothing was measured yet. Turn a knob above."), icon=":material/history:")
            return
        marked = _table(baseline, entries)
        _actions(baseline, marked)


def _named() -> None:
    st.session_state["whatif/who"] = str(st.session_state.get("ledger_who") or "").strip()


def _table(baseline: Baseline, entries: list[LedgerEntry]) -> LedgerEntry | None:
    zone = layout.timezone()
    frame = pd.DataFrame(
        {
            _("Change"): [in_words(baseline.spec, entry.changes) for entry in entries],
            _("Effect"): [difference(entry.verdict.difference, entry.verdict.metric) for entry in entries],
            _("95 % interval"): [ends(entry.verdict) or "–" for entry in entries],
            _("Verdict"): [_(entry.verdict.kind.label) for entry in entries],
            _("Measured"): [metric_words(entry.verdict.metric) for entry in entries],
            _("Seeds"): [entry.verdict.pairs for entry in entries],
            _("Steps"): [entry.budget.steps for entry in entries],
            _("Who"): [entry.who or "–" for entry in entries],
            _("When"): [
                pd.Timestamp(datetime.fromtimestamp(entry.created_at, UTC)).tz_convert(zone) for entry in entries
            ],
        }
    )
    chosen = st.dataframe(
        frame,
        hide_index=True,
        key="ledger_table",
        height=min(HEIGHT_PX, 38 + 35 * len(frame)),
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            _("Change"): st.column_config.TextColumn(width="large"),
            _("When"): st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm"),
        },
    )
    rows = chosen["selection"]["rows"]
    return entries[rows[0]] if rows and rows[0] < len(entries) else None


def _actions(baseline: Baseline, marked: LedgerEntry | None) -> None:
    with st.container(horizontal=True, gap="small"):
        nothing = marked is None
        if (
            st.button(_("Take in hand"), icon=":material/pan_tool_alt:", key="ledger_apply", disabled=nothing)
            and marked
        ):
            whatif_state.put(whatif_state.current().holding(marked.changes))
            st.rerun()
        if st.button(_("Into Design"), icon=":material/edit:", key="ledger_design", disabled=nothing) and marked:
            state.begin_draft(edited(baseline.spec, marked.changes))
            state.go(state.DESIGN_PAGE)
        if st.button(_("To tuning"), icon=":material/tune:", key="ledger_tune", disabled=nothing) and marked:
            state.tune_from(baseline.spec, [ordered(marked.changes)])
