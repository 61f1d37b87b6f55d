"""What data look like: distributions, balance, associations, lengths, telling words, parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from engine.figures.theme import (
    ACCENT,
    COLOURS,
    DIVERGING,
    MUTED,
    WARNING,
    Translate,
    empty_figure,
    look,
    new_figure,
    safe,
    untranslated,
)
from engine.text import N_

MAX_BARS = 40  # more cannot be read; the rest is summed up
PATTERNS = ("", "/", "\\", "x", "-", "|", "+", ".")
PART_NAMES = {"train": N_("train"), "validation": N_("validation"), "test": N_("test")}
NOTHING = N_("No values to show")


def bars(
    counts: Mapping[str, float],
    *,
    x_title: str = "",
    unit: str = "",
    highlight: str | None = None,
    limit: int = MAX_BARS,
    height_px: int | None = None,
    translate: Translate = untranslated,
) -> go.Figure:
    """Horizontal bars, the largest on top, each with its figure; what is beyond `limit` is summed up.

    Args:
        counts: label → value. `customdata` of each bar is the whole label, for clicks.
        x_title: translated title of the value axis.
        unit: behind each value.
        highlight: the bar in full colour; the others are muted.
        limit: bars at most.
        height_px: default: by the number of bars.
        translate: for the words of the figure.
    """
    if not counts:
        return empty_figure(translate(NOTHING))
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    shown, rest = ordered[:limit], ordered[limit:]
    labels = [safe(label, 32) for label, _value in shown]
    values = [float(value) for _label, value in shown]
    whole = [label for label, _value in shown]
    if rest:
        labels.append(translate(N_("{n} others")).format(n=len(rest)))
        values.append(float(sum(value for _label, value in rest)))
        whole.append("")
    colours: Any = ACCENT if highlight is None else [ACCENT if label == highlight else MUTED for label in whole]
    figure = new_figure(x_title, height_px=height_px or 70 + 26 * len(labels), showlegend=False)
    figure.add_bar(
        x=values,
        y=list(range(len(labels))),
        orientation="h",
        marker={"color": colours},
        customdata=whole,
        text=[_number(value, unit) for value in values],
        textposition="outside",
        cliponaxis=False,
        hovertext=[f"{label}: {_number(value, unit)}" for label, value in zip(labels, values, strict=True)],
        hoverinfo="text",
    )
    figure.update_yaxes(tickvals=list(range(len(labels))), ticktext=labels, autorange="reversed", showgrid=False)
    figure.update_xaxes(range=[0, 1.16 * max(max(values), 1e-9)] if min(values) >= 0 else None)  # room for the figures
    return figure.update_xaxes(rangemode="tozero", nticks=6, title_standoff=14)


def class_balance(counts: Mapping[str, int], *, translate: Translate = untranslated, **options: Any) -> go.Figure:
    """How many rows each class has."""
    return bars(counts, x_title=translate(N_("Rows")), translate=translate, **options)


def top_values(
    counts: Mapping[str, int], *, others: int = 0, translate: Translate = untranslated, **options: Any
) -> go.Figure:
    """The most frequent values of a column, with the rows of all others below."""
    every = dict(counts) | ({translate(N_("others")): others} if others else {})
    return bars(every, x_title=translate(N_("Rows")), translate=translate, **options)


def associations(scores: Mapping[str, float], *, translate: Translate = untranslated, **options: Any) -> go.Figure:
    """How strongly each column goes with the target, 0 to 1; the strongest `limit` columns (shares do not add up)."""
    limit = options.pop("limit", MAX_BARS)
    strongest = dict(sorted(scores.items(), key=lambda item: -item[1])[:limit])
    title = translate(N_("Association with the target"))
    figure = bars(strongest, x_title=title, limit=limit, translate=translate, **options)
    return figure.update_xaxes(range=[0, 1.12])


def histogram(
    edges: Sequence[float],
    counts: Sequence[float],
    *,
    x_title: str = "",
    missing: int = 0,
    outliers: int = 0,
    marks: Mapping[str, float] | None = None,
    height_px: int = 260,
    translate: Translate = untranslated,
) -> go.Figure:
    """A histogram from its bins; what is missing or lies outside is said above it.

    Args:
        edges: `(bins + 1,)`, ascending.
        counts: `(bins,)`.
        x_title: the column, with its unit.
        missing: rows without a value.
        outliers: rows beyond 1.5 quartile ranges.
        marks: label (translated) → position of a vertical line, such as the median.
        height_px: height of the figure.
        translate: for the words of the figure.
    """
    if not len(counts):
        return empty_figure(translate(NOTHING), height_px=height_px)
    ends, rows = np.asarray(edges, float), np.asarray(counts, float)
    figure = new_figure(safe(x_title), translate(N_("Rows")), height_px=height_px, showlegend=False, bargap=0.02)
    figure.add_bar(
        x=(ends[:-1] + ends[1:]) / 2,
        y=rows,
        width=np.diff(ends),
        marker={"color": ACCENT, "cornerradius": 0},
        customdata=np.stack([ends[:-1], ends[1:]], axis=1),
        hovertemplate="%{customdata[0]:.4g} – %{customdata[1]:.4g}: %{y:,}<extra></extra>",
    )
    for label, place in (marks or {}).items():
        figure.add_vline(x=place, line={"color": WARNING, "dash": "dash", "width": 1.5})
        figure.add_annotation(x=place, y=1, yref="paper", yanchor="bottom", text=safe(label), showarrow=False)
    said = [f"{missing:,} {translate(N_('missing'))}"] if missing else []
    said += [f"{outliers:,} {translate(N_('outliers'))}"] if outliers else []
    if said:
        corner = {"x": 1, "y": 1, "xref": "paper", "yref": "paper", "xanchor": "right", "yanchor": "bottom"}
        figure.add_annotation(text=" · ".join(said), showarrow=False, font={"color": MUTED, "size": 12}, **corner)
    return figure


def text_length(
    edges: Sequence[float], counts: Sequence[float], *, unit: str = "", translate: Translate = untranslated, **more: Any
) -> go.Figure:
    """How long texts are; `unit` is "characters" or "words", translated."""
    title = translate(N_("Length")) + (f" ({unit})" if unit else "")
    return histogram(edges, counts, x_title=title, translate=translate, **more)


def correlation(names: Sequence[str], values: Sequence[Sequence[float]], *, height_px: int | None = None) -> go.Figure:
    """A matrix of correlations, -1 to 1, the figures written in where there are few."""
    labels = [safe(name, 22) for name in names]
    matrix = np.asarray(values, float)
    figure = new_figure(height_px=height_px or max(280, 60 + 26 * len(labels)))
    figure.add_heatmap(
        z=matrix,
        x=list(range(len(labels))),
        y=list(range(len(labels))),
        zmin=-1,
        zmax=1,
        colorscale=DIVERGING,
        texttemplate="%{z:.2f}" if len(labels) <= 12 else None,
        xgap=1,
        ygap=1,
        hovertext=[
            [f"{b} · {a}: {v:.3f}" for a, v in zip(labels, row, strict=True)]
            for b, row in zip(labels, matrix, strict=True)
        ],
        hoverinfo="text",
        colorbar={"thickness": 10, "outlinewidth": 0},
    )
    ticks = {"tickvals": list(range(len(labels))), "ticktext": labels, "showgrid": False, "showline": False}
    figure.update_xaxes(**ticks)
    return figure.update_yaxes(autorange="reversed", **ticks)


def telling_words(
    words: Mapping[str, Sequence[tuple[str, float]]],
    *,
    words_a_class: int = 12,
    columns: int = 3,
    translate: Translate = untranslated,
) -> go.Figure:
    """The words that tell each class from the others, strongest on top: class → (word, weight)."""
    from plotly.subplots import make_subplots

    shown = [(name, list(pairs)[:words_a_class]) for name, pairs in words.items() if pairs]
    if not shown:
        return empty_figure(translate(NOTHING))
    columns = min(columns, len(shown))
    rows = -(-len(shown) // columns)
    titles = [f"<b>{safe(name, 28)}</b>" for name, _pairs in shown]
    figure = make_subplots(rows, columns, subplot_titles=titles, horizontal_spacing=0.12, vertical_spacing=0.3 / rows)
    figure.update_layout(
        template=new_figure().layout.template, height=rows * (70 + 22 * words_a_class), showlegend=False
    )
    for number, (_name, pairs) in enumerate(shown):
        labels = [safe(word, 20) for word, _weight in pairs]
        figure.add_bar(
            x=[weight for _word, weight in pairs],
            y=list(range(len(labels))),
            orientation="h",
            marker={"color": COLOURS[number % len(COLOURS)]},
            hovertext=[f"{label}: {weight:.3g}" for label, (_word, weight) in zip(labels, pairs, strict=True)],
            hoverinfo="text",
            row=number // columns + 1,
            col=number % columns + 1,
        )
        ticks = {"tickvals": list(range(len(labels))), "ticktext": labels, "autorange": "reversed", "showgrid": False}
        figure.update_yaxes(row=number // columns + 1, col=number % columns + 1, **ticks)
    return figure


def split_bars(
    balance: Mapping[str, Mapping[str, int]], *, as_shares: bool = True, translate: Translate = untranslated
) -> go.Figure:
    """How the classes are spread over the parts: class → part → rows. One bar a part; equal bars are a good split."""
    if not balance:
        return empty_figure(translate(NOTHING))
    parts = list(dict.fromkeys(str(part) for counts in balance.values() for part in counts))
    totals = {part: sum(int(counts.get(part, 0)) for counts in balance.values()) for part in parts}
    labels = [f"{translate(PART_NAMES.get(part, part))} ({totals[part]:,})" for part in parts]
    title = translate(N_("Share of the part")) if as_shares else translate(N_("Rows"))
    figure = new_figure(title, height_px=110 + 44 * len(parts), barmode="stack")
    for number, (name, counts) in enumerate(balance.items()):
        rows = [int(counts.get(part, 0)) for part in parts]
        values = [n / max(totals[part], 1) for n, part in zip(rows, parts, strict=True)] if as_shares else rows
        figure.add_bar(
            x=values,
            y=labels,
            orientation="h",
            name=safe(name, 24),
            marker={
                "color": look(number)["color"],
                "pattern": {"shape": PATTERNS[number // len(COLOURS) % len(PATTERNS)]},
            },
            customdata=rows,
            hovertemplate=f"{safe(name)}: %{{customdata:,}}<extra></extra>",
        )
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_layout(showlegend=len(balance) <= 16, legend={"traceorder": "normal"})  # as the bars run
    return figure.update_xaxes(tickformat=".0%" if as_shares else ",d")


def _number(value: float, unit: str) -> str:
    text = f"{value:,.0f}" if (float(value).is_integer() and abs(value) >= 1) or value == 0 else f"{value:.3g}"
    return f"{text} {unit}".strip()
