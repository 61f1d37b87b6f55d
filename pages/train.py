"""Train: start, watch, stop, resume, continue; the queue; a learning-rate finder before the start."""

from __future__ import annotations

import streamlit as st

from engine import api
from engine.errors import EngineError, ErrorKind
from engine.figures.training import learning_rate_finder
from engine.specs import RunSpec, RunStatus
from engine.specs.records import RunRecord
from pages.widgets import (
    branch,
    costs,
    description,
    finetune_drift,
    finetune_result,
    finetune_state,
    forecast,
    layout,
    live,
    numbers,
    state,
    whatif_state,
)
from pages.widgets.charts import chart
from pages.widgets.examples import draw_examples
from pages.widgets.text import _, plain, say
from pages.widgets.tokens import forget, named, submit_token

FINDER_ASK_S = 0.3
CONTINUE_EPOCHS = 5
QUEUE_SHOWN, QUEUE_EVERY_S = 100, 2.0
ACTIVE_OFFERED = 20  # of the runs at work, in the list to choose from


def main() -> None:
    """Draw the screen."""
    with layout.errors_shown("train_error"):
        layout.page_header(_("Train"), _("Watch a model learn. You may close the page; the run goes on."))
        choice, buttons = st.columns([3, 2], gap="large", vertical_alignment="bottom")
        active, run = live.running_runs(QUEUE_SHOWN), state.current_run()
        with choice:
            choose_run(active, run)
        if run is not None:
            with buttons:
                actions(run)
            run_screen(run)
        else:
            spec = state.current_draft()
            if spec is not None:
                ready_screen(spec)
            elif layout.empty_state(
                ":material/model_training:",
                _("Nothing to watch yet"),
                _("Choose a run above, or design a model and start it."),
                action=_("Go to Design"),
                key="train_empty",
            ):
                state.go(state.DESIGN_PAGE)
        queue(active)


def choose_run(active: list[RunRecord], current: RunRecord | None) -> None:
    """Which run is shown: those that run first, then the newest."""
    listed = {run.id: run for run in [*active[:ACTIVE_OFFERED], *api.runs(limit=20)]}
    if current is not None:
        listed.setdefault(current.id, current)
    draft = state.current_draft()
    if not listed:
        return
    new = ""  # stands for "none of them: the design that is not started yet"
    choices = ([new] if draft is not None else []) + list(listed)
    index = choices.index(current.id) if current is not None else (0 if draft is not None else None)
    picked = st.selectbox(
        _("Run"),
        choices,
        index=index,
        format_func=lambda run_id: run_line(listed[run_id]) if run_id else _("The design, not started yet"),
        placeholder=_("Choose a run"),
        key=f"train_run~{current.id if current else ''}",
    )
    if picked is not None and picked != (current.id if current else new):
        state.put(state.RUN, picked)
        st.rerun()


def run_line(run: RunRecord) -> str:
    """A run in a list: name, state, age."""
    return f"{run.name or run.id[:8]}  ·  {_(run.status.label)}  ·  {numbers.ago(run.created_at)}"


# ---- before the start -----------------------------------------------------------------------------------------------
def ready_screen(spec: RunSpec) -> None:
    """A design that waits to be started: what it costs, and a learning rate for it."""
    left, right = st.columns([3, 2], gap="large")
    with left, st.container(border=True):
        layout.section(_("Ready to start"))
        st.markdown(
            f"{layout.task_icon(spec.data.task)} **{plain(spec.data.name)}** · {_(type(spec.model).label)} · "
            + say(
                "{epochs} epochs, batches of {batch}, learning rate {rate}",
                epochs=spec.training.epochs,
                batch=spec.training.batch_size,
                rate=f"{spec.training.optimizer.learning_rate:.3g}",
            )
        )
        description.follow(spec, key="train_description", full=False)
        costs.follow(spec, key="train_costs")
        with st.container(horizontal=True):
            if st.button(_("Start training"), type="primary", icon=":material/play_arrow:", key="train_start"):
                token = submit_token("train_submit", spec)
                state.go(state.TRAIN_PAGE, run=api.submit(named(spec), token=token))
            if st.button(_("Change the design"), icon=":material/edit:", key="train_to_design"):
                state.go(state.DESIGN_PAGE)
    with right, st.container(border=True):
        finder(spec)


def finder(spec: RunSpec) -> None:
    """The learning-rate range test, with one click to take its suggestion."""
    layout.section(
        _("Learning-rate finder"),
        _("Raises the rate step by step and watches the loss (Smith 2017). The model is thrown away afterwards."),
    )
    asked = st.session_state.get("finder_asked") == spec.digest()
    if not asked:
        st.caption(_("Takes a few seconds and suggests a rate at which the loss falls fastest."))
        if st.button(_("Find a learning rate"), icon=":material/search:", key="finder_start"):
            st.session_state["finder_asked"] = spec.digest()
            st.rerun()
        return

    def draw() -> bool:
        with layout.errors_shown("finder_error"):
            try:
                found = api.find_learning_rate(spec, timeout_s=FINDER_ASK_S)
            except EngineError as error:
                if error.kind is not ErrorKind.UNAVAILABLE:
                    raise
                st.caption(f":material/hourglass_top: {_('Trying rates…')}")
                return True
            draw_found(spec, found)
        return False

    live.follow(draw, active=draw_needed(spec), key="finder")


def draw_needed(spec: RunSpec) -> bool:
    """Whether the finder still has to be waited for."""
    try:
        api.find_learning_rate(spec, timeout_s=0.0)
    except EngineError as error:
        return error.kind is ErrorKind.UNAVAILABLE
    return False


def draw_found(spec: RunSpec, found: dict[str, object]) -> None:
    """The curve, and the button that takes the suggestion."""
    chart(learning_rate_finder(found, translate=_), key="finder_chart")
    suggestion = float(str(found["suggestion"]))
    if st.button(say("Take {rate}", rate=f"{suggestion:.2e}"), icon=":material/check:", key="finder_take"):
        state.put_draft(spec.edit({"training.optimizer.learning_rate": suggestion}))
        st.rerun(scope="app")


# ---- a run ----------------------------------------------------------------------------------------------------------
def run_screen(run: RunRecord) -> None:
    """Everything about one run, following it while it is at work."""
    forget("design_submit", "train_submit")

    def draw() -> bool:
        now = api.run(run.id)
        head(now)
        left, right = st.columns([3, 2], gap="large")
        with left:
            branch.draw_curves(now, key="train_curves")
            finetune_drift.draw(now, key="train")
        with right:
            draw_examples(now, api.examples(now.id), key="train_examples")
        with st.expander(_("Run log"), icon=":material/terminal:", key="train_log"):
            lines = api.log(now.id)
            st.code("\n".join(lines) if lines else _("Nothing was logged yet."), language=None, height=240)
        return not branch.is_at_rest(now)

    live.follow(draw, active=not branch.is_at_rest(run), key="run")


def actions(run: RunRecord) -> None:
    """What can be done with a run in its state."""
    with st.container(horizontal=True, horizontal_alignment="right"):
        if not run.status.is_over:
            stop = st.button(_("Stop"), icon=":material/stop_circle:", key="train_stop", disabled=run.stop_requested)
            if stop:
                api.stop(run.id)
                st.rerun()
        stopped = run.status in (RunStatus.KILLED, RunStatus.FAILED)
        if stopped and st.button(_("Resume"), type="primary", icon=":material/resume:", key="train_resume"):
            api.resume(run.id)
            st.rerun()
        if run.status is RunStatus.FINISHED:
            if st.button(_("Evaluate"), type="primary", icon=":material/fact_check:", key="train_evaluate"):
                state.go(state.EVALUATE_PAGE, run=run.id)
            with st.popover(_("Train longer"), icon=":material/add:"):
                epochs = int(st.number_input(_("More epochs"), 1, 10_000, CONTINUE_EPOCHS, key="train_more_epochs"))
                if st.button(_("Continue"), key="train_continue", type="primary"):
                    more = api.continue_training(run.id, epochs)
                    state.go(state.TRAIN_PAGE, run=more)
        if st.button(_("What if?"), icon=":material/experiment:", key="train_whatif"):
            whatif_state.open_with(f"{whatif_state.RUN_BASE}:{run.id}")
        branch.control(run)
        finetune_result.ways_on(run, key="train")
        if st.button(_("Fork into Design"), icon=":material/call_split:", key="train_fork"):
            state.put(state.RUN, "")
            finetune_state.open_draft(run.spec.model_copy(update={"name": "", "parent_run": "", "branch_step": 0}))


def head(run: RunRecord) -> None:
    """State, progress and the newest figures of a run."""
    with st.container(horizontal=True, vertical_alignment="center"):
        layout.status_badge(run.status)
        st.markdown(f"**{layout.run_title(run)}** · {plain(layout.data_name(run))} · {_(type(run.spec.model).label)}")
        if run.attempt > 1:
            st.caption(say("attempt {n}", n=run.attempt))
        if run.stop_requested and not run.status.is_over:
            st.caption(_("Stopping in good order…"))
    branch.lineage(run, key="train")
    if not run.status.is_over:
        foretold = forecast.ask(run)
        layout.progress_of(forecast.with_time_left(run, foretold))
        forecast.draw(foretold, key="train_forecast")
    else:
        costs.draw_report(api.costs(run.id))
    if run.status is RunStatus.SCHEDULED:
        ready = api.engine_state().state == "ready"
        st.caption(_("It starts as soon as a worker is free.") if ready else description.warming_up())
    layout.error_from_run(run)
    layout.warnings_of(run.warnings, run.notices)
    figures = [
        (layout.metric_title(key), numbers.figure(value), say("best {value}", value=numbers.figure(run.best.get(key))))
        for key, value in run.metrics.items()
        if key.split("/")[-1] in ("loss", "accuracy", "macro_f1", "rmse", "mae", "r2")
        and key.startswith(("train/", "val/", "test/"))
    ]
    if figures:
        layout.metric_row(figures[:8], width_px=170)


# ---- the queue ------------------------------------------------------------------------------------------------------
def queue(active: list[RunRecord]) -> None:
    """The waiting runs, in an order that can be changed; follows what starts and ends."""

    def draw() -> bool:
        waiting = [run for run in live.running_runs(QUEUE_SHOWN) if run.status is RunStatus.SCHEDULED]
        if waiting:
            layout.section(_("Queue"), _("The uppermost starts first."))
        for place in range(len(waiting)):
            queue_line(waiting, place)
        return bool(waiting)

    if any(run.status is RunStatus.SCHEDULED for run in active):
        live.follow(draw, active=True, key="queue", every_s=QUEUE_EVERY_S)


def queue_line(waiting: list[RunRecord], place: int) -> None:
    """One waiting run with the buttons that move it or take it out."""
    run, ids = waiting[place], [entry.id for entry in waiting]
    with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"queue_{run.id}"):
        st.markdown(f"{place + 1}. **{layout.run_title(run)}** · {plain(layout.data_name(run))}", width="stretch")
        up = st.button(_("Up"), icon=":material/arrow_upward:", key=f"queue_up_{run.id}", disabled=place == 0)
        last = place == len(ids) - 1
        down = st.button(_("Down"), icon=":material/arrow_downward:", key=f"queue_down_{run.id}", disabled=last)
        if st.button(_("Take out"), icon=":material/close:", key=f"queue_out_{run.id}"):
            api.stop(run.id)
            st.rerun()
    if up or down:
        other = place - 1 if up else place + 1
        ids[place], ids[other] = ids[other], ids[place]
        api.reorder(ids)
        st.rerun()


if __name__ == "__main__":
    main()
