"""Data: what the source is fitted to; of the kind that it has learned to read."""

from __future__ import annotations

import streamlit as st

from engine import api
from engine.errors import EngineError
from engine.specs import Modality, RunSpec
from engine.specs.records import DatasetRecord
from engine.specs.source_records import SourceRecord
from pages.widgets import data_views, finetune_state, layout, numbers, state
from pages.widgets.text import _, ngettext

NO_DATA = ":material/table_chart:"


def choose(source: SourceRecord) -> RunSpec | None:
    """The document for the source and the chosen data; None where there is none yet."""
    fitting = {one.id: one for one in api.datasets() if one.modality is source.modality}
    if not fitting:
        if layout.empty_state(
            NO_DATA,
            _("No data of this kind yet"),
            _("This source reads another kind of data than what is in the workspace. Bring some, or take a sample."),
            action=_("Go to Data"),
            key="finetune_no_data",
        ):
            state.go(state.DATA_PAGE)
        return None
    spec = finetune_state.draft()
    current = state.get(state.DATASET)
    if spec is not None and spec.data.dataset in fitting:
        current = spec.data.dataset
    with st.container(border=True, key="finetune_data_box"):
        picked = st.selectbox(
            _("Data set"),
            list(fitting),
            index=list(fitting).index(current) if current in fitting else None,
            format_func=lambda dataset_id: line_of(fitting[dataset_id]),
            placeholder=_("Choose a data set"),
            key=f"finetune_dataset~{current}",
        )
        if picked is None:
            return None
        if spec is None or spec.data.dataset != picked or spec.model.source != source.address:
            with layout.errors_shown("finetune_data_error"), st.spinner(_("Choosing settings for these data…")):
                state.begin_draft(api.tuned_spec(source.address, str(picked)))
                st.rerun()
            return None
        return question(fitting[str(picked)], spec)


def line_of(record: DatasetRecord) -> str:
    """A data set in the list."""
    rows = ngettext("{n} row", "{n} rows", record.rows)
    return f"{data_views.title_of(record)}  ·  {rows}  ·  {numbers.size(record.bytes)}"


def question(record: DatasetRecord, spec: RunSpec) -> RunSpec:
    """Task and target, changeable; a change begins a new document."""
    tasks = data_views.TASKS_OF[record.modality]
    names = data_views.columns_of(record)
    first, second = st.columns(2, vertical_alignment="bottom")
    task = first.selectbox(
        _("Task"),
        tasks,
        index=tasks.index(spec.data.task) if spec.data.task in tasks else 0,
        format_func=lambda item: _(item.label),
        key=f"finetune_task~{spec.data.task}",
        disabled=len(tasks) == 1,
    )
    target = second.selectbox(
        _("Target"),
        names,
        index=names.index(spec.data.target) if spec.data.target in names else 0,
        key=f"finetune_target~{spec.data.task}~{spec.data.target}",
        help=_("The column that is to be predicted."),
        disabled=record.modality is Modality.IMAGE,
    )
    if task == spec.data.task and (not target or target == spec.data.target):
        return spec
    try:
        return api.tuned_spec(
            spec.model.source, record.id, method=spec.model.method.kind, task=task, target=str(target)
        )
    except EngineError as error:
        layout.error_state(error, key="finetune_question_error")
        return spec
