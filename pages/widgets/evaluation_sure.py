"""How far a classifier's probabilities can be trusted, and where to cut them."""

from __future__ import annotations

import streamlit as st

from engine.figures import reliability
from engine.figures.ranking import decision_counts
from pages.widgets import evaluation_filter as filters
from pages.widgets import layout, numbers
from pages.widgets.charts import chart
from pages.widgets.evaluation_shown import THRESHOLD, Shown, bars_of, filter_by, number_in_address, pick_one
from pages.widgets.text import _, say

FALSE_POSITIVE, FALSE_NEGATIVE = "false_positive", "false_negative"  # address


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
        filter_by(filters.PROMISED, points, shown)
        bars = bars_of(figure, filters.PROMISED)
        pick_one(bars, filters.PROMISED, _("Show one bar only"), _("All bars"), shown)
    with right:
        layout.section(_("Confidence"), _("How sure the model was where it was right and where it was wrong."))
        st.caption(_("Click a bar to see its examples."))
        sure = filters.confidence(shown.rows, classes)
        figure = reliability.confidence_histogram(sure, shown.truth == shown.predicted, translate=_)
        points = chart(figure, key=shown.key("confidence"), alt=_("Confidence, right and wrong"), selectable=True)
        filter_by(filters.SURE, points, shown)
        pick_one(bars_of(figure, filters.SURE), filters.SURE, _("Show one bar only"), _("All bars"), shown)


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


def _cost(key: str, label: str, help_text: str) -> float:
    value = st.number_input(
        label, min_value=0.0, value=number_in_address(key, 1.0), step=1.0, key=f"evaluate_{key}", help=help_text
    )
    st.query_params[key] = f"{value:g}"
    return float(value)
