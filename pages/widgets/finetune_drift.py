"""How far the body has moved, epoch by epoch, also while it trains."""

from __future__ import annotations

import streamlit as st

from engine import api
from engine.figures.finetuning import drift_map, rank_map
from engine.specs.records import RunRecord
from pages.widgets import finetune_state
from pages.widgets.charts import chart
from pages.widgets.text import _


def draw(run: RunRecord, *, key: str) -> None:
    """Drift by block, and ranks where the method shares them out; nothing for other runs."""
    if not finetune_state.is_tuned(run.spec):
        return
    points = api.drift(run.id)
    of = [point.model_dump(mode="json") for point in points]
    if not any(point.blocks for point in points) and run.status.is_over:
        return
    st.markdown(f"**{_('How far the body has moved')}**", help=_("‖ΔW‖ / ‖W‖ of each block after each epoch."))
    chart(lambda: drift_map(points, translate=_), key=f"{key}_drift", of=of, alt=_("Drift by block and epoch"))
    if any(point.ranks for point in points):
        st.markdown(f"**{_('Ranks that AdaLoRA has left')}**")
        chart(lambda: rank_map(points, translate=_), key=f"{key}_ranks", of=of, alt=_("Rank by matrix and epoch"))
