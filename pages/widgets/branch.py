"""Branching: turn a knob in the middle of a run, and see the run and its branch over each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from engine import api
from engine.errors import EngineError
from engine.figures.branching import branch_curves, gap_after_fork, trunk
from engine.specs import Modality, RunSpec, RunStatus
from engine.specs.base import Document
from engine.specs.records import RunRecord
from engine.specs.training import CLASSIFICATION_LOSSES, REGRESSION_LOSSES
from engine.text import N_
from pages.widgets import curves, forms, layout, numbers, state
from pages.widgets.charts import chart, live_chart
from pages.widgets.text import _, plain, say
from pages.widgets.tokens import forget, submit_token
from pages.widgets.whatif_words import parts_in_words

MORE_EPOCHS = 5  # of a branch from a run that has trained all its epochs
WAIT_S = 20.0  # for the running run's checkpoint
MOST_ANCESTORS = 20
SUBMIT_KEY = "branch_submit"
VIEWS = {"near": N_("Around the fork"), "whole": N_("The whole course"), "alone": N_("This run alone")}


@dataclass(frozen=True)
class Part:
    """A part of the document that can be turned in a branch: what it is called, where it stands, which fields."""

    title: str
    of: str  # "training" or "model"
    fields: tuple[str, ...]
    applies: Callable[[RunSpec], bool] = lambda spec: True


def _is_classification(spec: RunSpec) -> bool:
    return spec.data.task.is_classification


PARTS = (
    Part(N_("Optimizer"), "training", ("optimizer",)),
    Part(N_("Schedule"), "training", ("schedule",)),
    Part(N_("Batch size"), "training", ("batch_size",)),
    Part(N_("Dropout"), "model", ("dropout",), lambda spec: "dropout" in type(spec.model).model_fields),
    Part(N_("Frozen layers"), "training", ("frozen_layers",)),
    Part(N_("Loss"), "training", ("loss",)),
    Part(N_("Class weights"), "training", ("class_weights", "class_weight_strength"), _is_classification),
    Part(N_("Augmentation"), "training", ("augmentation",), lambda spec: spec.data.task.modality is Modality.IMAGE),
    Part(N_("Epochs"), "training", ("epochs",)),
)


# ---- the control ----------------------------------------------------------------------------------------------------
def control(run: RunRecord, *, key: str = "branch") -> None:
    """The button that opens the panel; nothing is drawn for a run that has nothing to go on from yet."""
    if not run.step or run.status is RunStatus.SCHEDULED:
        return
    box = st.popover(_("Branch"), icon=":material/alt_route:", key=f"{key}_open", on_change="rerun")
    if box.open:
        with box, st.container(width=460):
            _panel(run.id, key)


@st.fragment
def _panel(run_id: str, key: str) -> None:
    run = api.run(run_id)
    at_work = run.status is RunStatus.RUNNING
    st.caption(
        _("Goes on from where this run is now, with what you change here. This run goes on beside it, untouched.")
        if at_work
        else _("Goes on from where this run ended, with what you change here. This run stays as it is.")
    )
    base = _with_epochs_left(run)
    edited = _edit(run, base, key)
    words = [words for _path, words in parts_in_words(run.spec, _changes(run.spec, edited))]
    if words:
        st.markdown(" · ".join(plain(part) for part in words))
    with st.container(horizontal=True, vertical_alignment="center"):
        pressed = st.button(
            _("Branch off here"), type="primary", icon=":material/alt_route:", key=f"{key}_start", disabled=not words
        )
        if not words:
            st.caption(_("Change something first."))
    if pressed:
        with layout.errors_shown(f"{key}_error"), st.spinner(_("Waiting for a checkpoint…")):
            token = f"{run.id}-{submit_token(SUBMIT_KEY, edited)}"
            entered = api.branch(run.id, _changes(run.spec, edited), token=token, timeout_s=WAIT_S)
            forget(SUBMIT_KEY)
            state.put(state.RUN, entered)
            st.rerun(scope="app")


def _edit(run: RunRecord, base: RunSpec, key: str) -> RunSpec:
    """The parts a person picks, as forms; the document as edited."""
    parts = {part.title: part for part in PARTS if part.applies(base)}
    first = next(iter(parts))
    default = [first, "Epochs"] if base != run.spec else [first]
    picked = st.pills(
        _("What to change"), list(parts), selection_mode="multi", default=default, format_func=_, key=f"{key}_parts"
    )
    losses = CLASSIFICATION_LOSSES if base.data.task.is_classification else REGRESSION_LOSSES
    values: dict[str, Document] = {"training": base.training, "model": base.model}
    for title in picked or ():
        part = parts[title]
        # Each part is edited by itself, so that a turn in one leaves the fields of the others as they stand.
        held = f"{key}/{run.id}/{part.fields[0]}"
        document = st.session_state.get(held, getattr(base, part.of))
        drawn = forms.draw(
            document, key=f"{key}_{run.id}_{part.fields[0]}", only=part.fields, without=("kind",),
            options={"loss": losses},
        )  # fmt: skip
        st.session_state[held] = drawn
        changed = {name: getattr(drawn, name) for name in part.fields}
        values[part.of] = values[part.of].model_copy(update=changed)
    return base.model_copy(update=values)


def _changes(before: RunSpec, after: RunSpec) -> dict[str, Any]:
    """The two parts of the document that the panel edits, where they differ."""
    found = {
        name: getattr(after, name) for name in ("training", "model") if getattr(after, name) != getattr(before, name)
    }
    return {name: document.model_dump(mode="json") for name, document in found.items()}


def _with_epochs_left(run: RunRecord) -> RunSpec:
    """The document, with more epochs where all of it are trained: a branch without any would have nothing to do."""
    done = run.epoch if run.spec.branch_step or not run.spec.parent_run else run.spec.training.epochs
    if run.status is not RunStatus.FINISHED or done < run.spec.training.epochs:
        return run.spec
    return run.spec.edit({"training.epochs": done + MORE_EPOCHS})


# ---- lineage --------------------------------------------------------------------------------------------------------
def lineage(run: RunRecord, *, key: str) -> None:
    """Where a run comes from and what went on from it, each a click away."""
    parent = _found(run.spec.parent_run)
    children = api.branches(run.id)
    if parent is None and not children:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"{key}_lineage"):
        if parent is not None:
            said = (
                say("Branched off at step {step} from", step=numbers.count(run.spec.branch_step))
                if run.spec.branch_step
                else _("Continues")
            )
            st.caption(f":material/alt_route: {said}", width="content")
            _link(parent, f"{key}_parent")
        if children:
            st.caption(f":material/subdirectory_arrow_right: {_('Went on as')}", width="content")
        for child in children[:6]:
            _link(child, f"{key}_child_{child.id}")
        if len(children) > 6:
            st.caption(_("and {n} more").format(n=len(children) - 6), width="content")


def _link(run: RunRecord, key: str) -> None:
    if st.button(layout.run_title(run), key=key, type="tertiary", help=_(run.status.label)):
        state.go(state.TRAIN_PAGE, run=run.id)


def _found(run_id: str) -> RunRecord | None:
    if not run_id:
        return None
    try:
        return api.run(run_id)
    except EngineError:  # it was deleted for good: the branch stands by itself
        return None


# ---- the branch beside its run --------------------------------------------------------------------------------------
def draw_curves(run: RunRecord, *, key: str) -> None:
    """The curves of a branch over those of the run it left; for any other run its own."""
    parent = _found(run.spec.parent_run) if run.spec.branch_step else None
    if parent is None:
        curves.draw(run, key=key)
        return
    _said(run, parent)
    view = st.segmented_control(
        _("Curves"),
        list(VIEWS),
        default="near",
        required=True,
        format_func=lambda name: _(VIEWS[name]) if name in VIEWS else str(name),
        key=f"{key}_view",
        label_visibility="collapsed",
    )
    if view == "alone":
        curves.draw(run, key=key)
    else:
        _overlay(run, parent, key, near=view != "whole")


def is_at_rest(run: RunRecord) -> bool:
    """Whether nothing that is drawn of a run moves any more: a branch is drawn beside its parent, which may go on."""
    parent = _found(run.spec.parent_run) if run.spec.branch_step else None
    return run.status.is_over and (parent is None or parent.status.is_over)


def _said(run: RunRecord, parent: RunRecord) -> None:
    """In words: what is different, and whether the branch waits."""
    parts = [plain(words) for _path, words in parts_in_words(parent.spec, _changes(parent.spec, run.spec))]
    title = layout.run_title(parent)
    step = numbers.count(run.spec.branch_step)
    if parts:
        sentence = _("Branched off from **{parent}** at step {step}: {changes}.")
    else:
        sentence = _("Branched off from **{parent}** at step {step} with nothing changed.")
    st.markdown(sentence.format(parent=title, step=step, changes=", ".join(parts)))
    if run.status is RunStatus.SCHEDULED and parent.status is RunStatus.RUNNING:
        st.info(
            _("It waits for a free worker; **{parent}** trains on meanwhile.").format(parent=title),
            icon=":material/schedule:",
        )


def _overlay(run: RunRecord, parent: RunRecord, key: str, *, near: bool) -> None:
    ours = api.history(run.id)
    before = trunk(_ancestors(parent))
    names = curves.shown_metrics({**before, **ours})
    if not names:
        st.caption(_("The first point appears with the first step."))
        return
    titles = {name: layout.metric_title_raw(name) for name in names}
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        chosen = st.segmented_control(
            _("Metric"),
            names,
            default=names[0],
            required=True,
            key=f"{key}_both_metric",
            format_func=lambda name: titles.get(name, name),
            label_visibility="collapsed",
        )
        smoothing = st.slider(
            _("Smoothing"), 0.0, 0.99, 0.0, 0.01, key=f"{key}_both_smoothing", width=260, help=_("A moving average.")
        )
    name = chosen if chosen in names else names[0]
    figure = branch_curves(
        _of(before, name),
        _of(ours, name),
        name,
        run.spec.branch_step,
        names=(parent.name or parent.id[:8], _("the branch")),
        near=near,
        smoothing=smoothing,
        title=titles[name],
        translate=_,
    )
    both_over = run.status.is_over and parent.status.is_over
    alt = say("{metric} of the run and of its branch", metric=titles[name])
    (chart if both_over else live_chart)(figure, key=f"{key}_both_{name}_{near}", alt=alt)
    _gap(before.get(f"val/{name}", ()), ours.get(f"val/{name}", ()), run, titles[name])


def _of(history: Any, name: str) -> dict[str, Sequence[Any]]:
    return {key: points for key, points in history.items() if key.split("/", 1)[-1] == name}


def _gap(parent: Sequence[Any], branch: Sequence[Any], run: RunRecord, title: str) -> None:
    """The difference in words, and that one pair of runs proves little."""
    found = gap_after_fork(parent, branch, run.spec.branch_step)
    if found is None:
        st.caption(_("The first validation of both after the fork is still to come."))
        return
    there, here = found
    sentence = _("{metric} on validation at step {step}: {branch} in the branch, {parent} in the run it left ({gap}).")
    text = sentence.format(
        metric=plain(title),
        step=numbers.count(here.step),
        branch=f"**{numbers.figure(here.value)}**",
        parent=f"**{numbers.figure(there.value)}**",
        gap=f"{here.value - there.value:+.3g}",
    )
    st.markdown(text)
    st.caption(_("One pair of runs: a small difference may be chance. What if compares over several seeds."))


def _ancestors(parent: RunRecord) -> list[tuple[dict[str, Any], int]]:
    """The histories that lead to the fork, the oldest first, each with the step at which the next one left it."""
    chain: list[tuple[dict[str, Any], int]] = []
    current: RunRecord | None = parent
    leaves_at = 0
    while current is not None and len(chain) < MOST_ANCESTORS:
        chain.append((api.history(current.id), leaves_at))
        leaves_at = current.spec.branch_step
        current = _found(current.spec.parent_run) if current.spec.branch_step else None
    return chain[::-1]
