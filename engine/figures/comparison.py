"""Models beside each other: a figure and its interval for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from engine.figures.intervals import error_bars, interval_text
from engine.figures.theme import ACCENT, MUTED, Translate, empty_figure, look, new_figure, safe, untranslated
from engine.specs.records import Interval
from engine.text import N_


def metric_bars(
    metrics: Sequence[tuple[str, Mapping[str, Interval]]], *, translate: Translate = untranslated
) -> go.Figure:
    """One small panel a metric, one point with its 95 % interval a model; the first model in full colour.

    Args:
        metrics: (title, model name → value), translated and in the order of drawing.
        translate: for the words of the figure.
    """
    from plotly.subplots import make_subplots

    shown = [(title, models) for title, models in metrics if models]
    if not shown:
        return empty_figure(translate(N_("Nothing to compare")))
    models = list(dict.fromkeys(name for _title, values in shown for name in values))
    columns = min(3, len(shown))
    rows = -(-len(shown) // columns)
    figure = make_subplots(
        rows,
        columns,
        subplot_titles=[safe(title) for title, _values in shown],
        shared_yaxes=True,
        horizontal_spacing=0.05,
        vertical_spacing=0.34 / rows,
    )
    figure.update_layout(template=new_figure().layout.template, height=rows * (96 + 34 * len(models)), showlegend=False)
    for number, (_title, values) in enumerate(shown):
        cell = {"row": number // columns + 1, "col": number % columns + 1}
        for place, model in enumerate(models):
            if model in values:
                _add_interval(figure, values[model], model, place, cell)
        figure.update_xaxes(nticks=5, **cell)
        ticks = {"tickvals": list(range(len(models))), "ticktext": [safe(model, 30) for model in models]}
        figure.update_yaxes(range=[len(models) - 0.5, -0.5], **ticks, **cell)
    return figure


def _add_interval(figure: go.Figure, value: Interval, model: str, place: int, cell: Mapping[str, int]) -> None:
    colour = ACCENT if place == 0 else MUTED
    figure.add_scatter(
        x=[value.value],
        y=[place],
        mode="markers",
        marker={"color": colour, "symbol": look(place)["symbol"], "size": 10},
        error_x=error_bars([value], colour, thickness=1.6, width=5),
        hovertemplate=f"{interval_text(safe(model), value, '.4g')}<extra></extra>",
        **cell,
    )
