"""The filter over the trials of a search: set with a brush or by hand, kept in the address, seen by every view."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

import streamlit as st

from engine.figures.tuning_space import Axis
from pages.widgets import fields
from pages.widgets.text import _, plain, say
from pages.widgets.tuning_board import Board
from pages.widgets.tuning_condition import said
from pages.widgets.tuning_space import parsed

ADDRESS_KEY = "keep"  # "training.batch_size:16~64;model.activation:relu|gelu"
HAIR = 1e-5  # of a value: what was rounded on its way through the address still lies inside


@dataclass(frozen=True)
class Band:
    """What one axis lets through: numbers between two ends, or some choices."""

    path: str
    low: float = -math.inf
    high: float = math.inf
    choices: tuple[str, ...] = ()

    def lets(self, value: float | str | None) -> bool:
        """Whether a trial with this value stays."""
        if value is None:
            return False
        if self.choices:
            return str(value) in self.choices
        slack = HAIR * max(abs(self.low) if math.isfinite(self.low) else 0, abs(float(value)))
        return self.low - slack <= float(value) <= self.high + slack


Bands = tuple[Band, ...]


def current(board: Board) -> Bands:
    """The filter in the address; what names no axis of this search is left out."""
    paths = {axis.path for axis in board.axes}
    return tuple(band for band in read(str(st.query_params.get(ADDRESS_KEY) or "")) if band.path in paths)


def put(bands: Sequence[Band]) -> None:
    """Set the filter."""
    text = written(bands)
    if text:
        st.query_params[ADDRESS_KEY] = text
    else:
        st.query_params.pop(ADDRESS_KEY, None)


def written(bands: Sequence[Band]) -> str:
    """As it stands in the address."""
    parts = []
    for band in bands:
        if band.choices:
            parts.append(f"{band.path}:{'|'.join(quote(choice, safe=' ') for choice in band.choices)}")
        else:
            ends = ["" if math.isinf(end) else f"{end:.6g}" for end in (band.low, band.high)]
            parts.append(f"{band.path}:{'~'.join(ends)}")
    return ";".join(parts)


def read(text: str) -> Bands:
    """The way back; what cannot be read is left out."""
    bands = []
    for part in text.split(";"):
        path, _colon, value = part.partition(":")
        if not path or not value:
            continue
        if "~" not in value:
            bands.append(Band(path, choices=tuple(unquote(choice) for choice in value.split("|"))))
            continue
        low, _tilde, high = value.partition("~")
        try:
            bands.append(Band(path, float(low) if low else -math.inf, float(high) if high else math.inf))
        except ValueError:
            continue
    return tuple(bands)


def with_band(bands: Bands, band: Band) -> Bands:
    """The filter with the band of one axis set."""
    return (*(other for other in bands if other.path != band.path), band)


def kept(board: Board, bands: Bands) -> list[bool]:
    """Which trials every band lets through."""
    through = [True] * len(board.trials)
    for axis in board.axes:
        for band in (band for band in bands if band.path == axis.path):
            through = [before and band.lets(value) for before, value in zip(through, axis.values, strict=True)]
    return through


def places(board: Board, bands: Bands) -> dict[str, list[tuple[float, float]]]:
    """Where the bands lie on their axes, 0 to 1, for parallel coordinates."""
    found: dict[str, list[tuple[float, float]]] = {}
    axes = {axis.path: axis for axis in board.axes}
    for band in bands:
        axis = axes[band.path]
        if band.choices:
            spots = [(axis.to_unit(choice), axis.to_unit(choice)) for choice in band.choices if choice in axis.choices]
        else:
            low, high = axis.bounds()
            ends = (axis.to_unit(min(max(band.low, low), high)), axis.to_unit(min(max(band.high, low), high)))
            spots = [(min(ends), max(ends))]
        found[band.path] = [spot for spot in spots if not math.isnan(spot[0])]
    return found


def brushed(axes: Sequence[Axis], points: Sequence[Mapping[str, Any]]) -> list[Band]:
    """The bands that a box over some points means: on each axis the stretch from the lowest to the highest."""
    chosen: dict[int, list[float]] = {}
    for point in points:
        place = round(float(point["x"]))
        if 0 <= place < len(axes):
            chosen.setdefault(place, []).append(float(point["y"]))
    bands = []
    for place, heights in chosen.items():
        axis, low, high = axes[place], min(heights) - 1e-3, max(heights) + 1e-3
        if axis.scale == "choice":
            bands.append(Band(axis.path, choices=axis.chosen_between(low, high)))
        else:
            bands.append(Band(axis.path, axis.from_unit(low), axis.from_unit(high)))
    return bands


# ---- on the screen --------------------------------------------------------------------------------------------------
def bar(board: Board, bands: Bands, through: Sequence[bool], *, key: str) -> None:
    """The filter in words, each part with a cross, and a way to set one by hand."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=key):
        with st.popover(_("Filter"), icon=":material/filter_alt:", key=f"{key}_box"):
            _by_hand(board, bands, key=key)
        for band in bands:
            if st.button(plain(text_of_band(board, band)), icon=":material/close:", key=f"{key}_{band.path}"):
                put([other for other in bands if other != band])
                st.rerun()
        if bands:
            st.caption(
                say("{shown} of {all} trials", shown=sum(through), all=len(through)),
                width="content",
            )


def text_of_band(board: Board, band: Band) -> str:
    """A band in words; no markdown."""
    title = board.title(band.path)
    if band.choices:
        axis = next(axis for axis in board.axes if axis.path == band.path)
        names = dict(zip(axis.choices, axis.labels or axis.choices, strict=True))
        return f"{title}: {', '.join(names.get(choice, choice) for choice in band.choices)}"
    low = "" if math.isinf(band.low) else fields.format_float(float(f"{band.low:.3g}"))
    high = "" if math.isinf(band.high) else fields.format_float(float(f"{band.high:.3g}"))
    return f"{title}: {low} – {high}"


def _by_hand(board: Board, bands: Bands, *, key: str) -> None:
    """What the brush does, for the keyboard and for exact ends."""
    axes = {axis.path: axis for axis in board.axes}
    path = st.selectbox(_("Field"), list(axes), format_func=board.title, key=f"{key}_path")
    if path is None:
        return
    axis = axes[path]
    now = next((band for band in bands if band.path == path), Band(path))
    if axis.scale == "choice":
        names = dict(zip(axis.choices, axis.labels or axis.choices, strict=True))
        picked = st.multiselect(
            _("Values"),
            axis.choices,
            default=[choice for choice in now.choices if choice in axis.choices],
            format_func=lambda choice: names[choice],
            key=f"{key}_{path}_values",
        )
        if st.button(_("Apply"), type="primary", disabled=not picked, key=f"{key}_apply"):
            put(with_band(bands, Band(path, choices=tuple(picked))))
            st.rerun()
        return
    low, high = axis.bounds()
    left, right = st.columns(2)
    texts = (
        left.text_input(_("From"), f"{max(now.low, low):.4g}", key=f"{key}_{path}_low"),
        right.text_input(_("To"), f"{min(now.high, high):.4g}", key=f"{key}_{path}_high"),
    )
    drawn = [parsed(text or "", whole=False) for text in texts]
    problem = next((entry.problem for entry in drawn if entry.problem), "")
    if not problem and drawn[0].value > drawn[1].value:
        problem = _("The lower end must not be above the upper one.")
    if problem:
        said(problem)
    if st.button(_("Apply"), type="primary", disabled=bool(problem), key=f"{key}_apply"):
        put(with_band(bands, Band(path, drawn[0].value, drawn[1].value)))
        st.rerun()
