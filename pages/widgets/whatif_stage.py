"""The answer to a turned knob: the tweak in words, its verdict with the interval, its curves over the baseline's.

A part of the page of its own. While probes run only the inner half of it, verdict and chart, is drawn again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from engine import api
from engine.errors import EngineError
from engine.figures.whatif import Line, Panel, SeedCurve, probe_curves
from engine.specs.probe import ProbeRecord, ProbeStatus, VerdictKind, WhatIf
from pages.widgets import description, layout, state, whatif_answers, whatif_promote, whatif_state
from pages.widgets.charts import live_chart
from pages.widgets.text import _, error_text, plain, say, say_raw, shorten
from pages.widgets.whatif_baseline import Baseline
from pages.widgets.whatif_knobs import KNOBS_PART, STAGE_PART
from pages.widgets.whatif_state import MOST_PINS, Comparison
from pages.widgets.whatif_words import (
    edited,
    expectation,
    in_words,
    letters,
    mark,
    ordered,
    parts_in_words,
    scale_of,
    sentence,
)

EVERY_S = 0.15  # a knob and its curve belong together below a quarter of a second
CHART_HEIGHT_PX = 440
TRAIN_LOSS = "train/loss"
SMOOTHING = 0.6  # of the loss of single batches
FEWEST_TRUSTED = 0.5  # rank correlation below which probes are said to have predicted badly


@dataclass(frozen=True)
class Shown:
    """A variant on the chart."""

    name: str  # raw
    changes: Mapping[str, Any]
    found: WhatIf
    number: int  # of its colour
    waits: bool = False  # foretold only; `found` is the baseline's alone


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
    edited(baseline.spec, dict(comparison.changes))  # a tweak that does not fit is said in the place of its answer
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


# ---- verdict and curves ---------------------------------------------------------------------------------------------
def answer(baseline: Baseline, comparison: Comparison, shown: Sequence[Shown]) -> None:
    """Verdict, chart, and what kind of answer it is."""
    hand = shown[0].found
    with st.container(gap="xsmall", key="whatif_said"):
        if shown[0].waits:
            st.markdown(f":material/online_prediction: **{_('Not probed yet: this is what is expected.')}**")
        else:
            st.markdown(f"{mark(hand.verdict)} **{sentence(hand.verdict)}**")
            st.caption(progress(comparison, hand))
        if shown[0].waits or (shown[0].changes and not hand.verdict.pairs and not hand.done):
            found = whatif_answers.foretold(baseline.spec, shown[0].changes, comparison)
            if found is not None:
                st.caption(f":material/online_prediction: {expectation(found)}")
    views = views_of(shown)
    chosen = st.segmented_control(
        _("Curve"),
        views,
        default=views[0],
        required=True,
        format_func=layout.metric_title_raw,
        key="whatif_view",
        label_visibility="collapsed",
    )
    view = chosen if chosen in views else views[0]
    figure = probe_curves(
        [panel_of(view, shown), panel_of(TRAIN_LOSS, shown)],  # the loss moves first, the judged metric counts
        max_step=last_step(comparison, shown),
        height_px=CHART_HEIGHT_PX,
        translate=_,
    )
    alt = say_raw("{metric} of the tweak over the baseline's", metric=layout.metric_title_raw(view))
    live_chart(figure, key="whatif_chart", alt=alt)


def panel_of(view: str, shown: Sequence[Shown]) -> Panel:
    """One metric of the baseline and everything that is shown over it."""
    factor, unit = scale_of(view)
    return Panel(
        layout.metric_title_raw(view),
        Line(_("Baseline"), seed_curves(shown[0].found.baseline, view)),
        [
            Line(each.name, seed_curves(each.found.variant, view), each.number)
            for each in shown
            if each.changes and not each.waits
        ],
        smoothing=SMOOTHING if view == TRAIN_LOSS else 0.0,
        factor=factor,
        unit=unit,
    )


def views_of(shown: Sequence[Shown]) -> list[str]:
    """The validation curves there are to look at, the one that is judged first."""
    judged = shown[0].found.verdict.metric
    records = [record for each in shown for record in (*each.found.baseline, *each.found.variant)]
    known = dict.fromkeys(key for record in records for key in record.curves)
    usual = [judged, "val/loss"]
    return usual + [key for key in known if key not in usual and key.startswith("val/")]


def seed_curves(records: Sequence[ProbeRecord], key: str) -> list[SeedCurve]:
    """The curves of one metric, a seed each."""
    return [SeedCurve(record.curves.get(key, ()), record.status.is_over) for record in records if key in record.curves]


def last_step(comparison: Comparison, shown: Sequence[Shown]) -> int:
    """The right end of the axis."""
    totals = [record.total_steps for each in shown for record in (*each.found.baseline, *each.found.variant)]
    return max([total for total in totals if total] or [comparison.budget.steps])


def progress(comparison: Comparison, found: WhatIf) -> str:
    """What kind of answer it is and how far it has come; where it failed, why and what to try. Safe in markdown."""
    failed = next((record for record in found.variant if record.status is ProbeStatus.FAILED), None)
    if failed is not None and failed.error and found.verdict.kind is VerdictKind.FAILS:
        message, hint = error_text(EngineError.from_record(failed.error))
        return f":red[:material/error: {message}] {hint}"
    box = comparison.budget
    parts = [say("A probe of {steps} steps, not the full run", steps=box.steps)]
    if box.train_fraction < 1:
        parts[0] = say(
            "A probe of {steps} steps on {share} of the data, not the full run",
            steps=box.steps,
            share=f"{100 * box.train_fraction:.0f} %",
        )
    records = found.variant or found.baseline
    over = sum(record.status.is_over for record in records)
    if any(record.cut_off for record in records):
        step = max(record.step for record in records if record.cut_off)
        parts.append(say("cut off after {s} s at step {step}", s=f"{box.seconds:g}", step=step))
    if not found.done:
        parts.append(_waiting(records) or say("{n} of {total} seeds", n=over, total=len(records)))
    else:
        parts.append(say("{n} seeds", n=len(records)))
        parts.append(trust(comparison))
    return " · ".join(part for part in parts if part)


def _waiting(records: Sequence[ProbeRecord]) -> str:
    """Why there is no point yet."""
    if any(record.curves for record in records):
        return ""
    if api.engine_state().state != "ready":
        return f":material/hourglass_top: {description.warming_up()}"
    if any(record.traced for record in records):
        return f":material/hourglass_top: {_('compiling the changed step…')}"
    return f":material/hourglass_top: {_('starting…')}"


def trust(comparison: Comparison) -> str:
    """How well probes of this size have predicted full runs here."""
    known = _trust(comparison.budget.steps, comparison.budget.train_fraction)
    if known is None or known[0] is None:
        return _("how well such probes predict full runs is not known here yet")
    values = {"r": f"{known[0]:.2f}", "n": known[1]}
    if known[0] < FEWEST_TRUSTED:
        return say("such probes have predicted full runs badly here (rank correlation {r}, {n} runs)", **values)
    return say("such probes have predicted full runs here with a rank correlation of {r} ({n} runs)", **values)


@st.cache_data(ttl=30, max_entries=50, show_spinner=False)
def _trust(steps: int, train_fraction: float) -> tuple[float | None, int] | None:
    budget = whatif_state.Comparison().budget.model_copy(update={"steps": steps, "train_fraction": train_fraction})
    found = api.proxy_trust(budget)
    return found.rank_correlation, found.pairs
