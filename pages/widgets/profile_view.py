"""What the data look like: the profile that the engine keeps, drawn by the nature of the data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from engine import api
from engine.figures import data as figures
from engine.specs import ColumnKind, RunSpec
from engine.specs.records import DatasetRecord
from pages.widgets import column_view, duplicates_view, fields, layout, numbers, picture_view, text_view
from pages.widgets.charts import chart
from pages.widgets.text import _, plain

Profile = Mapping[str, Any]
MOST_CORRELATED = 16


def draw(record: DatasetRecord, spec: RunSpec) -> None:
    """The whole profile; where it is not known yet, it is computed with a progress bar in its place."""
    with layout.errors_shown("profile_error"):
        profile = read(record, spec.data.target)
        if profile["classes"]:
            balance(profile)
        views: dict[str, Callable[[], None]] = {}
        titles = {
            "images": _("Pictures"),
            "texts": _("Texts"),
            "columns": _("Columns"),
            "relations": _("Relations"),
            "duplicates": _("Duplicates"),
        }
        if "images" in profile:
            views["images"] = lambda: picture_view.draw(record, profile["images"])
        else:
            if "texts" in profile:
                views["texts"] = lambda: text_view.draw(profile["texts"])
            views["columns"] = lambda: columns(profile)
            if has_relations(profile):
                views["relations"] = lambda: relations(profile)
        views["duplicates"] = lambda: duplicates_view.draw(record, profile["duplicates"])
        for name, place in layout.open_tabs({name: titles[name] for name in views}, key="profile_tabs"):
            with place:
                views[name]()


def read(record: DatasetRecord, target: str) -> Profile:
    """The profile, computed first where needed."""
    slot = st.empty()

    def show(share: float, what: str) -> None:
        slot.progress(min(1.0, max(0.0, share)), text=plain(_(what)) if what else None)

    profile = api.profile(record.id, target=target, progress=show)
    slot.empty()
    return profile


def balance(profile: Profile) -> None:
    """How many rows each class has, and the figures that tell whether that is a difficulty."""
    counts: dict[str, int] = profile["classes"]
    total = max(1, sum(counts.values()))
    left, right = st.columns([2, 3], gap="large")
    with left:
        layout.section(_("Classes"))
        largest, smallest = max(counts.values()), min(counts.values())
        layout.metric_row(
            [
                (_("Classes"), numbers.count(len(counts))),
                (
                    _("Largest"),
                    numbers.percent(largest / total),
                    _("A model that always answers it is right so often."),
                ),
                (_("Smallest"), numbers.count(smallest)),
            ]
        )
        if smallest < 2:
            st.warning(_("A class with one example cannot be in train and test at once."), icon=":material/warning:")
        elif largest > 10 * smallest:
            st.info(
                _("The classes are uneven. Balanced class weights on Design and F1 (macro) on Evaluate help."),
                icon=":material/balance:",
            )
    with right:
        chart(
            lambda: figures.class_balance(counts, limit=20, translate=_),
            key="profile_classes",
            of=counts,
            alt=_("Rows of each class"),
        )


def columns(profile: Profile) -> None:
    """A table of all columns; the marked one is shown in full below."""
    st.caption(_("Mark a row to see the column."))
    entries: list[Mapping[str, Any]] = profile["columns"]
    rows = max(1, profile["rows"])
    frame = pd.DataFrame([row_of(entry, rows) for entry in entries])
    share = st.column_config.ProgressColumn
    event = st.dataframe(
        frame,
        hide_index=True,
        key="profile_columns",
        on_select="rerun",
        selection_mode="single-row",
        height=min(36 * (len(frame) + 1) + 2, 400),
        column_config={
            "name": st.column_config.TextColumn(_("Column"), width="medium"),
            "kind": st.column_config.TextColumn(_("Kind"), width="small"),
            "missing": share(_("Missing"), format="%.1f %%", min_value=0, max_value=100, width="small"),
            "distinct": st.column_config.NumberColumn(_("Distinct"), format="localized", width="small"),
            "association": share(_("Association"), format="%.2f", min_value=0, max_value=1, width="small",
                                 help=_("How strongly it goes with the target, 0 to 1.")),
            "range": st.column_config.TextColumn(_("Typical values"), width="large"),
        },
    )  # fmt: skip
    chosen = event["selection"]["rows"]
    first = first_shown(entries)
    if entries:
        column_view.draw(entries[chosen[0] if chosen and chosen[0] < len(entries) else first])


def first_shown(entries: Sequence[Mapping[str, Any]]) -> int:
    """The column that goes most with the target, whose own distribution already stands above; else the first."""
    scores = [-1.0 if entry["is_target"] else float(entry.get("association") or 0.0) for entry in entries]
    return scores.index(max(scores)) if scores else 0


def row_of(entry: Mapping[str, Any], rows: int) -> dict[str, Any]:
    """One column as a row of the table; cells draw no markdown."""
    star = "◎ " if entry["is_target"] else ""
    return {
        "name": star + entry["name"],
        "kind": fields.value_label(ColumnKind(entry["kind"])),
        "missing": 100 * entry["missing"] / rows,
        "distinct": entry["distinct"],
        "association": entry.get("association"),
        "range": typical(entry),
    }


def typical(entry: Mapping[str, Any]) -> str:
    """The range of a number, the most frequent values of a category, the length of texts."""
    if "mean" in entry:
        quantiles = entry.get("quantiles", {})
        return f"{numbers.figure(quantiles.get('0.05'))} … {numbers.figure(quantiles.get('0.95'))}"
    if entry.get("top"):
        return ", ".join(str(value) for value, _count in entry["top"][:4])
    if "mean_characters" in entry:
        return _("{n} characters on average").format(n=numbers.figure(entry["mean_characters"], 3))
    return f"{entry['min']} … {entry['max']}" if "min" in entry else ""


def has_relations(profile: Profile) -> bool:
    """Whether there is anything to say of how columns go together."""
    return bool(association_scores(profile)) or len((profile.get("correlations") or {"names": []})["names"]) > 1


def association_scores(profile: Profile) -> dict[str, float]:
    """How strongly each column goes with the target, 0 to 1."""
    return {
        entry["name"]: float(entry["association"])
        for entry in profile["columns"]
        if entry.get("association") is not None and not entry["is_target"]
    }


def relations(profile: Profile) -> None:
    """What goes with the target, and which numbers go with each other."""
    scores = association_scores(profile)
    matrix = profile.get("correlations")
    left, right = st.columns(2, gap="large")
    if scores:
        with left:
            layout.section(_("Association with the target"), _("By correlation, correlation ratio or Cramér's V."))
            chart(
                lambda: figures.associations(scores, limit=20, translate=_),
                key="profile_associations",
                of=scores,
                alt=_("Association with the target"),
            )
    if matrix and len(matrix["names"]) > 1:
        with right:
            layout.section(_("Correlations"))
            names = matrix["names"][:MOST_CORRELATED]
            values = [line[:MOST_CORRELATED] for line in matrix["values"][:MOST_CORRELATED]]
            chart(
                lambda: figures.correlation(names, values),
                key="profile_correlations",
                of=(names, values),
                alt=_("Correlations"),
            )
