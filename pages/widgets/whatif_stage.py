"""The answer to a turned knob: the tweak in words, its verdict with the interval, its curves over the baseline's.

A part of the page of its own. While probes run only the inner half of it, verdict and chart, is drawn again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from engine.errors import EngineError
from engine.specs.probe import WhatIf
from pages.widgets import layout, state, whatif_answers, whatif_promote, whatif_state
from pages.widgets.text import _, plain, say, shorten
from pages.widgets.whatif_baseline import Baseline
from pages.widgets.whatif_curves import Shown, answer
from pages.widgets.whatif_knobs import KNOBS_PART, STAGE_PART
from pages.widgets.whatif_state import MOST_PINS, Comparison
from pages.widgets.whatif_words import (
    edited,
    in_words,
    letters,
    ordered,
    parts_in_words,
)

EVERY_S = 0.15  # a knob and its curve belong together below a quarter of a second


def panel(baseline: Baseline) -> None:
    """Draw the answer in a part of the page of its own."""

    @st.fragment(key=STAGE_PART)
    def part() -> None:
        with layout.errors_shown("whatif_stage_error"):
            draw(baseline)

    with st.container(key="whatif_answer"):
        part()


def draw(baseline: Baseline) -> None:
    """The tweak in hand, what can be done with it, its verdict and its curves."""
    comparison = whatif_state.current()
    try:
        edited(baseline.spec, dict(comparison.changes))
    except EngineError as error:  # a link that somebody changed, or a baseline that has other fields
        layout.error_state(error, key="whatif_misfit")
        st.button(_("All back"), icon=":material/undo:", key="whatif_misfit_back", on_click=_all_back)
        return
    _tweak(baseline, comparison)
    _actions(baseline, comparison)
    _follow(
        lambda: collect(baseline, comparison),
        lambda shown: answer(baseline, comparison, shown),
        lambda shown: _is_open(baseline, comparison, shown),
    )


def collect(baseline: Baseline, comparison: Comparison) -> list[Shown]:
    """The tweak in hand first, then what is pinned."""
    changes = dict(comparison.changes)
    waits = whatif_answers.waits(baseline.spec, changes, comparison)
    found = whatif_answers.ask(baseline.spec, {} if waits else changes, comparison)
    if not waits:
        whatif_answers.note(baseline.spec, changes, comparison, found)
    shown = [Shown(in_words(baseline.spec, changes), changes, found, 0, waits)]
    for place, (letter, pin) in enumerate(zip(letters(len(comparison.pins)), comparison.pins, strict=True)):
        if ordered(dict(pin)) == ordered(changes):
            continue
        pinned = pinned_answer(baseline, comparison, dict(pin))
        if pinned is not None:
            name = f"{letter} · {in_words(baseline.spec, dict(pin))}"
            shown.append(Shown(name, dict(pin), pinned, place + 1))
    return shown


def pinned_answer(baseline: Baseline, comparison: Comparison, changes: Mapping[str, Any]) -> WhatIf | None:
    """The answer of a pinned tweak; None where it does not fit the baseline (a link that somebody changed)."""
    place = f"pin/{hashlib.sha256(json.dumps(ordered(changes)).encode()).hexdigest()[:12]}"
    try:
        return whatif_answers.ask(baseline.spec, changes, comparison, place=place)
    except EngineError:
        return None


def _is_open(baseline: Baseline, comparison: Comparison, shown: Sequence[Shown]) -> bool:
    """Whether more will come by itself."""
    hand = shown[0]
    foretelling = hand.waits and whatif_answers.foretold(baseline.spec, hand.changes, comparison) is None
    return foretelling or any(not each.found.done for each in shown)


def _follow(
    collect_now: Callable[[], list[Shown]],
    draw_now: Callable[[list[Shown]], None],
    is_open: Callable[[list[Shown]], bool],
) -> None:
    """Draw, and draw again while something runs; when all is known the whole page is drawn once more.

    The part is the same whether it is followed or not, so that nothing jumps when the last probe ends.
    """
    first: list[list[Shown]] = [collect_now()]
    runs = is_open(first[0])

    @st.fragment(run_every=EVERY_S if runs else None)
    def part() -> None:
        if first:
            draw_now(first.pop())
            return
        with layout.errors_shown("whatif_follow_error"):
            shown = collect_now()
            draw_now(shown)
            if not is_open(shown):
                st.rerun()

    with st.container(key="following_whatif"):
        part()


def _tweak(baseline: Baseline, comparison: Comparison) -> None:
    """The difference from the baseline, each part of it to be taken back."""
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key="whatif_tweak"):
        if not comparison.changes:
            st.markdown(f":gray[:material/tune: {_('Turn a knob: its curves appear here while it runs.')}]")
            return
        for path, words in parts_in_words(baseline.spec, dict(comparison.changes)):
            st.button(
                plain(shorten(words, 70)),
                icon=":material/close:",
                key=f"chip_{path}",
                help=_("Back to the baseline's value"),
                on_click=_take_back,
                args=(path,),
            )
        if len(comparison.changes) > 1:
            st.button(_("All back"), icon=":material/undo:", key="whatif_all_back", type="tertiary", on_click=_all_back)


def _take_back(path: str) -> None:
    comparison = whatif_state.current()
    prefix = path.removesuffix("kind") if path.endswith(".kind") else path
    gone = [p for p, _value in comparison.changes if p == path or (p != path and p.startswith(prefix))]
    whatif_state.put(comparison.without(gone))
    st.rerun([STAGE_PART, KNOBS_PART])


def _all_back() -> None:
    whatif_state.put(whatif_state.current().holding({}))
    st.rerun([STAGE_PART, KNOBS_PART])


def _actions(baseline: Baseline, comparison: Comparison) -> None:
    """Pin, full run, tuning, Design."""
    changes = dict(comparison.changes)
    pinned = any(ordered(dict(pin)) == ordered(changes) for pin in comparison.pins)
    full = len(comparison.pins) >= MOST_PINS
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="whatif_actions"):
        if whatif_answers.waits(baseline.spec, changes, comparison):
            st.button(
                _("Probe it"),
                type="primary",
                icon=":material/experiment:",
                key="whatif_probe",
                on_click=_want,
                args=(baseline, changes, comparison),
            )
        if st.button(
            _("Pin"),
            icon=":material/keep:",
            key="whatif_pin",
            disabled=not changes or pinned or full,
            help=say("Keeps it for comparison, up to {n}.", n=MOST_PINS),
        ):
            whatif_state.put(replace(comparison, pins=(*comparison.pins, comparison.changes)))
            st.rerun()
        whatif_promote.popover(baseline, changes, key="whatif_hand")
        if st.button(_("To tuning"), icon=":material/tune:", key="whatif_tune", help=_("Search from this point on.")):
            state.tune_from(baseline.spec, [ordered(changes)] if changes else [])
        if st.button(
            _("Into Design"), icon=":material/edit:", key="whatif_design", help=_("Takes these values into the form.")
        ):
            state.begin_draft(edited(baseline.spec, changes))
            state.go(state.DESIGN_PAGE)


def _want(baseline: Baseline, changes: Mapping[str, Any], comparison: Comparison) -> None:
    whatif_answers.want(baseline.spec, changes, comparison)
    st.rerun(STAGE_PART)
