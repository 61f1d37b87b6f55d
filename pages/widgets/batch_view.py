"""The first batch as the model sees it, asked of the engine while the page stays usable."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from engine import api
from engine.errors import EngineError, ErrorKind
from engine.specs import RunSpec
from pages.widgets import layout, live
from pages.widgets.text import _, plain, shorten

ASK_S = 0.5  # a warm engine answers within it; where not, the page goes on and asks again


def draw(spec: RunSpec) -> None:
    """Ask for the batch; draw it, or a calm word while it is made."""

    def part() -> bool:
        with layout.errors_shown("batch_error"):
            try:
                batch = api.preview_batch(spec, timeout_s=ASK_S)
            except EngineError as error:
                if error.kind is not ErrorKind.UNAVAILABLE:
                    raise
                st.skeleton(height=240)
                st.caption(_("The engine prepares the batch…"))
                return True
            draw_batch(batch)
        return False

    live.follow_until_done(part, key="batch")


def draw_batch(batch: Mapping[str, Any]) -> None:
    """Pictures, tokens or columns, by what the batch holds."""
    labels = [str(label) for label in batch.get("labels", [])]
    if batch.get("images"):
        with st.grid(columns="auto", min_column_width=96, gap="small"):
            for number, (picture, label) in enumerate(zip(batch["images"], labels, strict=False)):
                with st.container(gap="xxsmall", key=f"batch_picture_{number}"):
                    st.image(base64.b64decode(picture), width=96, alt=label)
                    st.caption(plain(shorten(label, 20)))
    elif batch.get("tokens"):
        for number, (tokens, label) in enumerate(zip(batch["tokens"], labels, strict=False)):
            with st.container(border=True, gap="xxsmall", key=f"batch_text_{number}"):
                st.caption(f"**{plain(shorten(label, 40))}**")
                st.text(" ".join(str(token) for token in tokens if token), width="stretch")
    elif batch.get("rows"):
        draw_rows(batch, labels)


def draw_rows(batch: Mapping[str, Any], labels: list[str]) -> None:
    """Rows as the model gets them, with their cleaned values above; a number that became several is a small chart."""
    numbers = list(batch.get("row_numbers") or range(len(labels)))
    if batch.get("raw"):
        st.caption(_("Cleaned"))
        st.dataframe(with_labels(batch["raw"], labels, numbers), key="batch_raw", height=250)
    st.caption(_("As numbers"))
    rows = with_labels(batch["rows"], labels, numbers)
    several = [str(name) for name in rows if isinstance(rows[name].iloc[0], list)]
    chart = st.column_config.BarChartColumn
    st.dataframe(
        rows,
        key="batch_rows",
        height=250,
        column_config={name: chart(name, width="small", y_min=0, y_max=1) for name in several},
    )
    if several:
        st.caption(_("A number cut at its quantiles becomes one bar a piece: full below it, empty above."))


def with_labels(rows: Sequence[Mapping[str, Any]], labels: list[str], numbers: list[int]) -> pd.DataFrame:
    """The rows as a table with their target in front; a column that is called like it keeps its name."""
    frame = pd.DataFrame(list(rows), index=pd.Index(numbers, name=_("Row")))
    title = _("Target")
    frame.insert(0, title if title not in frame.columns else f"◎ {title}", labels)
    return frame
