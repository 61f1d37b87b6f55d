"""Tuning: search over any fields of a document, watch it, and take the best."""

from __future__ import annotations

import streamlit as st

from engine import api
from engine.errors import EngineError, ErrorKind
from engine.specs.search_records import SearchRecord, SearchStatus
from pages.widgets import (
    description,
    layout,
    live,
    numbers,
    state,
    tuning_actions,
    tuning_charts,
    tuning_filter,
    tuning_setup,
    tuning_table,
    tuning_trial,
)
from pages.widgets.text import _, plain, say
from pages.widgets.tokens import forget
from pages.widgets.tuning_board import Board, board, metric_name
from pages.widgets.tuning_board import listed as listed_searches

EVERY_S = 2.0  # a trial takes longer
STATUS_LOOKS = {
    SearchStatus.RUNNING: (":material/progress_activity:", "blue"),
    SearchStatus.PAUSED: (":material/pause_circle:", "orange"),
    SearchStatus.FINISHED: (":material/check_circle:", "green"),
    SearchStatus.STOPPED: (":material/stop_circle:", "orange"),
    SearchStatus.FAILED: (":material/error:", "red"),
}
KEY = "tuning"


def main() -> None:
    """Draw the screen."""
    with layout.errors_shown("tuning_error"):
        layout.page_header(_("Tuning"), _("Find the best settings: a search over any fields of a document."))
        choice, buttons = st.columns([3, 4], gap="large", vertical_alignment="bottom")
        with choice:
            search = choose_search()
        if search is None:
            tuning_actions.undo()
            tuning_setup.screen()
            return
        with buttons:
            tuning_actions.bar(search)
        st.session_state.pop(tuning_actions.DELETED, None)
        watch(search)


def choose_search() -> SearchRecord | None:
    """Which search is shown; the first choice is a new one."""
    current = current_search()
    listed = {**listed_searches(), **({current.id: current} if current else {})}
    if not listed:
        return None
    new = ""
    ids = [new, *listed]
    now = current.id if current else new
    picked = st.selectbox(
        _("Search"),
        ids,
        index=ids.index(now),
        format_func=lambda search_id: search_line(listed[search_id]) if search_id else _("A new search"),
        key=f"tuning_search~{now}~{hash(search_line(current) if current else '')}",  # its line changes with it
    )
    if picked is not None and picked != now:
        state.put(state.SEARCH, picked)
        tuning_table.choose(None)
        tuning_filter.put(())
        st.rerun()
    return current


def current_search() -> SearchRecord | None:
    """The search in the address; None where there is none or it was deleted."""
    search_id = state.get(state.SEARCH)
    if not search_id:
        return None
    try:
        return api.search(search_id)
    except EngineError as error:
        if error.kind is not ErrorKind.NOT_FOUND:
            raise
        state.put(state.SEARCH, "")
        return None


def search_line(search: SearchRecord) -> str:
    """A search in a list: name, state, best score, age; no markdown."""
    best = f" · {numbers.figure(search.best_score)}" if search.best_score is not None else ""
    return f"{search.name} · {_(search.status.label)}{best} · {numbers.ago(search.created_at)}"


# ---- a search -------------------------------------------------------------------------------------------------------
def watch(search: SearchRecord) -> None:
    """Everything about one search, following it while it is at work."""
    forget("tuning_submit")
    asked = "tuning/asked"  # an answer of the engine is waited for: look again soon

    known = [search]  # read a moment ago; when the part is drawn again by itself, it is read anew

    def draw() -> bool:
        now = known.pop() if known else api.search(search.id)
        with layout.errors_shown("tuning_watch_error"):
            st.session_state[asked] = screen(now)
        return is_live(now) or bool(st.session_state[asked])

    follows = is_live(search) or bool(st.session_state.get(asked))
    live.follow(draw, active=follows, key=KEY, every_s=EVERY_S)
    if not follows and st.session_state.get(asked):
        st.rerun()  # the timer is set where the page is drawn


def is_live(search: SearchRecord) -> bool:
    """Whether something changes by itself: a paused search still ends what has begun."""
    return not search.status.is_over or search.running > 0


def screen(search: SearchRecord) -> bool:
    """Head, charts, leaderboard and the chosen trial; says whether an answer of the engine is waited for."""
    head(search)
    drawn = board(search)
    if not drawn.trials:
        waiting(search)
        return False
    bands = tuning_filter.current(drawn)
    through = tuning_filter.kept(drawn, bands)
    tuning_filter.bar(drawn, bands, through, key=f"{KEY}_filter")
    chosen = drawn.trial(tuning_table.chosen())
    marked = chosen.number if chosen else None
    waits = tuning_charts.draw(drawn, bands, through, marked=marked, live=is_live(search), key=f"{KEY}_charts")
    leaderboard(drawn, through, chosen)
    return waits


def leaderboard(drawn: Board, through: list[bool], chosen: object) -> None:
    """The table, and beside it the trial that was chosen in it."""
    layout.section(_("Leaderboard"), _("Choose a row to see the trial."))
    trial = drawn.trial(tuning_table.chosen())
    if trial is None:
        tuning_table.draw(drawn, through, key=f"{KEY}_table")
        return
    left, right = st.columns([5, 4], gap="medium")
    with left:
        tuning_table.draw(drawn, through, key=f"{KEY}_table")
    with right:
        tuning_trial.draw(drawn, trial, key=f"{KEY}_trial")


def head(search: SearchRecord) -> None:
    """State, progress and the figures that matter."""
    icon, colour = STATUS_LOOKS[search.status]
    space = search.spec.search
    algorithm = _(type(space.algorithm).label) if space else ""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.badge(_(search.status.label), icon=icon, color=colour)  # type: ignore[arg-type]
        st.markdown(f"**{plain(search.name)}** · {plain(search.dataset_name)} · {algorithm}")
    if search.error:
        layout.error_state(EngineError.from_record(search.error), key="tuning_search_error")
    if search.reason:
        st.caption(f":material/info: {_(search.reason)}")
    if not search.status.is_over:
        progress(search)
    layout.metric_row(figures(search), width_px=120)


def progress(search: SearchRecord) -> None:
    """How much of the budget is spent, and the time left."""
    budget = search.spec.search.budget if search.spec.search else None
    done = search.completed + search.failed
    shares = [0.0]
    if budget and budget.trials:
        shares.append(done / budget.trials)
    if budget and budget.seconds:
        shares.append(search.seconds / budget.seconds)
    words = [say("{done} of {all} trials", done=done, all=budget.trials) if budget and budget.trials else ""]
    if search.seconds_left is not None:
        words.append(_("{time} left").format(time=numbers.duration(search.seconds_left)))
    st.progress(min(1.0, max(shares)), text=" · ".join(word for word in words if word))


def figures(search: SearchRecord) -> list[tuple[str, str] | tuple[str, str, str]]:
    """Best score, trials, failed, at work, time."""
    metric = metric_name(search.objectives[0][0]) if search.objectives else _("Best")
    best = say("The best so far: trial {n}", n=search.best_trial) if search.best_trial is not None else ""
    shown: list[tuple[str, str] | tuple[str, str, str]] = [
        (plain(metric), numbers.figure(search.best_score), best),
        (_("Trials"), numbers.count(search.completed), _("With a result.")),
        (_("At work"), numbers.count(search.running), say("{n} more wait for a worker", n=search.waiting)),
    ]
    if search.judging:
        shown.append((_("To be judged"), numbers.count(search.judging)))
    shown.append((_("Failed"), numbers.count(search.failed), _("Cannot work with these settings; not tried again.")))
    shown.append((_("Time"), numbers.duration(search.seconds)))
    return shown


def waiting(search: SearchRecord) -> None:
    """What stands in the place of the charts before the first trial."""
    if search.status.is_over:
        st.info(_("This search ended before its first trial."), icon=":material/info:")
        return
    ready = api.engine_state().state == "ready"
    text = _("The first trials are being proposed…") if ready else description.warming_up()
    st.caption(f":material/hourglass_top: {text}")


if __name__ == "__main__":
    main()
