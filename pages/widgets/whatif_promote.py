"""From a tweak to a full run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from engine import api
from engine.specs import RunSpec
from pages.widgets import costs, state
from pages.widgets.text import _, plain
from pages.widgets.tokens import submit_token
from pages.widgets.whatif_baseline import Baseline
from pages.widgets.whatif_words import edited, in_words


def popover(baseline: Baseline, changes: Mapping[str, Any], *, key: str) -> None:
    """A button that opens what a full run would be, and starts it."""
    with st.popover(_("Full run"), icon=":material/play_arrow:", key=f"{key}_full", on_change="rerun") as box:
        if box.open:
            offer(baseline, changes, key=key)


def offer(baseline: Baseline, changes: Mapping[str, Any], *, key: str) -> None:
    """What would run, and the button that starts it."""
    spec = named(baseline, changes)
    st.markdown(f"**{plain(spec.name)}**")
    costs.follow(spec, key=f"{key}_costs")
    if st.button(_("Start the full run"), type="primary", icon=":material/play_arrow:", key=f"{key}_start"):
        token = submit_token(f"{key}_submit", spec)
        state.go(state.TRAIN_PAGE, run=api.submit(spec, token=token))


def named(baseline: Baseline, changes: Mapping[str, Any]) -> RunSpec:
    """The document of the full run, called after the baseline and what was changed."""
    name = f"{baseline.name} · {in_words(baseline.spec, changes)}" if changes else baseline.name
    return edited(baseline.spec, changes).model_copy(update={"name": name[:200]})
