"""Evaluate: how good a run is, against simple models, where it errs and on which examples."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from engine import api
from engine.errors import EngineError, ErrorKind
from engine.specs import Part, RunStatus
from engine.specs.records import RunRecord
from engine.text import N_
from pages.widgets import (
    data_views,
    evaluation_examples,
    evaluation_filter,
    evaluation_shown,
    evaluation_verdict,
    evaluation_views,
    finetune_result,
    layout,
    live,
    numbers,
    state,
)
from pages.widgets.text import _, plain, say

PART = "part"  # address: "test", "validation", "train" or the id of a data set
ASK_S = 0.3  # the engine evaluates in the background; the page asks again and again
LISTED_RUNS = 50
PART_TITLES = {Part.TEST: N_("Test part"), Part.VALIDATION: N_("Validation part"), Part.TRAIN: N_("Train part")}


def main() -> None:
    """Draw the screen."""
    with layout.errors_shown("evaluate_error"):
        layout.page_header(_("Evaluate"), _("How good is it, how sure is that, and where does it fail?"))
        run = choose_run()
        if run is None:
            nothing_yet()
            return
        parts = api.evaluated_parts(run.id)
        part = choose_part(run, parts)
        if part in parts:
            evaluation_screen(run, part)
        elif part:
            wait_for(run, part)
        else:
            not_evaluated(run)


def nothing_yet() -> None:
    """No finished run."""
    if layout.empty_state(
        ":material/fact_check:",
        _("Nothing to evaluate yet"),
        _("Train a model first; its evaluation appears here as soon as it has finished."),
        action=_("Go to Train"),
        key="evaluate_empty",
    ):
        state.go(state.TRAIN_PAGE)


def not_evaluated(run: RunRecord) -> None:
    """The run has no evaluation: it is still at work, or it ended before."""
    layout.error_from_run(run)
    text = (
        _("This run ended before it was evaluated. Resume it on Train.")
        if run.status.is_over
        else _("This run is still at work. Its evaluation appears when it has finished.")
    )
    if layout.empty_state(
        ":material/hourglass_top:", _("Not evaluated yet"), text, action=_("Watch it on Train"), key="evaluate_waiting"
    ):
        state.go(state.TRAIN_PAGE, run=run.id)


# ---- what is looked at ----------------------------------------------------------------------------------------------
def choose_run() -> RunRecord | None:
    """The run in the address, or the newest finished one."""
    listed = {run.id: run for run in api.runs(status=RunStatus.FINISHED, limit=LISTED_RUNS)}
    current = state.current_run()
    if current is not None:
        listed.setdefault(current.id, current)
    if not listed:
        return None
    ids = list(listed)
    chosen = current.id if current is not None else ids[0]
    picked = st.selectbox(
        _("Run"),
        ids,
        index=ids.index(chosen),
        format_func=lambda run_id: run_line(listed[run_id]),
        key=f"evaluate_run~{chosen}",
    )
    if picked != chosen:
        for key in (PART, evaluation_filter.ADDRESS_KEY, evaluation_shown.THRESHOLD):
            st.query_params.pop(key, None)
        state.put(state.RUN, str(picked))
        st.rerun()
    state.put(state.RUN, chosen)
    return listed[chosen]


def run_line(run: RunRecord) -> str:
    """A run in the list: name, data, age."""
    return f"{run.name or run.id[:8]}  ·  {layout.data_name(run)}  ·  {numbers.ago(run.created_at)}"


def choose_part(run: RunRecord, parts: list[str]) -> str:
    """The part or data set that is looked at; empty where there is none."""
    asked = str(st.query_params.get(PART, ""))
    choices = list(dict.fromkeys([*parts, *([asked] if _is_dataset(asked) else [])]))
    if not choices:
        return ""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        current = asked if asked in choices else choices[0]
        picked = st.segmented_control(
            _("Measured on"),
            choices,
            default=current,
            required=True,
            format_func=part_title,
            key=f"evaluate_part~{run.id}~{current}",
        )
        other_data(run)
        finetune_result.ways_on(run, key="evaluate")
    if picked is not None and picked != current:
        st.query_params[PART] = str(picked)
        evaluation_filter.write([])
        st.rerun()
    return current


def part_title(part: str) -> str:
    """ "Test part", or the name of a data set."""
    if part in PART_TITLES:
        return _(PART_TITLES[Part(part)])
    try:
        return plain(data_views.title_of(api.dataset(part)))
    except EngineError:
        return part


def other_data(run: RunRecord) -> None:
    """Measure the run on other labelled data."""
    with st.popover(_("Other data"), icon=":material/add_chart:"):
        st.markdown(_("Measure this model on other data whose answers are known."))
        modality = run.spec.data.task.modality
        fitting = {one.id: one for one in api.datasets() if one.modality is modality}
        picked = st.selectbox(
            _("Data set"),
            list(fitting),
            index=None,
            format_func=lambda dataset_id: data_views.title_of(fitting[dataset_id]),
            placeholder=_("Choose labelled data"),
            key="evaluate_dataset",
        )
        if st.button(_("Measure"), type="primary", disabled=picked is None, key="evaluate_measure"):
            st.query_params[PART] = str(picked)
            evaluation_filter.write([])
            st.rerun()
        st.caption(_("New data are brought in on Data."))


def wait_for(run: RunRecord, dataset_id: str) -> None:
    """Ask the engine for an evaluation on a data set, and draw the page again once it is there."""

    def draw() -> bool:
        with layout.errors_shown("evaluate_new_error"):
            try:
                api.evaluate(run.id, dataset_id, timeout_s=ASK_S)
            except EngineError as error:
                if error.kind is not ErrorKind.UNAVAILABLE:
                    raise
                st.caption(f":material/hourglass_top: {say('Measuring on {name}…', name=part_title(dataset_id))}")
                return True
            st.rerun(scope="app")
        return False

    live.follow_until_done(draw, key=f"evaluate_wait_{dataset_id}")


def _is_dataset(part: str) -> bool:
    return len(part) == 16 and set(part) <= set("0123456789abcdef")


# ---- the evaluation -------------------------------------------------------------------------------------------------
def evaluation_screen(run: RunRecord, part: str) -> None:
    """Figures, verdict, views and examples."""
    record = api.evaluation(run.id, part)
    rows = predictions(run.id, part, record.model_dump_json(include={"examples", "metrics"}))
    evaluation_verdict.headlines(record)
    if record.baselines:
        evaluation_verdict.verdict(record)
    layout.warnings_of(record.warnings, record.notices)
    active = evaluation_filter.read(record)
    kept = evaluation_filter.apply(rows, active, record)
    evaluation_filter.chips(active, record, shown=len(kept), total=len(rows))
    evaluation_views.draw(evaluation_shown.Shown(record, kept, active))
    dataset_id = part if _is_dataset(part) else run.spec.data.dataset
    evaluation_examples.draw(run, record, kept, dataset_id)
    evaluation_examples.download(record, kept, f"predictions-{run.id[:8]}-{part}.csv")


@st.cache_data(max_entries=8, ttl=600, show_spinner=False)
def predictions(run_id: str, part: str, version: str) -> pd.DataFrame:
    """The rows behind an evaluation; read again where the evaluation changed."""
    return api.predictions(run_id, part)


if __name__ == "__main__":
    main()
