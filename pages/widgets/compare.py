"""Runs side by side: curves over each other, what their documents differ in and nothing else, best and last figures."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from engine import api
from engine.figures.training import series
from engine.specs import differences
from engine.specs.records import RunRecord
from pages.widgets import costs, documents, layout, numbers, state
from pages.widgets.charts import chart
from pages.widgets.text import _, ngettext, plain, shorten

ADDRESS_KEY = "compare"  # run ids, separated by commas
MOST = 8
ROW_PX, MOST_ROWS = 34, 30  # a table scrolls for itself only where it is longer
COSTS = {"energy_wh", "peak_memory_bytes"}  # have a table of their own, with what was estimated
HIDDEN = {"version", "name", "data.name"}  # says nothing about how a run was made


def draw() -> None:
    """The comparison of the runs that the address names."""
    ids = st.query_params[ADDRESS_KEY].split(",")[:MOST]
    if st.button(_("All runs"), icon=":material/arrow_back:", key="compare_back", type="tertiary"):
        del st.query_params[ADDRESS_KEY]
        st.rerun()
    runs = [api.run(run_id) for run_id in ids]
    layout.page_header(_("Compare runs"), ngettext("{n} run", "{n} runs", len(runs)))
    names = unique_names(runs)
    draw_curves(runs, names)
    draw_differences(runs, names)
    draw_metrics(runs, names)
    draw_costs(runs, names)
    layout.section(_("Go on with one"))
    with st.container(horizontal=True):
        for run, name in zip(runs, names, strict=True):
            if st.button(
                plain(shorten(name, 40)),
                key=f"compare_fork_{run.id}",
                icon=":material/fork_right:",
                help=_("Opens a copy of its document in Design."),
            ):
                state.begin_draft(run.spec.model_copy(update={"parent_run": "", "branch_step": 0}))
                state.go(state.DESIGN_PAGE)


def unique_names(runs: list[RunRecord]) -> list[str]:
    """A name for each run; where two are the same, the beginning of the id tells them apart."""
    names = [run.name or run.id[:8] for run in runs]
    return [f"{name} ({run.id[:4]})" if names.count(name) > 1 else name for run, name in zip(runs, names, strict=True)]


def draw_curves(runs: list[RunRecord], names: list[str]) -> None:
    """One metric of all runs over each other."""
    layout.section(_("Curves"))
    histories = [api.history(run.id, max_points=400) for run in runs]
    keys = sorted({key for history in histories for key in history}, key=rank)
    if not keys:
        st.info(_("These runs have no curves yet."), icon=":material/hourglass_empty:")
        return
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    key = left.selectbox(_("Metric"), keys, format_func=layout.metric_title_raw, key="compare_metric")
    smoothing = right.slider(_("Smoothing"), 0.0, 0.95, 0.0, 0.05, key="compare_smoothing")
    curves = {name: history.get(key, []) for name, history in zip(names, histories, strict=True)}
    title = layout.metric_title_raw(key)
    figure = series(curves, title, smoothing=smoothing, height_px=380, translate=_)
    chart(figure, key="compare_curves", alt=title)


def rank(key: str) -> tuple[int, str]:
    """Validation first, then test, then train; the measures before the loss."""
    part, _slash, name = key.partition("/")
    order = {"val": 0, "test": 1, "train": 2}.get(part, 3)
    return (order * 2 + (name == "loss"), key)


def draw_differences(runs: list[RunRecord], names: list[str]) -> None:
    """The fields in which the documents differ, and nothing else."""
    layout.section(_("Differences"), _("Every field in which the documents differ; all others are the same."))
    specs = [run.spec for run in runs]
    rows = []
    for path, values in differences(specs).items():
        if path in HIDDEN:
            continue
        texts = [documents.value_text(spec, path, value) for spec, value in zip(specs, values, strict=True)]
        rows.append({"": documents.path_titles(specs, path), **dict(zip(names, texts, strict=True))})
    if not rows:
        st.info(_("The documents say the same. What differs is chance: order of events and rounding."))
        return
    draw_rows(rows, key="compare_differences")


def draw_costs(runs: list[RunRecord], names: list[str]) -> None:
    """Time, memory and energy of each run: what it took, and in brackets what was estimated before it started."""
    found = {name: costs.compared(api.costs(run.id)) for run, name in zip(runs, names, strict=True)}
    if not any(found.values()):
        return
    layout.section(_("Costs"), _("What each run took; in brackets what was estimated before it started."))
    rows = []
    for place, title in enumerate((_("Time"), _("Memory"), _("Energy"))):
        row = {"": title}
        for name, lines in found.items():
            _title, took, told = lines[place] if lines else ("", "–", "")
            row[name] = f"{took} ({told})" if told else took
        rows.append(row)
    draw_rows(rows, key="compare_costs")


def draw_rows(rows: list[dict[str, str]], *, key: str) -> None:
    """A table as high as its rows; one that scrolls inside a page hides the last of them."""
    height = ROW_PX * (min(len(rows), MOST_ROWS) + 1) + 3
    st.dataframe(pd.DataFrame(rows), hide_index=True, key=key, row_height=ROW_PX, height=height)


def draw_metrics(runs: list[RunRecord], names: list[str]) -> None:
    """Best and last value of every metric."""
    layout.section(_("Figures"))
    keys = sorted({key for run in runs for key in run.metrics | run.best if key not in COSTS}, key=rank)
    if not keys:
        return
    rows = []
    for key in keys:
        row = {"": layout.metric_title_raw(key)}
        for run, name in zip(runs, names, strict=True):
            row[f"{name} · {_('best')}"] = numbers.figure(run.best.get(key))
            row[f"{name} · {_('last')}"] = numbers.figure(run.metrics.get(key))
        rows.append(row)
    draw_rows(rows, key="compare_figures")
