"""Methods side by side: choose some, start them all on the same data and seeds, and see what each gives and costs."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from engine import api
from engine.errors import EngineError, ErrorKind
from engine.figures.methods import MethodPoint, method_scatter
from engine.specs import RunSpec
from engine.specs.finetuning import MethodSpec
from engine.specs.finetuning_records import MethodComparison, MethodRuns
from engine.text import N_
from pages.widgets import finetune_result, finetune_state, layout, live, numbers, state
from pages.widgets.charts import chart
from pages.widgets.text import _, error_text, ngettext, plain, say
from pages.widgets.tokens import forget, submit_token

FIRST_CHOICE = ("head", "lora", "full")
SEEDS, MOST_SEEDS, SEEDS_WIDTH_PX = 3, 10, 220
NEW = ""
ASK_S = 0.1  # a method; the engine answers in the background


def draw() -> None:
    """The comparison in the address, else a new one where there is a document, else the newest."""
    known = {one.id: one for one in api.method_comparisons()}
    spec = finetune_state.draft()
    asked = str(st.query_params.get(finetune_state.METHODS, ""))
    if not known and spec is None:
        nothing_yet()
        return
    chosen = asked if asked in known else (NEW if spec is not None else next(iter(known)))
    choices = ([NEW] if spec is not None else []) + list(known)
    if len(choices) > 1 or chosen != NEW:
        picked = st.selectbox(
            _("Comparison"),
            choices,
            index=choices.index(chosen),
            format_func=lambda one: line_of(known[one]) if one else _("A new one, of the design in hand"),
            key=f"finetune_comparison~{chosen}",
        )
        if picked != chosen:
            go_to(str(picked))
    if chosen:
        follow(chosen)
    elif spec is not None:
        start(spec)


def go_to(comparison: str) -> None:
    """Show another comparison, or the form of a new one."""
    if comparison:
        st.query_params[finetune_state.METHODS] = comparison
    else:
        st.query_params.pop(finetune_state.METHODS, None)
    st.rerun()


def nothing_yet() -> None:
    """Neither a comparison nor a document to make one of."""
    if layout.empty_state(
        ":material/leaderboard:",
        _("Nothing to compare yet"),
        _("Choose a source and data first; then several methods can be run on them with one click."),
        action=_("Choose a source"),
        key="finetune_no_methods",
    ):
        st.query_params[finetune_state.VIEW] = finetune_state.NEW
        st.rerun()


def line_of(one: MethodComparison) -> str:
    """A comparison in the list."""
    names = ", ".join(_(method.label) for method in one.methods)
    return f"{one.dataset_name}  ·  {names}  ·  {numbers.ago(one.created_at)}"


# ---- a new one ------------------------------------------------------------------------------------------------------
def start(spec: RunSpec) -> None:
    """Which methods, how many seeds, and the button that starts all of them."""
    with st.container(border=True, key="finetune_methods_box"):
        layout.section(_("Choose methods"), _("All run on the same source, data, split and seeds."))
        kinds = [kind for kind in MethodSpec.alternatives if kind]
        first = [kind for kind in FIRST_CHOICE if kind in kinds]
        picked = st.pills(
            _("Methods"),
            kinds,
            selection_mode="multi",
            default=first,
            format_func=finetune_result.method_title,
            key="finetune_methods",
        )
        unfit = preview(spec, list(picked))
        fitting = [kind for kind in picked if kind not in unfit]
        seeds = int(
            st.number_input(
                _("Seeds a method"),
                1,
                MOST_SEEDS,
                SEEDS,
                key="finetune_seeds",
                width=SEEDS_WIDTH_PX,
                help=_("Runs that differ in nothing but chance show how much of a difference is chance."),
            )
        )
        runs = seeds * len(fitting)
        st.caption(
            say(
                "{epochs} epochs each, batches of {batch}; each method with the learning rate that suits it.",
                epochs=spec.training.epochs,
                batch=spec.training.batch_size,
            )
        )
        label = ngettext("Start {n} run", "Start {n} runs", runs)
        if st.button(label, type="primary", icon=":material/play_arrow:", key="finetune_compare", disabled=not runs):
            token = submit_token("finetune_compare_submit", spec)
            found = api.compare_methods(spec, fitting, seeds=seeds, token=token)
            forget("finetune_compare_submit")
            go_to(found)


def preview(spec: RunSpec, kinds: list[str]) -> dict[str, str]:
    """What each method trains and takes, asked of the engine; returns those that do not fit this body, and why."""
    key = f"finetune_unfit_{spec.digest()}"
    unfit: dict[str, str] = st.session_state.setdefault(key, {})

    def draw_rows() -> bool:
        waiting = False
        rows = []
        for kind in kinds:
            row = {"method": finetune_result.method_title(kind), "summary": _(MethodSpec.alternatives[kind].summary)}
            try:
                answer = api.describe(api.method_document(spec, kind), timeout_s=ASK_S)
                unfit.pop(kind, None)
                row["learns"] = numbers.count(answer.trainable_parameters)
                row["memory"] = numbers.size(answer.memory_bytes)
            except EngineError as error:
                if error.kind is ErrorKind.UNAVAILABLE:
                    waiting = True
                    row["learns"] = row["memory"] = "…"
                else:
                    unfit[kind] = " ".join(error_text(error))
            rows.append(row)
        text = st.column_config.TextColumn
        columns = {"learns": text(_("Weights that learn"), width="small"), "memory": text(_("Memory"), width="small")}
        st.dataframe(
            pd.DataFrame(rows, columns=["method", "learns", "memory", "summary"]),
            hide_index=True,
            key="finetune_methods_preview",
            height=38 + 35 * max(1, len(rows)),
            column_config={"method": text(_("Method"), width="medium"), "summary": text(_("What it does")), **columns},
        )
        return waiting

    with st.container(key="following_finetune_preview"):
        live.follow_until_done(draw_rows, key="finetune_preview")
    for kind in kinds:
        if kind in unfit:
            title = finetune_result.method_title(kind)
            st.warning(f"**{title}**: {unfit[kind]}", icon=":material/info:")
    return {kind: unfit[kind] for kind in kinds if kind in unfit}


# ---- one that was started -------------------------------------------------------------------------------------------
def follow(comparison_id: str) -> None:
    """Table and figure, filling in while runs finish."""
    first = api.method_comparison(comparison_id)

    def draw_now() -> bool:
        now = first if first.over else api.method_comparison(comparison_id)
        show(now)
        return not now.over

    live.follow(draw_now, active=not first.over, key="finetune_methods", every_s=2.0)


def show(found: MethodComparison) -> None:
    """What each method gives and what it costs."""
    done = sum(len(one.scores) for one in found.methods)
    everything = sum(len(one.runs) for one in found.methods)
    if not found.over:
        st.progress(done / max(1, everything), text=say("{done} of {all} runs finished", done=done, all=everything))
    failed = sum(one.failed for one in found.methods)
    if failed:
        st.warning(ngettext("{n} run failed or was stopped.", "{n} runs failed or were stopped.", failed))
    share = found.metric.endswith("accuracy")
    factor, unit = (100.0, " %") if share else (1.0, "")
    title = layout.metric_title_raw(found.metric)
    points = [point_of(one, factor) for one in found.methods]
    chart(
        lambda: method_scatter(points, title, unit=unit, translate=_),
        key="finetune_method_scatter",
        of=[found.model_dump(mode="json")],
        alt=_("Methods by their score, the weights they train, memory and time"),
    )
    st.caption(_("Size: memory of a training step. Colour: time. Bar: standard deviation over the seeds."))
    table(found, factor, unit, title)
    best_of(found, share)


def point_of(one: MethodRuns, factor: float) -> MethodPoint:
    """A method on the figure."""
    return MethodPoint(
        _(one.label),
        [factor * score for score in one.scores],
        one.trainable_parameters,
        one.step_bytes or one.memory_bytes or None,
        one.seconds or None,
    )


def table(found: MethodComparison, factor: float, unit: str, title: str) -> None:
    """The same in figures; a marked row can be opened."""
    rows = []
    for one in found.methods:
        point = point_of(one, factor)
        rows.append(
            {
                "method": _(one.label),
                "score": f"{point.mean:.4g}{unit}" if one.scores else "",
                "spread": f"± {point.spread:.2g}" if len(one.scores) > 1 else "",
                "runs": f"{len(one.scores)} / {len(one.runs)}",
                "trainable": numbers.count(one.trainable_parameters) if one.trainable_parameters else "",
                "share": finetune_state.share_text(one.trainable_parameters, one.parameters) if one.parameters else "",
                "memory": numbers.size(one.step_bytes) if one.step_bytes else "",
                "process": numbers.size(one.memory_bytes) if one.memory_bytes else "",
                "time": numbers.duration(one.seconds) if one.seconds else "",
            }
        )
    text = st.column_config.TextColumn
    event = st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        key="finetune_methods_table",
        on_select="rerun",
        selection_mode="single-row",
        height=38 + 35 * len(rows),
        column_config={
            "method": text(_("Method")),
            "score": text(title),
            "spread": text(_("Over seeds")),
            "runs": text(_("Runs")),
            "trainable": text(_("Weights that learn")),
            "share": text(_("Share")),
            "memory": text(_("Memory of a step"), help=_("Weights, gradients, optimizer and activations, worked out.")),
            "process": text(
                _("Of the process"),
                help=_(
                    "The largest of the process that trained, as measured. Workers stay warm: it holds earlier runs."
                ),
            ),
            "time": text(_("Time a run")),
        },
    )
    marked = event["selection"]["rows"] if event else []
    if marked and marked[0] < len(found.methods):
        runs_of(found.methods[marked[0]])


def runs_of(one: MethodRuns) -> None:
    """The runs of a method, each with a button that opens it."""
    with st.container(horizontal=True, vertical_alignment="center", key="finetune_method_runs"):
        st.markdown(f"**{_(one.label)}**", width="content")
        for run, seed in zip(one.runs, one.seeds, strict=True):
            if st.button(say("Seed {n}", n=seed), key=f"finetune_open_{run}", icon=":material/monitoring:"):
                state.go(state.TRAIN_PAGE, run=run)


BEST = N_("Best on average: **{name}**, {score}.")
CHEAPEST = N_("**{name}** is within the spread of the seeds and trains {times} times fewer weights.")


def best_of(found: MethodComparison, share: bool) -> None:
    """One sentence: the best, and whether a much smaller one is as good."""
    known = [(point_of(one, 100.0 if share else 1.0), one) for one in found.methods if one.scores]
    if len(known) < 2 or not found.over:
        return
    sign = 1 if share else -1
    best, of_best = max(known, key=lambda pair: sign * pair[0].mean)
    score = f"{best.mean:.1f} %" if share else numbers.figure(best.mean)
    sentences = [say(BEST, name=best.name, score=score)]
    near = [
        (point, one)
        for point, one in known
        if one is not of_best
        and 0 < one.trainable_parameters < of_best.trainable_parameters
        and abs(best.mean - point.mean) <= max(best.spread, point.spread)
    ]
    if near:
        point, one = min(near, key=lambda pair: pair[1].trainable_parameters)
        times = numbers.short(round(of_best.trainable_parameters / one.trainable_parameters))
        sentences.append(say(CHEAPEST, name=point.name, times=times))
    st.info(" ".join(sentences), icon=":material/leaderboard:")
    st.caption(plain(_("Seeds are few: differences within their spread may be chance.")))
