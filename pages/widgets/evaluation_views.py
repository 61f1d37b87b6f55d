"""The views of Evaluate: each draws some rows of predictions, and a click in it filters all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from engine.figures import classification, regression, reliability
from engine.figures.ranking import decision_counts
from engine.specs.records import EvaluationRecord
from engine.text import N_
from pages.widgets import evaluation_filter as filters
from pages.widgets import evaluation_verdict, layout, numbers
from pages.widgets.charts import chart
from pages.widgets.text import _, plain, say

VIEW, THRESHOLD, FALSE_POSITIVE, FALSE_NEGATIVE = "view", "threshold", "false_positive", "false_negative"  # address


@dataclass(frozen=True)
class Shown:
    """What the views draw.

    Args:
        record: the evaluation.
        rows: the predictions that pass the filters.
        active: the filters.
    """

    record: EvaluationRecord
    rows: pd.DataFrame
    active: Sequence[filters.Filter]

    @property
    def truth(self) -> np.ndarray:
        """Class codes or numbers."""
        return self.rows["truth"].to_numpy()

    @property
    def predicted(self) -> np.ndarray:
        """Class codes or numbers."""
        return self.rows["prediction"].to_numpy()

    @property
    def probabilities(self) -> np.ndarray:
        """`(rows, classes)`."""
        return self.rows[[f"p_{label}" for label in range(len(self.record.classes))]].to_numpy()

    def key(self, name: str) -> str:
        """A widget's key that changes with the filters, so that an old click does not come back."""
        return f"evaluate_{name}~{';'.join(map(str, self.active))}"


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
            "predicted": (N_("Predicted and true"), predicted_view),
            "residuals": (N_("Residuals"), residuals_view),
        }
    views: dict[str, tuple[str, Callable[[Shown], None]]] = {
        "overview": (N_("Overview"), overview),
        "matrix": (N_("Confusion matrix"), matrix_view),
        "classes": (N_("Classes"), classes_view),
        "ranking": (N_("ROC and PR"), ranking_view),
        "calibration": (N_("Calibration"), calibration_view),
    }
    if len(record.classes) == 2:
        views["threshold"] = (N_("Threshold and cost"), threshold_view)
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
    _filter_by(filters.CELL, points, shown)
    _pick_class(shown)


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
    _pick_class(shown)


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


def calibration_view(shown: Shown) -> None:
    """How far probabilities can be trusted; a click on a bar shows its examples."""
    classes = len(shown.record.classes)
    promised = filters.promised(shown.rows, classes)
    happened = shown.truth == 1 if classes == 2 else shown.truth == shown.predicted
    left, right = st.columns(2, gap="medium")
    with left:
        help_text = _("On the diagonal, things promised at 70 % come true in 70 of 100 cases.")
        layout.section(_("Calibration curve"), help_text)
        if classes == 2:
            st.caption(say("Probability of {name}. Click a bar to see its examples.", name=shown.record.classes[1]))
        else:
            st.caption(_("Probability of the predicted class. Click a bar to see its examples."))
        figure = reliability.calibration_curve(happened, promised, translate=_)
        points = chart(figure, key=shown.key("calibration"), alt=_("Calibration curve"), selectable=True)
        _filter_by(filters.PROMISED, points, shown)
    with right:
        layout.section(_("Confidence"), _("How sure the model was where it was right and where it was wrong."))
        st.caption(_("Click a bar to see its examples."))
        sure = filters.confidence(shown.rows, classes)
        figure = reliability.confidence_histogram(sure, shown.truth == shown.predicted, translate=_)
        points = chart(figure, key=shown.key("confidence"), alt=_("Confidence, right and wrong"), selectable=True)
        _filter_by(filters.SURE, points, shown)


def threshold_view(shown: Shown) -> None:
    """Where to cut, and what it costs."""
    negative, positive = shown.record.classes
    truth, scores = shown.truth == 1, shown.rows["p_1"].to_numpy()
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.markdown(say("Say **{name}** from this probability on:", name=positive))
        threshold = st.slider(
            _("Threshold"), 0.0, 1.0, number_in_address(THRESHOLD, 0.5), 0.01, key="evaluate_threshold"
        )
        false_positive = _cost(
            FALSE_POSITIVE, _("Cost of a false alarm"), say("{no} taken for {yes}", no=negative, yes=positive)
        )
        false_negative = _cost(
            FALSE_NEGATIVE, _("Cost of a miss"), say("{yes} taken for {no}", no=negative, yes=positive)
        )
        st.query_params[THRESHOLD] = f"{threshold:.2f}"
        counts = decision_counts(truth, scores)
        costs = counts.cost(false_positive, false_negative)
        cheapest = int(costs.argmin())
        st.caption(
            say(
                "Cheapest at {threshold}: {cost} in all.",
                threshold=f"{min(float(counts.thresholds[cheapest]), 1.0):.2f}",
                cost=numbers.figure(float(costs[cheapest])),
            )
        )
    said = scores >= threshold
    misses, alarms = int((truth & ~said).sum()), int((~truth & said).sum())
    hits = int((truth & said).sum())
    with right:
        layout.metric_row(
            (
                (_("Cost"), numbers.figure(alarms * false_positive + misses * false_negative)),
                (_("False alarms"), numbers.count(alarms)),
                (_("Misses"), numbers.count(misses)),
                (_("Precision"), numbers.percent(hits / (hits + alarms) if hits + alarms else None)),
                (_("Recall"), numbers.percent(hits / (hits + misses) if hits + misses else None)),
                (_("Accuracy"), numbers.percent(float((said == truth).mean()))),
            )
        )
        figure = reliability.threshold_curve(
            truth,
            scores,
            threshold=threshold,
            false_positive_cost=false_positive,
            false_negative_cost=false_negative,
            translate=_,
        )
        chart(figure, key="evaluate_threshold_curve", alt=_("Precision, recall and cost over the threshold"))


def predicted_view(shown: Shown) -> None:
    """Prediction against truth."""
    figure = regression.predicted_actual(shown.truth, shown.predicted, translate=_)
    chart(figure, key="evaluate_predicted", alt=_("Prediction against truth"))


def residuals_view(shown: Shown) -> None:
    """Residuals against prediction and as a histogram whose bars can be clicked."""
    left, right = st.columns(2, gap="medium")
    with left:
        layout.section(_("Against the prediction"), _("A shape in the cloud is something the model has not learned."))
        figure = regression.residuals_predicted(shown.truth, shown.predicted, translate=_)
        chart(figure, key="evaluate_residuals", alt=_("Residual against prediction"))
    with right:
        layout.section(_("How large they are"), _("Residual: truth minus prediction."))
        figure = regression.residual_histogram(shown.truth, shown.predicted, translate=_)
        points = chart(figure, key=shown.key("residual_bars"), alt=_("Histogram of residuals"), selectable=True)
        st.caption(_("Click a bar to see its examples."))
        _filter_by(filters.RESIDUAL, points, shown)


def number_in_address(key: str, otherwise: float) -> float:
    """A number from the address; `otherwise` where there is none."""
    try:
        value = float(st.query_params.get(key, otherwise))
    except ValueError:
        return otherwise
    if not np.isfinite(value) or value < 0:
        return otherwise
    return min(value, 1.0) if key == THRESHOLD else value


def _cost(key: str, label: str, help_text: str) -> float:
    value = st.number_input(
        label, min_value=0.0, value=number_in_address(key, 1.0), step=1.0, key=f"evaluate_{key}", help=help_text
    )
    st.query_params[key] = f"{value:g}"
    return float(value)


def _filter_by(kind: str, points: Sequence[dict[str, object]], shown: Shown) -> None:
    one = filters.clicked(kind, points)
    if one is not None and one not in shown.active:
        filters.add(shown.active, one)


def _pick_class(shown: Shown) -> None:
    """The same by keyboard: a class to look at."""
    active = next((int(one.values[0]) for one in shown.active if one.kind == filters.CLASS), None)
    picked = st.selectbox(
        _("Show one class only"),
        list(range(len(shown.record.classes))),
        index=active,
        format_func=lambda label: plain(shown.record.classes[label]),
        placeholder=_("All classes"),
        key=shown.key("class"),
        width=320,
    )
    if picked is not None and picked != active:
        filters.add(shown.active, filters.Filter(filters.CLASS, (float(picked),)))
