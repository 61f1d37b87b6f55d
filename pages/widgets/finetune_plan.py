"""Before starting: how much learns, what it takes of memory and time, what will be saved."""

from __future__ import annotations

import streamlit as st

from engine import api
from engine.figures.finetuning import memory_bar, share_bar
from engine.specs import RunSpec
from engine.specs.records import ModelDescription
from pages.widgets import costs, description, finetune_state, layout, live, numbers
from pages.widgets.charts import chart
from pages.widgets.text import _, say

FLOAT_BYTES = 4


def follow(spec: RunSpec) -> None:
    """Ask the engine and draw; where it is still at work, ask again until the answer is there."""

    def draw_plan() -> bool:
        with layout.errors_shown("finetune_plan_error"):
            answer = description.ask(spec)
            if answer is None:
                ready = api.engine_state().state == "ready"
                text = _("Building the model…") if ready else description.warming_up()
                st.caption(f":material/hourglass_top: {text}")
                return True
            draw(spec, answer)
        return False

    live.follow_until_done(draw_plan, key="finetune_plan")


def draw(spec: RunSpec, answer: ModelDescription) -> None:
    """Shares, memory, time, bytes; a table of what learns where."""
    share = finetune_state.share_text(answer.trainable_parameters, answer.parameters)
    chart(
        lambda: share_bar(answer.trainable_parameters, answer.parameters, translate=_),
        key="finetune_share",
        of=[answer.trainable_parameters, answer.parameters],
        alt=say("{share} of the weights learn", share=share),
    )
    learning, all_of = numbers.count(answer.trainable_parameters), numbers.count(answer.parameters)
    text = _("{n} of {m} weights learn").format(n=f"**{learning}**", m=all_of)
    st.markdown(f"{text} ({share})")
    description.fit_badge(answer)
    parts = (answer.weight_bytes, answer.gradient_bytes, answer.optimizer_bytes, answer.activation_bytes)
    chart(
        lambda: memory_bar(*parts, translate=_),
        key="finetune_memory",
        of=list(parts),
        alt=_("Memory of a training step, by what it is for"),
    )
    added, whole = saved_bytes(spec, answer)
    figures: list[tuple[str, str] | tuple[str, str, str]] = [
        (_("Time an epoch"), numbers.duration(answer.seconds_per_epoch), _("Estimated for this machine."))
    ]
    if added:
        figures.append((_("Saved by itself"), numbers.size(added), _("What was added and the head, without the body.")))
    figures.append((_("Saved as a whole"), numbers.size(whole), _("The tuned model, body and all.")))
    layout.metric_row(figures, width_px=120)
    layout.warnings_of(answer.warnings, answer.notices)
    costs.follow(spec, key="finetune_costs")
    with st.expander(_("What learns where"), icon=":material/layers:", key="finetune_where"):
        by_block(answer)


def saved_bytes(spec: RunSpec, answer: ModelDescription) -> tuple[int, int]:
    """Of what was added by itself (0 where nothing is), and of the whole model."""
    added = FLOAT_BYTES * answer.trainable_parameters if spec.model.method.learns_little else 0
    kept = answer.parameters - (answer.trainable_parameters if spec.model.method.merges else 0)
    return added, FLOAT_BYTES * kept


def by_block(answer: ModelDescription) -> None:
    """Weights of each block, and how many of them learn."""
    groups: dict[str, list[int]] = {}
    for layer in answer.layers:
        if layer.parameters:
            name = layer.group.split("_")[0] or layer.name
            found = groups.setdefault(name, [0, 0])
            found[0], found[1] = found[0] + layer.parameters, found[1] + layer.trainable
    number = st.column_config.NumberColumn
    st.dataframe(
        {
            "block": list(groups),
            "learns": [found[1] for found in groups.values()],
            "all": [found[0] for found in groups.values()],
            "share": [found[1] / found[0] for found in groups.values()],
        },
        hide_index=True,
        key="finetune_blocks",
        height=min(480, 38 + 35 * len(groups)),
        column_config={
            "block": st.column_config.TextColumn(_("Block")),
            "learns": number(_("Weights that learn"), format="localized"),
            "all": number(_("All weights"), format="localized"),
            "share": st.column_config.ProgressColumn(_("Share"), min_value=0.0, max_value=1.0, format="percent"),
        },
    )
