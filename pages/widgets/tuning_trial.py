"""One trial of a search: what it was, how it went, and what can be made of it."""

from __future__ import annotations

import streamlit as st

from engine import api
from engine.errors import EngineError
from engine.specs import RunSpec
from engine.specs.knobs import changes_between
from engine.specs.search_records import SearchRecord, TrialRecord, TrialStatus
from pages.widgets import documents, layout, numbers, state, tuning_table
from pages.widgets.text import _, plain, say
from pages.widgets.tuning_board import Board, forget, metric_name

BADGES = {
    TrialStatus.WAITING: (":material/schedule:", "gray"),
    TrialStatus.RUNNING: (":material/progress_activity:", "blue"),
    TrialStatus.JUDGING: (":material/rate_review:", "violet"),
    TrialStatus.COMPLETED: (":material/check_circle:", "green"),
    TrialStatus.STOPPED: (":material/stop_circle:", "orange"),
    TrialStatus.FAILED: (":material/error:", "red"),
    TrialStatus.WITHDRAWN: (":material/remove_circle:", "gray"),
}


def draw(board: Board, trial: TrialRecord, *, key: str) -> None:
    """The panel beside the leaderboard."""
    with st.container(border=True, key=key):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            icon, colour = BADGES[trial.status]
            best = f" · :orange-badge[:material/trophy: {_('best')}]" if trial.best else ""
            title = say("Trial {n}", n=trial.number)
            st.markdown(f"**{title}** :{colour}-badge[{icon} {_(trial.status.label)}]{best}", width="content")
            if st.button("", icon=":material/close:", key=f"{key}_close", help=_("Close"), type="tertiary"):
                tuning_table.choose(None)
                st.rerun()
        _figures(board, trial)
        if trial.error:
            layout.error_state(EngineError.from_record(trial.error), key=f"{key}_error")
        if trial.reason:
            st.caption(f":material/info: {_(trial.reason)}")
        if trial.status is TrialStatus.JUDGING or board.metric == "judgement":
            judge(trial, key=f"{key}_judge")
        _values(board, trial)
        _buttons(board.search, trial, key=key)


def _figures(board: Board, trial: TrialRecord) -> None:
    figures: list[tuple[str, str] | tuple[str, str, str]] = []
    if trial.score is not None:
        spread = say("± {spread} over its runs", spread=numbers.figure(trial.spread)) if trial.spread else ""
        figures.append((plain(metric_name(board.metric)), numbers.figure(trial.score), spread))
    for metric, _direction in board.search.objectives[1:]:
        if metric in trial.objectives:
            figures.append((plain(metric_name(metric)), numbers.short(trial.objectives[metric])))
    if trial.curve:
        done, planned = len(trial.curve) + trial.first_curve_epoch - 1, trial.epochs
        figures.append((_("Epochs"), f"{done}" + (f" / {planned}" if planned and planned != done else "")))
    if trial.seconds:
        figures.append((_("Time"), numbers.duration(trial.seconds)))
    if figures:
        layout.metric_row(figures, width_px=80)


def _values(board: Board, trial: TrialRecord) -> None:
    """What the trial changed: its values beside those of the document that is searched."""
    lines = []
    for path, value in trial.values.items():
        field = board.fields.get(path)
        before = "" if field is None or field.when else board.value_text(path, field.knob.value)
        now = board.value_text(path, value)
        change = f"{plain(before)} → **{plain(now)}**" if before and before != now else f"**{plain(now)}**"
        lines.append(f"- {plain(board.title(path))}: {change}")
    if lines:
        st.markdown("\n".join(lines))


def _buttons(search: SearchRecord, trial: TrialRecord, *, key: str) -> None:
    """Its run, a fork, a full run."""
    with st.container(horizontal=True):
        if trial.status is TrialStatus.RUNNING and st.button(
            _("End it"), icon=":material/stop_circle:", key=f"{key}_stop", help=_("It keeps the score it has.")
        ):
            api.stop_trial(search.id, trial.number)
            st.rerun()
        if trial.run_ids and st.button(_("Open its run"), icon=":material/monitoring:", key=f"{key}_open"):
            state.go(state.TRAIN_PAGE, run=trial.run_ids[0])
        fork = st.button(
            _("Fork into Design"),
            icon=":material/fork_right:",
            key=f"{key}_fork",
            help=_("Opens a copy of its document in Design."),
        )
        if fork:
            state.begin_draft(api.trial_spec(search.id, trial.number))
            state.go(state.DESIGN_PAGE)
        if trial.score is not None and st.button(
            _("Train in full"),
            icon=":material/rocket_launch:",
            type="primary",
            key=f"{key}_promote",
            help=_("A full run with these settings: tested, compared with simple models, and kept as a model."),
        ):
            state.go(state.TRAIN_PAGE, run=api.promote_trial(search.id, trial.number))
    if len(trial.run_ids) > 1:
        with st.popover(_("All its runs"), icon=":material/list:", key=f"{key}_runs"):
            for place, run_id in enumerate(trial.run_ids):
                score = f" · {numbers.figure(trial.scores[place])}" if place < len(trial.scores) else ""
                if st.button(say("Run {n}", n=place + 1) + score, key=f"{key}_run_{place}", type="tertiary"):
                    state.go(state.TRAIN_PAGE, run=run_id)
    with st.expander(_("Differences from the document"), key=f"{key}_differences", on_change="rerun") as box:
        if box.open:
            _differences(search.spec, api.trial_spec(search.id, trial.number))


def _differences(base: RunSpec, spec: RunSpec) -> None:
    changes = changes_between(base.model_copy(update={"search": None}), spec)
    if not changes:
        st.caption(_("None: this trial has the settings of the document."))
    for change in changes:
        before = documents.value_text(base, change.path, change.before)
        after = documents.value_text(spec, change.path, change.after)
        title = documents.path_titles([spec, base], change.path)
        st.markdown(f"- {plain(title)}: {plain(before)} → **{plain(after)}**")


def judge(trial: TrialRecord, *, key: str) -> None:
    """The field for a person's judgement of a trial."""
    with st.form(f"{key}_form", border=False):
        score = st.number_input(
            _("Your judgement"),
            value=trial.score,
            step=0.5,
            key=f"{key}_score",
            help=_("Any number; the search looks for the best. Look at its run first."),
        )
        if st.form_submit_button(_("Save the judgement"), type="primary", icon=":material/gavel:"):
            if score is None:
                st.caption(f":red[:material/error: {_('Enter a number.')}]")
                return
            api.judge_trial(trial.search_id, trial.number, float(score))
            forget()
            st.rerun()
