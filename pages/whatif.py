"""What if? Turn a knob and watch what it does, in seconds; compare tweaks, and take the best further."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from engine import api
from engine.errors import EngineError
from engine.specs.probe import ProbeBudget
from pages.widgets import (
    forms,
    layout,
    state,
    whatif_baseline,
    whatif_knobs,
    whatif_ledger,
    whatif_more,
    whatif_pins,
    whatif_sensitivity,
    whatif_stage,
    whatif_state,
)
from pages.widgets.text import _, say
from pages.widgets.whatif_baseline import Baseline
from pages.widgets.whatif_state import Comparison

MOST_SEEDS = 10


def main() -> None:
    """Draw the screen."""
    with layout.errors_shown("whatif_error"):
        layout.page_header(
            _("What if?"), _("Turn a knob and see what it changes, in seconds, before you pay for a run.")
        )
        comparison = state_of_address()
        if comparison is None:
            return
        left, right = st.columns([3, 2], gap="large", vertical_alignment="bottom")
        with left:
            baseline = whatif_baseline.choose(comparison)
        if baseline is None:
            nothing_yet()
            return
        with right:
            box(whatif_state.current())
        screen(baseline)


def state_of_address() -> Comparison | None:
    """What the address says; where it says nothing that can be read, a way to begin anew."""
    try:
        return whatif_state.current()
    except EngineError as error:
        layout.error_state(error, key="whatif_address")
        if st.button(_("Begin anew"), icon=":material/restart_alt:", key="whatif_anew"):
            whatif_state.put(Comparison())
            st.rerun()
        return None


def nothing_yet() -> None:
    """What to do where there is nothing to compare with."""
    if whatif_state.current().base or api.runs(limit=1):
        return  # the selector says what is the matter
    there = bool(api.datasets())
    if layout.empty_state(
        ":material/tune:",
        _("A what-if begins with a design"),
        _("Design a model for your data; then turn its knobs here and watch what they do."),
        action=_("Go to Design") if there else _("Go to Data"),
        key="whatif_empty",
    ):
        state.go(state.DESIGN_PAGE if there else state.DATA_PAGE)


def screen(baseline: Baseline) -> None:
    """Knobs on the left, the answer on the right, everything that came of it below."""
    knobs, stage = st.columns([2, 3], gap="large")
    with knobs:
        whatif_knobs.panel(baseline.spec)
    with stage:
        whatif_stage.panel(baseline)
    tabs = {
        "pins": (_("Pinned"), whatif_pins.section),
        "ledger": (_("Ledger"), whatif_ledger.section),
        "sensitivity": (_("Which knobs matter"), whatif_sensitivity.section),
        "more": (_("What if more"), whatif_more.section),
    }
    for name, place in layout.open_tabs({name: title for name, (title, _draw) in tabs.items()}, key="whatif_tabs"):
        with place:
            tabs[name][1](baseline)


def box(comparison: Comparison) -> None:
    """How much a probe may take; the same for the baseline and every tweak."""
    limits = comparison.budget
    label = say("{steps} steps · {seeds} seeds", steps=limits.steps, seeds=comparison.seeds)
    with st.popover(label, icon=":material/timer:", key="whatif_box", help=_("How much a probe may take.")):
        budget = forms.draw(limits, key="whatif_budget", columns=1)
        seeds = int(
            st.number_input(
                _("Seeds"),
                1,
                MOST_SEEDS,
                comparison.seeds,
                key=f"whatif_seeds~{comparison.seeds}",
                help=_("Each tweak is tried with so many seeds; with one alone nothing can be said of chance."),
            )
        )
        at_once = st.toggle(
            _("Probe at once"),
            not comparison.hold,
            key=f"whatif_at_once~{comparison.hold}",
            help=_("Off: a turned knob only shows what is expected of it; the probe waits for a press."),
        )
        if st.button(_("As usual"), key="whatif_box_usual", disabled=budget == ProbeBudget()):
            budget = ProbeBudget()
    if budget != limits or seeds != comparison.seeds or at_once == comparison.hold:
        whatif_state.put(replace(comparison, budget=budget, seeds=seeds, hold=not at_once))
        st.rerun()


if __name__ == "__main__":
    main()
