"""The curves of a run: what it learned, and how the machine fared."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable, Mapping, Sequence

import plotly.graph_objects as go
import streamlit as st

from engine import api
from engine.figures.training import learning_curves, run_gauges
from engine.specs.records import MetricPoint, RunRecord
from pages.widgets import layout
from pages.widgets.charts import chart, live_chart
from pages.widgets.text import _, say_raw

History = Mapping[str, Sequence[MetricPoint]]
MACHINE = ("learning_rate", "gradient_norm", "samples_per_s", "memory_bytes", "cpu_percent", "gpu_percent")


def shown_metrics(history: History) -> list[str]:
    """The metrics that have a course (not only a final value): the loss first, then the others in their order."""
    names: dict[str, None] = {}
    for key, points in history.items():
        part, _slash, name = key.partition("/")
        if part in ("train", "val") and name and (len(points) > 1 or part == "train"):
            names[name] = None
    return sorted(names, key=lambda name: name != "loss")


def draw(run: RunRecord, *, key: str) -> None:
    """One curve at a time: that of a metric, or those of the machine; beside the choice the axis and the smoothing."""
    history = api.history(run.id)
    names = shown_metrics(history)
    layout.section(_("Curves"))
    if not names:
        st.caption(_("The first point appears with the first step."))
        return
    machine = [name for name in MACHINE if name in history]
    titles = {name: layout.metric_title_raw(name) for name in names} | ({"machine": _("Machine")} if machine else {})
    chosen = st.segmented_control(
        _("Metric"),
        list(titles),
        default=names[0],
        required=True,
        key=f"{key}_metric",
        format_func=lambda name: titles.get(name, name),
        label_visibility="collapsed",
    )
    if chosen == "machine":
        alt = _("The machine while it trains")
        _draw(
            run,
            lambda: run_gauges({name: history[name] for name in machine}, translate=_),
            key=f"{key}_machine",
            alt=alt,
        )
        return
    smoothing, by_epoch = _controls(key)
    name = chosen if chosen in names else names[0]
    curves = {part: points for part, points in history.items() if part.split("/", 1)[-1] == name}

    def figure() -> go.Figure:
        return learning_curves(
            curves,
            smoothing=smoothing,
            steps_per_epoch=steps_of_epoch(run, history) if by_epoch else None,
            title=titles[name],
            translate=_,
        )

    alt = say_raw("{metric} over the run", metric=titles[name])
    _draw(run, figure, key=f"{key}_{name}", alt=alt, controls=(smoothing, by_epoch))


def _draw(
    run: RunRecord, figure: Callable[[], go.Figure], *, key: str, alt: str, controls: tuple[float | bool, ...] = ()
) -> None:
    """A figure that changes while the run is at work; what is over is built once and kept."""
    if run.status.is_over:
        chart(figure, key=key, alt=alt, of=[run.id, run.attempt, run.step, run.ended_at, *controls])
    else:
        live_chart(figure(), key=key, alt=alt)


def steps_of_epoch(run: RunRecord, history: History) -> float | None:
    """Optimizer steps of an epoch: from one validation to the next; planned ones where there was none yet.

    The planned steps are fewer than the epochs asked for where the time limit will end the run before.
    """
    ends = [0, *(point.step for point in history.get("val/loss", ()))]
    lengths = [after - before for before, after in itertools.pairwise(ends) if after > before]
    if lengths:
        return float(statistics.median(lengths))
    return max(1.0, run.total_steps / run.spec.training.epochs) if run.total_steps else None


def _controls(key: str) -> tuple[float, bool]:
    """Smoothing, and whether epochs are on the axis."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        by = st.segmented_control(
            _("Axis"),
            ["epoch", "step"],
            default="epoch",
            required=True,
            key=f"{key}_axis",
            format_func=lambda name: {"epoch": _("Epochs"), "step": _("Steps")}[name],
        )
        smoothing = st.slider(
            _("Smoothing"), 0.0, 0.99, 0.0, 0.01, key=f"{key}_smoothing", width=260, help=_("A moving average.")
        )
    return smoothing, by == "epoch"
