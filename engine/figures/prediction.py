"""The rest of a run as it is foretold, drawn on from its curve."""

from __future__ import annotations

import plotly.graph_objects as go

from engine.figures.theme import Translate, empty_figure, untranslated
from engine.figures.whatif import extrapolation
from engine.specs.prediction import Forecast
from engine.specs.records import Interval
from engine.text import N_

NOT_YET = N_("Nothing can be foretold yet")


def run_forecast(
    forecast: Forecast,
    y_title: str,
    *,
    factor: float = 1.0,
    unit: str = "",
    height_px: int = 260,
    translate: Translate = untranslated,
) -> go.Figure:
    """A run's curve so far, the band in which it will go on, and the best value that it will have reached at its end.

    Args:
        forecast: of a run that is at work.
        y_title: translated.
        factor: what values are multiplied with (100 for percent).
        unit: behind the values.
        height_px: height of the figure.
        translate: for the words of the figure.
    """
    if not forecast.course or forecast.end is None or forecast.last_epoch is None:
        return empty_figure(translate(NOT_YET), height_px=height_px)
    end = Interval(value=forecast.end.value, low=forecast.end.low, high=forecast.end.high)
    figure = extrapolation(
        forecast.seen,
        [(point.x, point.value, point.low, point.high) for point in forecast.course],
        translate(N_("Epoch")),
        y_title,
        asked=[(forecast.last_epoch.value, end)],
        factor=factor,
        unit=unit,
        height_px=height_px,
        translate=translate,
    )
    figure.update_traces(name=translate(N_("best at the end")), selector={"marker.symbol": "star"})
    return figure.update_layout(uirevision="forecast")
