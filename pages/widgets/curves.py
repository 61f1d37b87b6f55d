"""The curves of a run: what it learned, and how the machine fared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from engine import api
from engine.figures.training import learning_curves, run_gauges
from engine.specs.records import MetricPoint, RunRecord
from pages.widgets import layout
from pages.widgets.charts import chart
from pages.widgets.text import _

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
    """Curves in tabs: one a metric, then the machine's; above them the smoothing and the axis."""
    history = api.history(run.id)
    names = shown_metrics(history)
    layout.section(_("Curves"))
    if not names:
        st.caption(_("The first point appears with the first step."))
        return
    smoothing, steps_per_epoch = _controls(run, key)
    machine = [name for name in MACHINE if name in history]
    tabs = st.tabs(
        [*(layout.metric_title(name) for name in names), *([_("Machine")] if machine else [])], key=f"{key}_tabs"
    )
    for tab, name in zip(tabs, names, strict=False):
        with tab:
            curves = {part: points for part, points in history.items() if part.split("/", 1)[-1] == name}
            figure = learning_curves(
                curves,
                smoothing=smoothing,
                steps_per_epoch=steps_per_epoch,
                title=layout.metric_title(name),
                translate=_,
            )
            chart(figure, key=f"{key}_{name}")
    if machine:
        with tabs[-1]:
            chart(run_gauges({name: history[name] for name in machine}, translate=_), key=f"{key}_machine")


def _controls(run: RunRecord, key: str) -> tuple[float, float | None]:
    """Smoothing, and the steps of an epoch where epochs are on the axis."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
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
    steps_per_epoch = run.total_steps / run.spec.training.epochs if run.total_steps else 0
    return smoothing, (max(1.0, steps_per_epoch) if by == "epoch" and steps_per_epoch else None)
