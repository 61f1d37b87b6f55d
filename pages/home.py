"""Home: what is running, recent runs, data sets, samples to start with, the machine."""

from __future__ import annotations

import streamlit as st

from engine import api
from engine.specs import RunStatus
from engine.specs.records import DatasetRecord, EngineState, RunRecord
from pages.widgets import data_views, importing, layout, live, numbers, state
from pages.widgets.text import _, ngettext, plain, say

RECENT_RUNS, RECENT_DATASETS, SHOWN_WAITING = 6, 5, 2


def main() -> None:
    """Draw the screen."""
    with layout.errors_shown("home_error"):
        datasets = api.datasets()
        recent = api.runs(limit=RECENT_RUNS)
        layout.page_header("Lathe", _("From data to a model you can trust: bring data, design, train, evaluate."))
        if not datasets and not recent:
            welcome()
        work, machine = st.columns([5, 2], gap="large")
        with work:
            running()
            if recent:
                recent_runs(recent)
            if datasets:
                recent_datasets(datasets)
            layout.section(
                _("Start with a sample"), _("Small, real data sets; those marked with a cloud are downloaded.")
            )
            importing.samples(primary=not datasets)
        with machine:
            machine_panel()


def welcome() -> None:
    """The first minute: the four steps, and where to begin."""
    steps = (
        (
            ":material/table_chart:",
            _("1. Data"),
            _("Take a sample or bring a file. Lathe finds out what can be learned."),
        ),
        (":material/schema:", _("2. Design"), _("Choose a model. Good settings for your data are already filled in.")),
        (":material/model_training:", _("3. Train"), _("Watch it learn, live. You may close the page; it goes on.")),
        (":material/fact_check:", _("4. Evaluate"), _("See how good it is, beside simple models, and where it errs.")),
    )
    with st.grid(columns="auto", min_column_width=230, gap="small"):
        for icon, title, text in steps:
            with st.container(border=True, height="stretch"):
                st.markdown(f"{icon} **{title}**")
                st.caption(text)


def running() -> None:
    """What runs or waits now; rests where nothing does."""
    active = live.running_runs()
    if not active:
        return
    layout.section(_("Running and waiting"))

    def draw() -> bool:
        now = live.running_runs()
        working = [run for run in now if run.status is RunStatus.RUNNING]
        waiting = now[len(working) :]
        for run in [*working, *waiting[:SHOWN_WAITING]]:
            live.run_line(run, key=f"running_{run.id}")
        more = len(waiting) - SHOWN_WAITING
        if more > 0:
            st.caption(ngettext("{n} more run waits; see Train.", "{n} more runs wait; see Train.", more))
        return bool(now)

    live.follow(draw, active=True, key="running")


def recent_runs(recent: list[RunRecord]) -> None:
    """The newest runs with the course of their objective; those at work stand above already."""
    recent = [run for run in recent if run.status.is_over]
    if not recent:
        return
    layout.section(_("Recent runs"))
    with st.grid(columns="auto", min_column_width=220, gap="small"):
        for run in recent:
            with st.container(border=True, height="stretch", gap="xsmall", key=f"recent_{run.id}"):
                run_card(run)


def run_card(run: RunRecord) -> None:
    """One run: name, state, best figure, sparkline, and a button to its screen."""
    figures = live.best_figures(run, 1)
    st.markdown(f"**{layout.run_title(run)}**")
    st.caption(f"{layout.status_text(run.status)} · {plain(layout.data_name(run))} · {numbers.ago(run.created_at)}")
    if figures:
        title, value = figures[0]
        chart = list(run.sparkline) if len(run.sparkline) > 1 else None
        st.metric(title, value, chart_data=chart, chart_type="line")
    finished = run.status is RunStatus.FINISHED
    page = state.EVALUATE_PAGE if finished else state.TRAIN_PAGE
    if st.button(
        _("Evaluate") if finished else _("Open"), key=f"recent_open_{run.id}", icon=":material/arrow_forward:"
    ):
        state.go(page, run=run.id)


def recent_datasets(datasets: list[DatasetRecord]) -> None:
    """The newest data sets."""
    layout.section(_("Data sets"))
    for record in datasets[:RECENT_DATASETS]:
        data_views.dataset_line(record, key=f"home_{record.id}")


def machine_panel() -> None:
    """CPU, memory, GPU, disk and warm workers; drawn again every two seconds."""

    def draw() -> bool:
        draw_machine(api.engine_state())
        return True

    with st.container(border=True, key="machine"):
        st.markdown(f"**{_('Machine')}**")
        live.follow(draw, active=True, key="machine", every_s=2.0)


def draw_machine(machine: EngineState) -> None:
    """The figures of the machine, and in words whether the engine is warm."""
    words = {
        "off": (":material/power_off:", _("Engine is off"), "gray"),
        "starting": (":material/hourglass_top:", _("Engine is warming up"), "orange"),
        "ready": (":material/bolt:", _("Engine is warm"), "green"),
    }
    icon, word, colour = words[machine.state]
    st.badge(word, icon=icon, color=colour)  # type: ignore[arg-type]
    st.progress(min(1.0, machine.cpu_percent / 100), text=f"{_('CPU')} · {machine.cpu_percent:.0f} %")
    if machine.memory_total_bytes:
        used, total = machine.memory_used_bytes, machine.memory_total_bytes
        text = say("{used} of {total}", used=numbers.size(used), total=numbers.size(total))
        st.progress(min(1.0, used / total), text=f"{_('Memory')} · {text}")
    for index, gpu in enumerate(machine.gpus):
        draw_gpu(index, gpu)
    if not machine.gpus:
        st.caption(f":material/developer_board_off: {_('No GPU; training uses the CPU.')}")
    if machine.disk_free_bytes:
        st.caption(
            f":material/hard_drive: {say('{size} free on the disk', size=numbers.size(machine.disk_free_bytes))}"
        )
    states = {"starting": _("starting"), "idle": _("idle"), "busy": _("busy"), "lost": _("lost")}
    for worker in machine.workers:
        held = [numbers.size(worker.memory_bytes)] if worker.memory_bytes else []  # not known while it starts
        parts = [plain(worker.name), states[worker.state], plain(worker.device), *held]
        st.caption(f":material/memory: {' · '.join(parts)}")


def draw_gpu(index: int, gpu: dict[str, object]) -> None:
    """One GPU: name, load and memory, as far as the engine knows them."""
    used, total = float(str(gpu.get("memory_used_bytes", 0))), float(str(gpu.get("memory_total_bytes", 0)))
    name = plain(gpu.get("name") or f"GPU {index}")
    text = f"{name} · {numbers.size(used)} / {numbers.size(total)}" if total else name
    st.progress(min(1.0, used / total) if total else 0.0, text=text)


if __name__ == "__main__":
    main()
