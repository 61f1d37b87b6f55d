"""Draws a figure of `engine.figures` on a page: in the page's theme, without buttons that nobody needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import plotly.graph_objects as go
import streamlit as st

from engine.figures.theme import themed
from pages.widgets.text import language

Mode = Literal["points", "box", "lasso"]
KEPT_FIGURES, KEPT_S = 128, 3600.0  # all sessions together; one holds some 20 to 200 kB
CONFIG: dict[str, Any] = {
    "displaylogo": False,  # no links to other companies
    "modeBarButtonsToRemove": ["lasso2d", "select2d", "autoScale2d", "toggleSpikelines"],
    "responsive": True,
}


def is_dark() -> bool:
    """Whether the page is drawn dark now."""
    return st.context.theme.type == "dark"


@st.cache_resource(max_entries=KEPT_FIGURES, ttl=KEPT_S, show_spinner=False)
def _kept(key: str, of: str, language: str, dark: bool, _build: Callable[[], go.Figure]) -> go.Figure:
    """A figure that is built once for what it shows; everybody is given the same one, nobody changes it."""
    return themed(_build(), dark=dark)


def chart(
    figure: go.Figure | Callable[[], go.Figure],
    *,
    key: str,
    alt: str = "",
    of: object = None,
    selectable: bool = False,
    selection_mode: Mode | Sequence[Mode] = "points",
) -> list[dict[str, Any]]:
    """Draw a figure.

    Args:
        figure: from `engine.figures`; or a function that builds it.
        key: of the widget, stable from rerun to rerun, so that the figure is updated and does not jump.
        alt: what it shows, in a sentence, for those who cannot see it.
        of: where a function builds the figure: all that it depends on but language and theme, as texts, numbers, lists
            or mappings. The figure is then kept.
        selectable: a click on a point draws the page again.
        selection_mode: "points", "box", "lasso" or several.

    Returns:
        The chosen points where it is selectable, as Plotly describes them; else an empty list.
    """
    if not callable(figure):
        themed(figure, dark=is_dark())
    else:
        figure = _kept(key, repr(of), language(), is_dark(), figure) if of else themed(figure(), dark=is_dark())
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


def live_chart(figure: go.Figure, *, key: str, alt: str = "") -> None:
    """Draw a figure that changes every second without a moment in which there is none.

    The browser builds a chart whose figure changed anew and shows nothing meanwhile. So two charts lie over each
    other: a new figure goes into the one below, which then comes to the top; until it is drawn, the figure before
    shines through.

    Args:
        figure: from `engine.figures`.
        key: as for `chart`.
        alt: as for `chart`.
    """
    dark = is_dark()
    background = str(st.get_option(f"theme.{'dark' if dark else 'light'}.backgroundColor"))
    themed(figure, dark=dark).update_layout(paper_bgcolor=background)
    frames, top = st.session_state.get(f"{key}/frames", ([figure, figure], 0))
    if frames[top].to_json() != figure.to_json():
        top = 1 - top
        frames = [figure, frames[1]] if top == 0 else [frames[0], figure]
    st.session_state[f"{key}/frames"] = (frames, top)
    with st.container(key=f"live_frames_{key}"):
        for place, frame in enumerate(frames):
            with st.container(key=f"live_frame_{place}_{key}"):
                st.plotly_chart(frame, key=f"{key}_frame_{place}", theme=None, config=CONFIG, alt=alt or None)
        st.html(f"<span></span><style>.st-key-live_frame_{top}_{key} {{ z-index: 1; }}</style>")
