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
    """The metrics that have a curve for train or validation: the loss first, then the others in their order."""
    names = dict.fromkeys(key.split("/", 1)[1] for key in history if key.startswith(("train/", "val/")))
    return sorted(names, key=lambda name: name != "loss")


def draw(run: RunRecord, *, smoothing: float, by: str) -> None:
    """Curves in tabs: one a metric, then the machine's."""
    history = api.history(run.id)
    names = shown_metrics(history)
    layout.section(_("Curves"))
    if not names:
        st.caption(_("The first point appears with the first step."))
        return
    machine = [key for key in MACHINE if key in history]
    tabs = st.tabs([*(layout.metric_title(name) for name in names), *([_("Machine")] if machine else [])])
    steps_per_epoch = max(1.0, run.total_steps / max(1, run.spec.training.epochs)) if run.total_steps else 1.0
    for tab, name in zip(tabs, names, strict=False):
        with tab:
            curves = {key: points for key, points in history.items() if key.split("/", 1)[-1] == name}
            figure = learning_curves(
                curves, smoothing=smoothing, steps_per_epoch=steps_per_epoch if by == "epoch" else None, translate=_
            )
            chart(figure, key=f"curve_{name}")
    if machine:
        with tabs[-1]:
            chart(run_gauges({key: history[key] for key in machine}, translate=_), key="curve_machine")
