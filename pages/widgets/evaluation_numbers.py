"""How far predicted numbers lie from the true ones."""

from __future__ import annotations

import streamlit as st

from engine.figures import regression
from pages.widgets import evaluation_filter as filters
from pages.widgets import layout
from pages.widgets.charts import chart
from pages.widgets.evaluation_shown import Shown, bars_of, filter_by, pick_one
from pages.widgets.text import _


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
        filter_by(filters.RESIDUAL, points, shown)
        bars = bars_of(figure, filters.RESIDUAL)
        pick_one(bars, filters.RESIDUAL, _("Show one bar only"), _("All bars"), shown)
