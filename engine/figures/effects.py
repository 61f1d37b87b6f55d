"""Differences from a baseline with their intervals: variants below each other, and a tornado of all knobs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from engine.figures.theme import MUTED, Translate, empty_figure, look, new_figure, safe, untranslated
from engine.specs.probe import VerdictKind
from engine.text import N_

BAND = "rgba(138,147,163,0.22)"
CLEAR = (VerdictKind.BETTER, VerdictKind.WORSE)


@dataclass(frozen=True)
class Effect:
    """What one tweak does to the metric, with its 95 % interval; `low` and `high` are None with one seed only."""

    name: str
    difference: float | None
    low: float | None = None
    high: float | None = None
    verdict: VerdictKind = VerdictKind.TOO_EARLY


@dataclass(frozen=True)
class Swing:
    """A knob turned down and up by itself; None: not measured yet."""

    name: str
    down: Effect | None
    up: Effect | None


def effects(
    rows: Sequence[Effect],
    x_title: str,
    *,
    noise: float | None = None,
    factor: float = 1.0,
    unit: str = "",
    first: int = 0,
    height_px: int | None = None,
    translate: Translate = untranslated,
) -> go.Figure:
    """Differences from the baseline with their 95 % intervals, one row a variant; the grey band is the noise.

    Args:
        rows: from top to bottom.
        x_title: translated.
        noise: half the width of the band within which two runs of the same document differ.
        factor: what values are multiplied with (100 for points).
        unit: behind the values.
        first: place of the first row's colour, so that a variant has the colour that it has elsewhere.
        height_px: height of the figure.
        translate: for the words of the figure.
    """
    height = height_px or 90 + 40 * len(rows)
    measured = [row for row in rows if row.difference is not None and math.isfinite(row.difference)]
    if not measured:
        return empty_figure(translate(N_("Nothing measured yet")), height_px=height)
    figure = new_figure(x_title, "", height_px=height, showlegend=False, hovermode="closest")
    if noise:
        figure.add_vrect(x0=-noise * factor, x1=noise * factor, fillcolor=BAND, line_width=0, layer="below")
    figure.add_vline(x=0, line={"color": MUTED, "width": 1})
    for place, row in enumerate(rows):
        if row.difference is not None and math.isfinite(row.difference):
            _add_effect(figure, row, place, look(place + first), factor, unit)
    figure.update_yaxes(
        range=[len(rows) - 0.5, -0.5],
        tickvals=list(range(len(rows))),
        ticktext=[safe(row.name, 42) for row in rows],
        showgrid=False,
    )
    figure.update_xaxes(ticksuffix=f" {unit}" if unit else "", tickformat="+.3~g")
    return figure


def tornado(
    swings: Sequence[Swing],
    x_title: str,
    *,
    noise: float | None = None,
    factor: float = 1.0,
    unit: str = "",
    height_px: int | None = None,
    translate: Translate = untranslated,
) -> go.Figure:
    """How much each knob moves the metric when it is turned down and up by itself, the strongest first.

    Knobs that are not measured yet stand below with no bars, so that the figure keeps its size while it fills in.

    Args:
        swings: in any order.
        x_title: translated.
        noise: as for `effects`.
        factor: as for `effects`.
        unit: as for `effects`.
        height_px: height of the figure.
        translate: for the words of the figure.
    """
    height = height_px or 100 + 36 * max(1, len(swings))
    if not swings:
        return empty_figure(translate(N_("There is no knob to turn")), height_px=height)
    ordered = sorted(swings, key=_strength, reverse=True)
    names = [safe(swing.name, 42) for swing in ordered]
    figure = new_figure(x_title, "", height_px=height, barmode="group", hovermode="closest", bargap=0.35)
    if noise:
        figure.add_vrect(x0=-noise * factor, x1=noise * factor, fillcolor=BAND, line_width=0, layer="below")
    sides = (("down", translate(N_("turned down")), look(1)), ("up", translate(N_("turned up")), look(0)))
    for side, title, style in sides:
        _add_side(figure, [getattr(swing, side) for swing in ordered], names, title, str(style["color"]), factor, unit)
    figure.add_vline(x=0, line={"color": MUTED, "width": 1.2})
    figure.update_yaxes(autorange="reversed", categoryorder="array", categoryarray=names, showgrid=False)
    figure.update_xaxes(ticksuffix=f" {unit}" if unit else "", tickformat="+.3~g")
    if not any(_measured(swing.down) or _measured(swing.up) for swing in ordered):
        figure.update_xaxes(range=[-1, 1], showticklabels=False)
    return figure


def _add_effect(figure: go.Figure, row: Effect, place: int, style: Mapping[str, Any], factor: float, unit: str) -> None:
    value = float(row.difference or 0.0) * factor
    known = row.low is not None and row.high is not None
    error = None
    if row.low is not None and row.high is not None:
        error = {
            "type": "data",
            "symmetric": False,
            "array": [row.high * factor - value],
            "arrayminus": [value - row.low * factor],
            "color": style["color"],
            "thickness": 1.6,
            "width": 5,
        }
    figure.add_scatter(
        x=[value],
        y=[place],
        mode="markers",
        marker={"color": style["color"], "symbol": style["symbol"] if known else "circle-open", "size": 10},
        error_x=error,
        hovertemplate=f"{safe(row.name, 60)}: %{{x:+.3g}} {unit}<extra></extra>",
    )


def _add_side(
    figure: go.Figure,
    side: Sequence[Effect | None],
    names: Sequence[str],
    title: str,
    colour: str,
    factor: float,
    unit: str,
) -> None:
    """The bars of one direction, full where the effect is outside of the noise, pale where it is not."""
    values = [effect.difference * factor if _measured(effect) else None for effect in side]  # type: ignore[union-attr,operator]
    clear = [effect is not None and effect.verdict in CLEAR for effect in side]
    figure.add_bar(
        x=values,
        y=list(names),
        orientation="h",
        name=title,
        marker={"color": colour, "opacity": [0.95 if sure else 0.4 for sure in clear]},
        error_x=_errors(side, factor),
        customdata=[[safe(effect.name, 60) if effect is not None else ""] for effect in side],
        hovertemplate=f"%{{y}} → %{{customdata[0]}}: %{{x:+.3g}} {unit}<extra></extra>",
    )


def _errors(side: Sequence[Effect | None], factor: float) -> dict[str, Any]:
    up, down = [], []
    for effect in side:
        known = _measured(effect) and effect is not None and effect.low is not None and effect.high is not None
        up.append((effect.high - effect.difference) * factor if known else None)  # type: ignore[union-attr,operator]
        down.append((effect.difference - effect.low) * factor if known else None)  # type: ignore[union-attr,operator]
    return {
        "type": "data",
        "symmetric": False,
        "array": up,
        "arrayminus": down,
        "thickness": 1.2,
        "width": 4,
        "color": MUTED,
    }


def _measured(effect: Effect | None) -> bool:
    return effect is not None and effect.difference is not None and math.isfinite(effect.difference)


def _strength(swing: Swing) -> float:
    sides = [abs(effect.difference or 0.0) for effect in (swing.down, swing.up) if effect and _measured(effect)]
    return max(sides, default=-1.0)
