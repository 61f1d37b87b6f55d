"""What a design costs and how it is built, asked of the engine while one edits."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from engine import api
from engine.errors import EngineError, ErrorKind
from engine.figures.layer_kinds import kind_title
from engine.figures.layers import layer_diagram
from engine.specs import RunSpec
from engine.specs.records import ModelDescription
from pages.widgets import layout, numbers
from pages.widgets.charts import chart
from pages.widgets.text import _, say

ASK_S = 0.5  # a warm engine answers within it; where not, the page goes on and asks again
AGAIN_S = 1.0


def ask(spec: RunSpec) -> ModelDescription | None:
    """The engine's answer, or None while it is still at work."""
    try:
        return api.describe(spec, timeout_s=ASK_S)
    except EngineError as error:
        if error.kind is ErrorKind.UNAVAILABLE:
            return None
        raise


def follow(spec: RunSpec, *, key: str, full: bool = True) -> None:
    """Draw the description; where the engine is still at work, ask again until the answer is there."""
    with layout.errors_shown(f"{key}_error"):
        answer = ask(spec)
        if answer is not None:
            draw(answer, key=key, full=full)
            return

        @st.fragment(run_every=AGAIN_S)
        def waiting() -> None:
            with layout.errors_shown(f"{key}_error"):
                if ask(spec) is not None:
                    st.rerun()
                ready = api.engine_state().state == "ready"
                st.caption(f":material/hourglass_top: {_('Building the model…') if ready else warming_up()}")
                st.progress(0.0)

        waiting()


def warming_up() -> str:
    """What is said while the engine starts."""
    return _("The engine is warming up; this takes about half a minute.")


def fit_badge(answer: ModelDescription) -> None:
    """Whether the run fits into memory, in words and colour."""
    need, there = numbers.size(answer.memory_bytes), numbers.size(answer.available_bytes)
    if answer.fits:
        st.markdown(
            f":green[:material/check_circle: {say('Fits: needs about {need} of {there}', need=need, there=there)}]"
        )
    else:
        text = say("Does not fit: needs about {need}, there are {there}", need=need, there=there)
        st.markdown(f":red[:material/warning: {text}]")
        st.caption(_("Lower the batch size or the size of the model, or make the images smaller."))


def draw(answer: ModelDescription, *, key: str, full: bool) -> None:
    """Figures, warnings, diagram and layer table."""
    fit_badge(answer)
    layout.metric_row(
        (
            (
                _("Parameters"),
                numbers.short(answer.parameters),
                say("{n} trainable", n=f"{answer.trainable_parameters:,}"),
            ),
            (_("FLOPs"), numbers.short(answer.flops), _("For one example: multiply-adds × 2, forward pass.")),
            (_("Time an epoch"), numbers.duration(answer.seconds_per_epoch), _("Estimated for this machine.")),
        )
    )
    layout.warnings_of(answer.warnings, answer.notices)
    if not full:
        return
    for name, place in layout.open_tabs({"diagram": _("Diagram"), "layers": _("Layers")}, key=f"{key}_tabs"):
        with place:
            if name == "diagram":
                chart(
                    lambda: layer_diagram(answer, translate=_),
                    key=f"{key}_diagram",
                    of=answer.model_dump_json(include={"layers"}),
                    alt=_("The layers of the model, from input to output"),
                )
            else:
                layer_table(answer, key=f"{key}_table")


def layer_table(answer: ModelDescription, *, key: str) -> None:
    """Every layer with its shape and its cost."""
    frame = pd.DataFrame(
        {
            _("Layer"): [layer.name for layer in answer.layers],
            _("Kind"): [kind_title(layer.kind, _) for layer in answer.layers],
            _("Output"): [layer.output_shape for layer in answer.layers],
            _("Parameters"): [layer.parameters for layer in answer.layers],
            _("FLOPs"): [layer.flops for layer in answer.layers],
        }
    )
    number = st.column_config.NumberColumn
    st.dataframe(
        frame,
        hide_index=True,
        key=key,
        height=min(600, 38 + 35 * len(frame)),
        column_config={name: number(name, format="localized") for name in (_("Parameters"), _("FLOPs"))},
    )
