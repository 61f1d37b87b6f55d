"""What a run will take before it starts, and beside it what it took: time, memory, energy, each with its interval."""

from __future__ import annotations

import streamlit as st

from engine import api
from engine.errors import EngineError, ErrorKind
from engine.specs import RunSpec
from engine.specs.prediction import Band, CostReport, Estimate
from pages.widgets import layout, live, numbers
from pages.widgets.text import _, plain, say

ASK_S = 0.3  # a warm engine answers within it; where not, the page goes on and asks again


def ask(spec: RunSpec) -> Estimate | None:
    """The engine's answer, or None while it is still at work."""
    try:
        return api.estimate(spec.model_copy(update={"name": "", "search": None}), timeout_s=ASK_S)
    except EngineError as error:
        if error.kind is ErrorKind.UNAVAILABLE:
            return None
        raise


def follow(spec: RunSpec, *, key: str) -> None:
    """Draw the estimate; where the engine is still at work, ask again until it is there."""

    def draw() -> bool:
        with layout.errors_shown(f"{key}_error"):
            found = ask(spec)
            if found is None:
                st.caption(f":material/hourglass_top: {_('Estimating time, memory and energy…')}")
                return True
            draw_estimate(found)
        return False

    live.follow_until_done(draw, key=key)


def draw_estimate(found: Estimate) -> None:
    """Three figures with their intervals, what they stand on, and a warning where it does not fit."""
    layout.metric_row(
        [
            (_("Time"), numbers.duration(found.seconds.value if found.seconds else None), _range(found.seconds, "s")),
            (_("Memory"), _size(found.memory_bytes), _range(found.memory_bytes, "B")),
            (_("Energy"), energy(found.energy_wh.value if found.energy_wh else None), _range(found.energy_wh, "Wh")),
        ]
    )
    parts = [_(found.source.label), *(_(source.label) for source in found.energy_sources)]
    st.caption(say("Estimated {sources}.", sources="; ".join(parts)))
    if found.notice:
        st.caption(say(found.notice["message"], **found.notice.get("values", {})))
    if not found.fits:
        there = numbers.size(found.available_bytes)
        st.warning(say("This may not fit into memory: there are {there}.", there=there), icon=":material/memory_alt:")


def draw_report(report: CostReport) -> None:
    """What it took, beside what was estimated before the start; nothing where nothing was measured."""
    words = [
        say("{what} {took} (estimated {told})", what=what, took=took, told=told)
        if told
        else f"{plain(what)} {plain(took)}"
        for what, took, told in compared(report)
    ]
    if words:
        st.caption(f":material/receipt_long: {_('Took')}: " + " · ".join(words))


def compared(report: CostReport) -> list[tuple[str, str, str]]:
    """Time, memory and energy: (name, what it took, what was estimated); empty where nothing was measured."""
    told, took = report.estimated, report.measured
    if took is None:
        return []
    bands = (told.seconds, told.memory_bytes, told.energy_wh) if told is not None else (None, None, None)
    figures = (numbers.duration(took.seconds), numbers.size(took.memory_bytes), energy(took.energy_wh))
    return [
        (name, figure, _value(band, unit) if band is not None else "")
        for name, figure, band, unit in zip(
            (_("Time"), _("Memory"), _("Energy")), figures, bands, ("s", "B", "Wh"), strict=True
        )
    ]


def energy(watt_hours: float | None) -> str:
    """`0.034` → `34 mWh`, `1.2` → `1.2 Wh`."""
    if watt_hours is None:
        return "–"
    for factor, unit in ((1e3, "kWh"), (1.0, "Wh"), (1e-3, "mWh")):
        if watt_hours >= factor:
            return f"{numbers.figure(watt_hours / factor, 2)} {unit}"
    return f"{watt_hours * 1e3:.2g} mWh"


def _value(band: Band, unit: str, value: float | None = None) -> str:
    number = band.value if value is None else value
    return numbers.duration(number) if unit == "s" else numbers.size(number) if unit == "B" else energy(number)


def _size(band: Band | None) -> str:
    return numbers.size(band.value) if band else "–"


def _range(band: Band | None, unit: str) -> str:
    if band is None:
        return ""
    return say("90 %: {low} to {high}", low=_value(band, unit, band.low), high=_value(band, unit, band.high))
