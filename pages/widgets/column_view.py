"""One column in full: its distribution and its figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from engine.figures import data as figures
from engine.specs import ColumnKind
from pages.widgets import fields, layout, numbers
from pages.widgets.charts import chart
from pages.widgets.text import _, plain, shorten


def draw(entry: Mapping[str, Any]) -> None:
    """The column of a profile (`engine.data.profile.shapes.ColumnProfile`)."""
    with st.container(border=True, key="profile_column"):
        kind = fields.value_label(ColumnKind(entry["kind"]))
        st.markdown(f"**{plain(shorten(entry['name'], 80))}** · {kind}")
        layout.metric_row(figures_of(entry))
        shape = entry.get("histogram")
        if shape:
            outliers, missing = int(entry.get("outliers", 0)), int(entry["missing"])

            def build() -> Any:
                figure = figures.histogram(
                    shape["edges"],
                    shape["counts"],
                    x_title=entry["name"],
                    missing=missing,
                    outliers=outliers,
                    translate=_,
                )
                if entry["kind"] == ColumnKind.DATE:
                    as_dates(figure, shape["edges"])
                return figure

            chart(build, key="profile_column_histogram", of=entry, alt=_("Histogram"))
        elif entry.get("top"):
            counts = {str(value): int(rows) for value, rows in entry["top"]}
            others = int(entry.get("other", 0))
            chart(
                lambda: figures.top_values(counts, others=others, translate=_),
                key="profile_column_values",
                of=(counts, others),
                alt=_("Most frequent values"),
            )


def as_dates(figure: Any, edges: list[float]) -> None:
    """Name the ticks of an axis of Unix seconds by their days."""
    import pandas as pd

    step = max(1, (len(edges) - 1) // 5)
    shown = edges[::step]
    days = [str(pd.Timestamp(edge, unit="s").date()) for edge in shown]
    figure.update_xaxes(tickvals=shown, ticktext=days)


def figures_of(entry: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What can be said of the column in figures."""
    said = [(_("Missing"), numbers.count(entry["missing"])), (_("Distinct"), numbers.count(entry["distinct"]))]
    for name, title in (("mean", _("Mean")), ("std", _("Deviation"))):
        if name in entry:
            said.append((title, numbers.figure(entry[name])))
    if "quantiles" in entry and "0.5" in entry["quantiles"]:
        said.append((_("Median"), numbers.figure(entry["quantiles"]["0.5"])))
    for name, title in (("min", _("Smallest")), ("max", _("Largest"))):
        if name in entry:
            value = entry[name]
            said.append((title, numbers.figure(value) if isinstance(value, int | float) else str(value)[:10]))
    if "outliers" in entry:
        said.append((_("Outliers"), numbers.count(entry["outliers"])))
    if "mean_characters" in entry:
        said.append((_("Characters"), numbers.figure(entry["mean_characters"], 3)))
    return said
