"""What if there were more: data, epochs, a wider or a deeper model. Curves drawn further, with their interval."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import streamlit as st

from engine import api
from engine.errors import EngineError, ErrorKind
from engine.figures.whatif import extrapolation
from engine.specs import RunSpec
from engine.specs.prediction import CoursePoint, ScaleOver, Scaling
from engine.specs.records import Interval
from pages.widgets import layout, live, numbers, whatif_state
from pages.widgets.charts import live_chart
from pages.widgets.text import _, plain, say, say_raw
from pages.widgets.whatif_answers import session
from pages.widgets.whatif_baseline import Baseline
from pages.widgets.whatif_words import edited, in_words, metric_words, scale_of

EVERY_S = 0.7
ASK_S = 0.2


def section(baseline: Baseline) -> None:
    """The tab: what there shall be more of, and the curve."""
    comparison = whatif_state.current()
    with layout.errors_shown("more_error"):
        spec = edited(baseline.spec, dict(comparison.changes))
        st.caption(_("A few smaller trainings are measured and their curve is drawn further, with its 90 % interval."))
        titles: dict[str, str] = {
            "data": _("More data"),
            "epochs": _("Longer training"),
            "width": _("Wider model"),
            "depth": _("Deeper model"),
        }
        chosen = st.segmented_control(
            _("More of what"),
            [over for over in titles if over in get_args(ScaleOver)],
            default=comparison.more or None,
            format_func=titles.__getitem__,
            key=f"more_over~{comparison.more}",
            label_visibility="collapsed",
        )
        if (chosen or "") != comparison.more:
            whatif_state.put(replace(comparison, more=chosen or ""))
            st.rerun()
        if not chosen:
            return
        if comparison.changes:
            st.caption(say("With the tweak in hand: {words}", words=in_words(baseline.spec, dict(comparison.changes))))
        over: ScaleOver = chosen  # type: ignore[assignment]
        _follow(spec, over)


def _follow(spec: RunSpec, over: ScaleOver) -> None:
    def draw() -> bool:
        with layout.errors_shown("more_follow_error"):
            found = ask(spec, over)
            if found is None:
                st.caption(f":material/hourglass_top: {_('Drawing the curve further…')}")
                return True
            _draw(found)
            return bool(found.waiting)
        return False

    live.follow_until_done(draw, key="more_curve", every_s=EVERY_S)


def ask(spec: RunSpec, over: ScaleOver) -> Scaling | None:
    """What is known so far; None while the curve is being fitted."""
    try:
        return api.scaling(spec, over, session=f"{session()}/more", timeout_s=ASK_S)
    except EngineError as error:
        if error.kind is ErrorKind.UNAVAILABLE:
            return None
        raise


def _draw(found: Scaling) -> None:
    if found.notice and not found.waiting:
        st.info(say(found.notice["message"], **found.notice.get("values", {})), icon=":material/info:")
    if found.waiting:
        n = sum(max(1, len(point.values)) for point in found.measured)
        st.progress(n / max(1, n + found.waiting), text=say("{n} of {total} probes", n=n, total=n + found.waiting))
    for line in sentences(found):
        st.markdown(line)
    factor, unit = scale_of(found.metric)
    figure = extrapolation(
        [(point.factor, point.value) for point in found.measured],
        [(point.x, point.value, point.low, point.high) for point in found.course],
        axis_title(found.over),
        layout.metric_title_raw(found.metric),
        asked=[(point.x, Interval(value=point.value, low=point.low, high=point.high)) for point in found.asked],
        factor=factor,
        unit=unit,
        log_x=True,
        translate=_,
    )
    live_chart(figure, key="more_chart", alt=_("What was measured, and the curve drawn further"))
    if found.budget is not None and found.measured:
        st.caption(say("Measured by probes of {n} steps at size 1, not by full runs.", n=found.budget.steps))


def axis_title(over: ScaleOver) -> str:
    """What the horizontal axis counts."""
    return {
        "data": _("Times the data"),
        "epochs": _("Times the training"),
        "width": _("Times the width"),
        "depth": _("Times the depth"),
    }[over]


def sentences(found: Scaling) -> list[str]:
    """`2 × the data: validation accuracy 93.1 % (90 %: 92.0 to 94.0)`, a line for each size that was asked for."""
    return [f"**{_size(found.over, point)}**: {_foretold(found, point)}" for point in found.asked if point.x > 1]


def _size(over: ScaleOver, point: CoursePoint) -> str:
    n = f"{point.x:g}"
    return {
        "data": say("{n} × the data", n=n),
        "epochs": say("{n} × as long", n=n),
        "width": say("{n} × as wide", n=n),
        "depth": say("{n} × as deep", n=n),
    }[over]


def _foretold(found: Scaling, point: CoursePoint) -> str:
    factor, unit = scale_of(found.metric)
    value, low, high = (numbers.figure(number * factor, 3) for number in (point.value, point.low, point.high))
    text = say_raw(
        "{metric} about {value} (90 %: {low} to {high})",
        metric=metric_words(found.metric),
        value=f"{value} {unit}".strip(),
        low=low,
        high=high,
    )
    return plain(text)
