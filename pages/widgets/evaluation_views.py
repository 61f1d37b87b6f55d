"""The views of Evaluate: each draws some rows of predictions, and a click in it filters all of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import streamlit as st

from engine.figures import classification
from engine.specs.records import EvaluationRecord
from engine.text import N_
from pages.widgets import evaluation_filter as filters
from pages.widgets import evaluation_numbers, evaluation_robust, evaluation_sure, evaluation_verdict, layout
from pages.widgets.charts import chart
from pages.widgets.evaluation_shown import THRESHOLD, Shown, filter_by, number_in_address, pick_class, pick_one
from pages.widgets.text import _, say

VIEW = "view"  # address
MOST_CONFUSIONS = 50  # in the list beside the matrix


def draw(shown: Shown) -> None:
    """A switch of views, and the one that is chosen."""
    views = views_of(shown.record)
    current = st.query_params.get(VIEW, "")
    names = list(views)
    chosen = st.segmented_control(
        _("View"),
        names,
        default=current if current in views else names[0],
        required=True,
        key="evaluate_view",
        format_func=lambda name: _(views[name][0]),
        label_visibility="collapsed",
    )
    st.query_params[VIEW] = str(chosen)
    if shown.rows.empty:
        st.info(_("No example passes the filters. Take one of them away."), icon=":material/filter_alt_off:")
        return
    views[str(chosen)][1](shown)


def views_of(record: EvaluationRecord) -> dict[str, tuple[str, Callable[[Shown], None]]]:
    """Name in the address → title (marked), what draws it."""
    if not record.classes:
        return {
            "overview": (N_("Overview"), overview),
            "predicted": (N_("Predicted and true"), evaluation_numbers.predicted_view),
            "residuals": (N_("Residuals"), evaluation_numbers.residuals_view),
        }
    views: dict[str, tuple[str, Callable[[Shown], None]]] = {
        "overview": (N_("Overview"), overview),
        "matrix": (N_("Confusion matrix"), matrix_view),
        "classes": (N_("Classes"), classes_view),
        "ranking": (N_("ROC and PR"), ranking_view),
        "calibration": (N_("Calibration"), evaluation_sure.calibration_view),
        "robustness": (N_("Robustness"), evaluation_robust.robust_view),
    }
    if len(record.classes) == 2:
        views["threshold"] = (N_("Threshold and cost"), evaluation_sure.threshold_view)
    return views


def overview(shown: Shown) -> None:
    """The whole part beside simple models; of filtered rows, their own figures first."""
    if shown.active:
        layout.section(_("The filtered examples"))
        evaluation_verdict.filtered_headlines(shown.record, shown.rows)
        layout.section(_("All examples"))
    evaluation_verdict.comparison(shown.record)


def matrix_view(shown: Shown) -> None:
    """The confusion matrix; a click on a cell shows its examples everywhere."""
    with st.container(horizontal=True, vertical_alignment="center"):
        rates = st.toggle(_("Shares instead of counts"), key="evaluate_rates")
        st.caption(_("Click a cell to see its examples below and in every other view."))
    figure = classification.confusion_matrix(
        shown.truth, shown.predicted, shown.record.classes, rates=rates, translate=_
    )
    points = chart(figure, key=shown.key("matrix"), alt=_("Examples by true and predicted class"), selectable=True)
    filter_by(filters.CELL, points, shown)
    with st.container(horizontal=True):
        pick_class(shown)
        confused = confusions(shown)
        if confused:
            label, everything = _("Show one confusion only"), _("All confusions")
            pick_one(confused, filters.CELL, label, everything, shown)


def classes_view(shown: Shown) -> None:
    """Precision, recall and F1 of each class."""
    record = shown.record
    if record.by_class:
        alt = _("Precision, recall and F1 of each class")
        points = chart(
            classification.class_scores(record.by_class, record.classes, translate=_),
            key=shown.key("classes"),
            alt=alt,
            selectable=True,
        )
        codes = [point["customdata"] for point in points if isinstance(point.get("customdata"), int | float)]
        if codes:
            filters.add(shown.active, filters.Filter(filters.CLASS, (float(codes[0]),)))
    table = [
        {
            _("Class"): name,
            _("Examples"): int(scores["support"].value),
            **{
                title: evaluation_verdict.value_and_interval("accuracy", scores[key])
                for title, key in ((_("Precision"), "precision"), (_("Recall"), "recall"), (_("F1"), "f1"))
            },
        }
        for name, scores in zip(record.classes, record.by_class, strict=False)
    ]
    if table:
        st.dataframe(pd.DataFrame(table), hide_index=True, key="evaluate_class_table")
    pick_class(shown)


def ranking_view(shown: Shown) -> None:
    """ROC and precision-recall curves beside each other."""
    if len(np.unique(shown.truth)) < 2:
        st.info(
            _("ROC and PR compare classes; the examples shown here all belong to one."), icon=":material/filter_alt:"
        )
        return
    threshold = number_in_address(THRESHOLD, 0.5) if len(shown.record.classes) == 2 else None
    left, right = st.columns(2, gap="medium")
    arguments = (shown.truth, shown.probabilities, shown.record.classes)
    with left:
        layout.section(_("ROC"), _("The closer to the upper left corner, the better; the diagonal is chance."))
        chart(classification.roc_curves(*arguments, threshold=threshold, translate=_), key="evaluate_roc", alt=_("ROC"))
    with right:
        layout.section(_("Precision and recall"), _("Worth more than ROC where one class is rare."))
        figure = classification.precision_recall_curves(*arguments, threshold=threshold, translate=_)
        chart(figure, key="evaluate_pr", alt=_("Precision against recall"))
    if len(shown.record.classes) > classification.MAX_CURVES:
        st.caption(say("The {n} classes with the lowest area are shown.", n=classification.MAX_CURVES))


def confusions(shown: Shown) -> dict[filters.Filter, int]:
    """What was taken for what, the most frequent first."""
    wrong = shown.rows[shown.rows["truth"] != shown.rows["prediction"]]
    counts = wrong.groupby(["truth", "prediction"]).size().reset_index(name="rows")
    most = counts.sort_values("rows", ascending=False, kind="stable").head(MOST_CONFUSIONS)
    return {
        filters.Filter(filters.CELL, (float(truth), float(said))): int(rows)
        for truth, said, rows in most.itertuples(index=False)
    }
