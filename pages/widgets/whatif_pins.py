"""Pinned tweaks beside each other: the difference from the baseline in words, the effect with its interval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from engine.figures.effects import Effect, effects
from engine.specs.probe import WhatIf
from pages.widgets import layout, live, numbers, state, whatif_promote, whatif_stage, whatif_state
from pages.widgets.charts import chart
from pages.widgets.text import _, plain, say, say_raw
from pages.widgets.whatif_baseline import Baseline
from pages.widgets.whatif_state import MOST_PINS, Comparison
from pages.widgets.whatif_words import (
    badge,
    effect,
    in_words,
    is_share,
    letters,
    metric_words,
    ordered,
    scale_of,
)

EVERY_S = 0.5


def draw(baseline: Baseline, comparison: Comparison) -> None:
    """A row for each pinned tweak, and all effects on one axis."""
    if not comparison.pins:
        st.caption(
            say(
                "Nothing is pinned yet. Turn a knob and press Pin; up to {n} tweaks stand here to compare.", n=MOST_PINS
            )
        )
        return
    answers = _answers(baseline, comparison)
    runs = any(found is not None and not found.done for found in answers)

    def rows() -> bool:
        now = _answers(baseline, comparison)
        left, right = st.columns([3, 2], gap="large")
        with left:
            for place, (pin, found) in enumerate(zip(comparison.pins, now, strict=True)):
                _row(baseline, comparison, place, dict(pin), found)
        with right:
            _chart(now)
        return any(found is not None and not found.done for found in now)

    live.follow(rows, active=runs, key="whatif_pins", every_s=EVERY_S)
    if len(comparison.pins) > 1 and st.button(
        _("All to tuning"), icon=":material/tune:", key="pins_tune", help=_("The search tries each of them first.")
    ):
        state.tune_from(baseline.spec, [ordered(dict(pin)) for pin in comparison.pins])


def _answers(baseline: Baseline, comparison: Comparison) -> list[WhatIf | None]:
    return [whatif_stage.pinned_answer(baseline, comparison, dict(pin)) for pin in comparison.pins]


def _row(
    baseline: Baseline, comparison: Comparison, place: int, changes: Mapping[str, Any], found: WhatIf | None
) -> None:
    letter = letters(place + 1)[place]
    with st.container(border=True, key=f"pin_{place}"):
        st.markdown(f"**{letter}** · {plain(in_words(baseline.spec, changes))}")
        if found is None:
            st.caption(f":red[:material/error: {_('This does not fit the baseline.')}]")
        else:
            verdict = found.verdict
            values = ""
            if verdict.variant is not None and verdict.baseline is not None:
                factor, unit = scale_of(verdict.metric)
                shown = [
                    f"{numbers.figure(value * factor)} {unit}".strip() for value in (verdict.baseline, verdict.variant)
                ]
                values = say("{before} → {after}", before=shown[0], after=shown[1])
            st.markdown(f"{badge(verdict)} **{plain(effect(verdict))}** {values}")
        with st.container(horizontal=True, gap="small"):
            if st.button(_("Take in hand"), icon=":material/pan_tool_alt:", key=f"pin_hand_{place}"):
                whatif_state.put(comparison.holding(changes))
                st.rerun()
            if found is not None:
                whatif_promote.popover(baseline, changes, key=f"pin_{place}")
            if st.button(_("To tuning"), icon=":material/tune:", key=f"pin_tune_{place}"):
                state.tune_from(baseline.spec, [ordered(changes)])
            if st.button(_("Unpin"), icon=":material/keep_off:", key=f"pin_off_{place}"):
                rest = tuple(pin for number, pin in enumerate(comparison.pins) if number != place)
                whatif_state.put(replace(comparison, pins=rest))
                st.rerun()


def _chart(answers: list[WhatIf | None]) -> None:
    rows = []
    metric, noise = "", None
    for letter, found in zip(letters(len(answers)), answers, strict=True):
        if found is None:
            continue
        verdict = found.verdict
        metric = verdict.metric
        if verdict.baseline_low is not None and verdict.baseline_high is not None:
            noise = (verdict.baseline_high - verdict.baseline_low) / 2
        rows.append(Effect(letter, verdict.difference, verdict.low, verdict.high, verdict.kind))
    if not rows:
        return
    figure = effects(
        rows,
        axis_title(metric),
        noise=noise,
        factor=scale_of(metric)[0],
        first=1,
        translate=_,
    )
    chart(figure, key="pins_effects", alt=_("Effects of the pinned tweaks with their intervals"))
    st.caption(_("Lines: 95 % intervals. Grey: how much single runs of the baseline differ by chance."))


def axis_title(metric: str) -> str:
    """What an axis of differences shows."""
    if is_share(metric):
        return say_raw("Change of {metric}, points", metric=metric_words(metric))
    return say_raw("Change of {metric}", metric=metric_words(metric))


def section(baseline: Baseline) -> None:
    """The tab."""
    with layout.errors_shown("pins_error"):
        draw(baseline, whatif_state.current())
