"""What the probes of a tweak say: the verdict, what kind of answer it is, and the curves over the baseline's band."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from engine import api
from engine.errors import EngineError
from engine.figures.whatif import Line, Panel, SeedCurve, probe_curves
from engine.specs.probe import ProbeRecord, ProbeStatus, VerdictKind, WhatIf
from pages.widgets import description, layout, whatif_answers, whatif_state
from pages.widgets.charts import live_chart
from pages.widgets.text import _, error_text, say, say_raw
from pages.widgets.whatif_baseline import Baseline
from pages.widgets.whatif_state import Comparison
from pages.widgets.whatif_words import expectation, mark, scale_of, sentence

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
    cut = [record.step for record in (*found.baseline, *found.variant) if record.cut_off]
    if cut:
        step = min(cut)
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
