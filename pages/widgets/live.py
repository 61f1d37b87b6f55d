"""Parts of a screen that follow what is running, and rest when nothing is.

Only the part is drawn again, not the page, so that a field someone is typing into stays untouched.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from engine import api
from engine.specs import RunStatus
from engine.specs.records import RunRecord
from pages.widgets import layout, numbers, state
from pages.widgets.text import _, plain

EVERY_S = 1.0  # a shorter wait is not read, a longer one feels dead


def follow(draw: Callable[[], bool], *, active: bool, key: str, every_s: float = EVERY_S) -> None:
    """Draw a part again every `every_s` seconds while something runs.

    Args:
        draw: draws the part and says whether something still runs.
        active: whether something runs now; where not, the part is drawn once and no timer is set.
        key: unique on the page.
        every_s: seconds between two drawings.

    When `draw` first says that nothing runs any more, the whole page is drawn again, so that its buttons and figures
    change with it.
    """
    if not active:
        draw()
        return

    @st.fragment(run_every=every_s)
    def part() -> None:
        if not draw():
            st.rerun()

    with st.container(key=f"following_{key}"):
        part()


def follow_until_done(draw: Callable[[], bool], *, key: str, every_s: float = EVERY_S) -> None:
    """Draw a part that waits for an answer; ask again until it is there, then rest.

    Args:
        draw: draws the part and says whether it still waits. It is called once a drawing, never twice.
        key: unique on the page.
        every_s: seconds between two questions.
    """
    waiting = f"{key}/waiting"

    @st.fragment(run_every=every_s if st.session_state.get(waiting) else None)
    def part() -> None:
        before = bool(st.session_state.get(waiting))
        now = draw()
        st.session_state[waiting] = now
        if now != before:  # the timer of a fragment is set where the page draws it
            st.rerun()

    part()


def running_runs(limit: int = 20) -> list[RunRecord]:
    """What runs or waits, in the order of the queue."""
    running = api.runs(status=RunStatus.RUNNING, limit=limit)
    waiting = api.runs(status=RunStatus.SCHEDULED, limit=limit)
    return running + sorted(waiting, key=lambda run: run.position)


def run_line(run: RunRecord, *, key: str) -> None:
    """One running or waiting run: name, progress, newest figures, a button to open and one to stop it."""
    with st.container(border=True, key=f"{key}_line"):
        left, right = st.columns([5, 2], vertical_alignment="center")
        with left:
            st.markdown(
                f"{layout.status_text(run.status)} **{layout.run_title(run)}** · {plain(layout.data_name(run))}"
            )
        with right.container(horizontal=True, horizontal_alignment="right"):
            if st.button(_("Open"), key=f"{key}_open", icon=":material/monitoring:"):
                state.go(state.TRAIN_PAGE, run=run.id)
            if st.button(_("Stop"), key=f"{key}_stop", icon=":material/stop_circle:", disabled=run.stop_requested):
                api.stop(run.id)
                st.rerun(scope="fragment")
        layout.progress_of(run)
        figures = newest_figures(run)
        if figures:
            st.caption(" · ".join(f"{title} **{value}**" for title, value in figures))


def newest_figures(run: RunRecord, limit: int = 4) -> list[tuple[str, str]]:
    """The newest figures of a run worth a glance: validation first."""
    keys = [key for key in run.metrics if key.startswith(("val/", "test/"))] or list(run.metrics)
    return [(layout.metric_title(key), numbers.figure(run.metrics[key])) for key in keys[:limit]]


def objective_key(run: RunRecord) -> str:
    """The metric that a run is judged by: on its test part where it is known, else on validation; empty: none yet."""
    objective = "accuracy" if run.spec.data.task.is_classification else "rmse"
    keys = (f"test/{objective}", f"val/{objective}", f"train/{objective}")
    return next((key for key in keys if key in run.best), "")


def best_figures(run: RunRecord, limit: int = 3) -> list[tuple[str, str]]:
    """The best figures of a run, the objective first."""
    first = objective_key(run)
    keys = ([first] if first else []) + [key for key in run.best if key != first]
    return [(layout.metric_title(key), numbers.figure(run.best[key])) for key in keys[:limit]]
