"""Before and after, what was forgotten, and what moved: what fine-tuning did for a run."""

from __future__ import annotations

import streamlit as st

from engine import api
from engine.errors import EngineError, ErrorKind
from engine.figures.finetuning import before_after_bars, block_changes
from engine.specs import RunStatus
from engine.specs.finetuning import MethodSpec
from engine.specs.finetuning_records import BeforeAfter, FineTuningRecord, Forgetting
from engine.specs.records import Interval, RunRecord
from engine.text import N_
from pages.widgets import finetune_drift, finetune_state, layout, live, numbers, state
from pages.widgets.charts import chart
from pages.widgets.text import _, ngettext, plain, say

LISTED = 100
PARTS = {"test": N_("test part"), "validation": N_("validation part")}


def draw() -> None:
    """The fine-tuned run in the address, or the newest."""
    chooser, buttons = st.columns([1, 1], gap="large", vertical_alignment="bottom")
    with chooser:
        run = choose_run()
    if run is not None:
        with buttons:
            actions(run)
    if run is None:
        if layout.empty_state(
            ":material/compare_arrows:",
            _("Nothing was fine-tuned yet"),
            _("Choose a source and data, and start. What was gained stands here as soon as the run has finished."),
            action=_("Choose a source"),
            key="finetune_no_result",
        ):
            st.query_params[finetune_state.VIEW] = finetune_state.NEW
            st.rerun()
        return
    if not run.status.is_over:
        waiting(run)
        return
    try:
        record = api.fine_tuning(run.id)
    except EngineError as error:
        if error.kind is not ErrorKind.NOT_FOUND:
            raise
        layout.error_from_run(run)
        st.info(_("This run ended before it could be compared with what was before."), icon=":material/info:")
        finetune_drift.draw(run, key="finetune_ended")
        return
    result(run, record)


def choose_run() -> RunRecord | None:
    """The runs that were fine-tuned, the one in the address chosen."""
    listed = {run.id: run for run in api.runs(search="pretrained", limit=LISTED) if finetune_state.is_tuned(run.spec)}
    current = state.current_run()
    if current is not None and finetune_state.is_tuned(current.spec):
        listed.setdefault(current.id, current)
    if not listed:
        return None
    ids = list(listed)
    chosen = current.id if current is not None and current.id in listed else ids[0]
    picked = st.selectbox(
        _("Fine-tuned run"),
        ids,
        index=ids.index(chosen),
        format_func=lambda run_id: run_line(listed[run_id]),
        key=f"finetune_run~{chosen}",
    )
    if picked != chosen:
        state.put(state.RUN, str(picked))
        st.rerun()
    return listed[chosen]


def run_line(run: RunRecord) -> str:
    """A run in the list."""
    method = method_title(run.spec.model.method.kind)
    return f"{run.name or run.id[:8]}  ·  {method}  ·  {_(run.status.label)}  ·  {numbers.ago(run.created_at)}"


def method_title(kind: str) -> str:
    """A method's name."""
    cls = MethodSpec.alternatives.get(kind)
    return _(cls.label) if cls is not None else kind


def waiting(run: RunRecord) -> None:
    """A run at work: its progress and how far its body has moved."""

    def follow() -> bool:
        now = api.run(run.id)
        layout.progress_of(now)
        st.caption(_("Before and after are worked out when it has finished."))
        finetune_drift.draw(now, key="finetune_live")
        return not now.status.is_over

    live.follow(follow, active=True, key="finetune_run")
    layout.open_page(
        state.TRAIN_PAGE, _("Watch it on Train"), icon=":material/monitoring:", key="finetune_watch", run=run.id
    )


def result(run: RunRecord, record: FineTuningRecord) -> None:
    """All there is of a finished run."""
    source = record.source_title or record.source
    learned = say(
        "{n} of {m} weights learned ({share})",
        n=numbers.count(record.trainable_parameters),
        m=numbers.count(record.parameters),
        share=finetune_state.share_text(record.trainable_parameters, record.parameters),
    )
    saved = say("{size} to take along", size=numbers.size(record.saved_bytes)) if record.saved_bytes else ""
    parts = [f"**{plain(source)}**", method_title(record.method), learned, saved]
    st.markdown(" · ".join(part for part in parts if part))
    notices = [{"message": one["message"], "values": one.get("values", {})} for one in record.notices]
    layout.warnings_of([one["message"] for one in notices], notices)
    left, right = st.columns(2, gap="large")
    with left:
        if record.before_after is not None:
            before_after(record.before_after)
        finetune_drift.draw(run, key="finetune_result")
    with right:
        forgotten(record)
        changes(record)


def actions(run: RunRecord) -> None:
    """The ways on."""
    with st.container(horizontal=True, horizontal_alignment="right"):
        if run.status is RunStatus.FINISHED:
            if st.button(_("Evaluate"), icon=":material/fact_check:", key="finetune_evaluate"):
                state.go(state.EVALUATE_PAGE, run=run.id)
            further(run, key="finetune_further")
        if st.button(_("Change and run again"), icon=":material/edit:", key="finetune_again"):
            finetune_state.open_draft(run.spec.model_copy(update={"parent_run": "", "branch_step": 0}))


def further(run: RunRecord, *, key: str) -> None:
    """The button that takes a finished run as a source."""
    if st.button(_("Fine-tune from this"), icon=":material/layers:", key=key, help=_("Take its body to other data.")):
        finetune_state.open_source(f"{finetune_state.RUN_SOURCE}{run.id}")


def ways_on(run: RunRecord, *, key: str) -> None:
    """From another page: what fine-tuning did for a run, and to take it as a source; nothing where neither can be."""
    if run.status is not RunStatus.FINISHED:
        return
    if finetune_state.is_tuned(run.spec) and st.button(
        _("Before and after"), icon=":material/compare_arrows:", key=f"{key}_before_after"
    ):
        finetune_state.open_result(run)
    further(run, key=f"{key}_finetune")


def before_after(found: BeforeAfter) -> None:
    """The metric before and after on the same rows, and whether the difference is more than chance."""
    layout.section(
        _("Before and after"),
        _("Before: a linear model on the body's features, before anything had moved. After: the tuned model."),
    )
    sentence = verdict(found)
    if found.verdict == "better":
        st.success(sentence, icon=":material/trending_up:")
    elif found.verdict == "worse":
        st.warning(sentence, icon=":material/trending_down:")
    else:
        st.info(sentence, icon=":material/balance:")
    bars(found.metric, found.before, found.after, key="finetune_before_after")
    st.caption(" ".join(rows_text(found)))


def verdict(found: BeforeAfter) -> str:
    """One sentence with the difference and its interval, safe in markdown."""
    share = found.metric == "accuracy"
    unit = _("points") if share else _("in RMSE")
    values = {"by": amount(found.difference.value, share), "unit": unit}
    values |= {"low": amount(found.difference.low, share), "high": amount(found.difference.high, share)}
    template = {
        "better": N_("**Better than before**: {by} {unit} (95 % interval {low} to {high})."),
        "worse": N_("**Worse than before**: {by} {unit} (95 % interval {low} to {high}). The body alone was enough."),
        "level": N_("**As before**: {by} {unit} (95 % interval {low} to {high}), which chance alone can bring."),
    }[found.verdict]
    return say(template, **values)


def amount(value: float, share: bool) -> str:
    """A difference with its sign; of shares in points."""
    return f"{100 * value:+.1f}" if share else f"{value:+.4g}"


def rows_text(found: BeforeAfter) -> list[str]:
    """Which rows, how many of them decide, and what the probe was fitted on."""
    part = _(PARTS.get(found.part, found.part))
    texts = [
        say(
            "Both on the same {n} of {m} rows of the {part}.", n=f"{found.rows:,}", m=f"{found.rows_there:,}", part=part
        )
    ]
    if found.p_value is not None:
        texts.append(
            say(
                "Rows right only after: {after}, only before: {before} (McNemar's exact test: p {p}).",
                after=found.only_after,
                before=found.only_before,
                p=p_text(found.p_value),
            )
        )
    texts.append(
        say(
            "The linear model learned from {n} of {m} train rows.",
            n=f"{found.fitted_rows:,}",
            m=f"{found.train_rows:,}",
        )
    )
    return texts


def p_text(value: float) -> str:
    """`< 0.001`, else two digits."""
    return "< 0.001" if value < 0.001 else f"= {value:.2g}"


def bars(metric: str, before: Interval, after: Interval, *, key: str) -> None:
    """The figure, in percent for shares."""
    share = metric == "accuracy"
    chart(
        lambda: before_after_bars(
            before,
            after,
            layout.metric_title_raw(metric),
            factor=100.0 if share else 1.0,
            unit=" %" if share else "",
            translate=_,
        ),
        key=key,
        of=[metric, before.model_dump(), after.model_dump()],
        alt=_("The metric before and after, with 95 % intervals"),
    )


def forgotten(record: FineTuningRecord) -> None:
    """The source's own task before and after, where its data are here."""
    layout.section(
        _("Forgetting"),
        _("The source's own task with its own head: on the body as it was, and on the tuned one."),
    )
    found = record.forgetting
    if found is None:
        st.info(
            _("The data that the source learned from are not here. What moved stands below."), icon=":material/info:"
        )
        return
    st.markdown(forgetting_text(found))
    bars(found.metric, found.before, found.after, key="finetune_forgetting")
    part = _(PARTS.get(found.part, found.part))
    rows = say("On {n} of {m} rows of the {part} of the source.", n=found.rows, m=found.rows_there, part=part)
    st.caption(rows)


def forgetting_text(found: Forgetting) -> str:
    """How much of the source's task is left, in one sentence."""
    share = found.metric == "accuracy"
    worse = found.difference.value < 0 if share else found.difference.value > 0
    clear = found.difference.low > 0 or found.difference.high < 0
    values = {
        "name": found.source_name or found.source_run[:8],
        "by": amount(found.difference.value, share),
        "unit": _("points") if share else _("in RMSE"),
        "low": amount(found.difference.low, share),
        "high": amount(found.difference.high, share),
    }
    if not clear:
        return say("{name} has forgotten nothing to speak of: {by} {unit} ({low} to {high}).", **values)
    if worse:
        return say("**{name} has forgotten**: {by} {unit} on its own task (95 % interval {low} to {high}).", **values)
    return say("**{name} has even gained**: {by} {unit} on its own task (95 % interval {low} to {high}).", **values)


def changes(record: FineTuningRecord) -> None:
    """Drift and CKA by block."""
    if not record.blocks:
        return
    st.markdown(
        f"**{_('What changed, block by block')}**",
        help=_("Linear CKA (Kornblith et al. 2019) compares what a block makes of the same rows before and after."),
    )
    chart(
        lambda: block_changes(record.blocks, translate=_),
        key="finetune_changes",
        of=[block.model_dump() for block in record.blocks],
        alt=_("Similarity and drift by block"),
    )
    st.caption(ngettext("Outputs on {n} row.", "Outputs on {n} rows.", record.compared_rows))
