"""Draws a figure of `engine.figures` on a page: in the page's theme, without buttons that nobody needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import plotly.graph_objects as go
import streamlit as st

from engine.figures.theme import themed

Mode = Literal["points", "box", "lasso"]
CONFIG: dict[str, Any] = {
    "displaylogo": False,  # no links to other companies
    "modeBarButtonsToRemove": ["lasso2d", "select2d", "autoScale2d", "toggleSpikelines"],
    "responsive": True,
}


def is_dark() -> bool:
    """Whether the page is drawn dark now."""
    return st.context.theme.type == "dark"


def chart(
    figure: go.Figure,
    *,
    key: str,
    alt: str = "",
    selectable: bool = False,
    selection_mode: Mode | Sequence[Mode] = "points",
) -> list[dict[str, Any]]:
    """Draw a figure.

    Args:
        figure: from `engine.figures`.
        key: of the widget, stable from rerun to rerun, so that the figure is updated and does not jump.
        alt: what it shows, in a sentence, for those who cannot see it.
        selectable: a click on a point draws the page again.
        selection_mode: "points", "box", "lasso" or several.

    Returns:
        The chosen points where it is selectable, as Plotly describes them; else an empty list.
    """
    themed(figure, dark=is_dark())
    if not selectable:
        st.plotly_chart(figure, key=key, theme=None, config=CONFIG, alt=alt or None)
        return []
    event = st.plotly_chart(
        figure,
        key=key,
        theme=None,
        config=CONFIG,
        alt=alt or None,
        on_select="rerun",
        selection_mode=selection_mode,
    )
    return list(event["selection"]["points"])
