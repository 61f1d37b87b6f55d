"""One click turns every knob down and up by itself; a tornado fills in while the probes come back."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from engine import api
from engine.figures.effects import Effect, Swing, tornado
from engine.specs.knobs import Knob, knobs
from engine.specs.probe import ProbeStatus, Sensitivity, SensitivityBar, VerdictKind
from pages.widgets import layout, live, whatif_state
from pages.widgets.charts import live_chart
from pages.widgets.text import _, plain, say
from pages.widgets.whatif_answers import session
from pages.widgets.whatif_baseline import Baseline
from pages.widgets.whatif_pins import axis_title
from pages.widgets.whatif_state import Comparison
from pages.widgets.whatif_words import difference, in_words, knob_value, scale_of

EVERY_S = 0.7
SHOWN = 14  # bars; the rest is behind a switch
TRIES = 3  # turns that are offered


def section(baseline: Baseline) -> None:
    """The tab."""
    comparison = whatif_state.current()
    with layout.errors_shown("sensitivity_error"):
        if not comparison.tornado:
            st.caption(
                _("Which knobs matter here? Each is turned down and up by itself, behind everything that you watch.")
            )
            if st.button(_("Turn every knob"), icon=":material/tornado:", type="primary", key="sensitivity_start"):
                whatif_state.put(replace(comparison, tornado=True))
                st.rerun()
            return
        at_rest = {knob.path: knob for knob in knobs(baseline.spec)}
        every = st.toggle(_("Show all knobs"), key="sensitivity_all")

        def draw() -> bool:
            found = ask(baseline, comparison)
            _draw(found, at_rest, every=every)
            return not found.done

        live.follow(draw, active=not ask(baseline, comparison).done, key="sensitivity", every_s=EVERY_S)
        _offers(baseline, comparison, ask(baseline, comparison))


def ask(baseline: Baseline, comparison: Comparison) -> Sensitivity:
    """What is known so far."""
    return api.sensitivity(baseline.spec, comparison.budget, session=f"{session()}/tornado")


def _draw(found: Sensitivity, at_rest: dict[str, Knob], *, every: bool) -> None:
    if found.done:
        st.caption(
            say(
                "{n} probes, two seeds a turn; the lines are 95 % intervals. Pale bars lie within the noise.",
                n=found.total,
            )
        )
    else:
        share = found.finished / max(1, found.total)
        st.progress(share, text=say("{n} of {total} probes", n=found.finished, total=found.total))
    bars = sorted(found.bars, key=lambda bar: -bar.span)
    shown = bars if every else bars[:SHOWN]
    figure = tornado(
        [swing(bar, at_rest.get(bar.path), found) for bar in shown],
        axis_title(found.metric),
        noise=found.noise,
        factor=scale_of(found.metric)[0],
        translate=_,
    )
    live_chart(figure, key="sensitivity_chart", alt=_("How much each knob moves the metric"))
    fails = [bar for bar in bars if ProbeStatus.FAILED in (bar.down_status, bar.up_status)]
    if fails:
        names = ", ".join(_(bar.title) for bar in fails[:5])
        st.caption(f":material/error: {say('Does not train when turned so far: {names}', names=names)}")


def swing(bar: SensitivityBar, knob: Knob | None, found: Sensitivity) -> Swing:
    """A bar of the engine as the figure draws it."""
    name = _(bar.title)
    if knob is not None and knob.group and knob.group != knob.title and knob.path.count(".") > 1:
        name = f"{_(knob.group)} › {name}"
    return Swing(name, _side(bar.down, bar.down_effect, knob, found), _side(bar.up, bar.up_effect, knob, found))


def _side(value: object, effect: float | None, knob: Knob | None, found: Sensitivity) -> Effect | None:
    if value is None:
        return None
    name = knob_value(knob, value) if knob is not None else str(value)
    if effect is None or found.noise is None or not found.done:
        return Effect(name, effect, verdict=_kind(effect, found))
    return Effect(name, effect, effect - found.noise, effect + found.noise, verdict=_kind(effect, found))


def _kind(effect: float | None, found: Sensitivity) -> VerdictKind:
    if effect is None or found.noise is None:
        return VerdictKind.TOO_EARLY
    if abs(effect) <= found.noise:
        return VerdictKind.WITHIN_NOISE
    return VerdictKind.BETTER if (effect > 0) == found.higher_is_better else VerdictKind.WORSE


def _offers(baseline: Baseline, comparison: Comparison, found: Sensitivity) -> None:
    """The turns that promise most, to be tried with several seeds."""
    turns = [
        (effect, bar.path, value)
        for bar in found.bars
        for value, effect in ((bar.down, bar.down_effect), (bar.up, bar.up_effect))
        if value is not None and effect is not None and _kind(effect, found) is VerdictKind.BETTER
    ]
    turns.sort(key=lambda turn: -abs(turn[0]))
    if not turns:
        if found.done:
            st.caption(_("No single turn is better than the noise of the baseline."))
        return
    st.markdown(f"**{_('Worth trying with several seeds')}**")
    with st.container(horizontal=True, gap="small"):
        for effect, path, value in turns[:TRIES]:
            words = f"{in_words(baseline.spec, {path: value})} ({difference(effect, found.metric)})"
            if st.button(plain(words), icon=":material/pan_tool_alt:", key=f"sensitivity_try_{path}"):
                whatif_state.put(comparison.holding({path: value}))
                st.rerun()
