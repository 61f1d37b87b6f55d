"""The views of Data: what is asked of the data, examples, cleaning, split, what the model sees."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from engine import api
from engine.figures.data import split_bars
from engine.specs import Modality, RunSpec, Task
from engine.specs.records import DatasetRecord, SplitReport
from engine.specs.split import SplitSpec
from pages.widgets import forms, importing, layout, numbers, steps
from pages.widgets.charts import chart
from pages.widgets.text import _, ngettext, plain, say, say_raw, shorten

GRID = 24  # pictures or texts a page
ROWS = 200  # rows of a table a page
PREVIEW_ROWS = 8
TASKS_OF = {
    Modality.IMAGE: (Task.IMAGE_CLASSIFICATION,),
    Modality.TEXT: (Task.TEXT_CLASSIFICATION, Task.TABLE_CLASSIFICATION, Task.TABLE_REGRESSION),
    Modality.TABLE: (Task.TABLE_CLASSIFICATION, Task.TABLE_REGRESSION, Task.TEXT_CLASSIFICATION),
}


def dataset_line(record: DatasetRecord, *, key: str) -> None:
    """A data set in a list, with a button that opens it."""
    with st.container(
        border=True,
        horizontal=True,
        vertical_alignment="center",
        horizontal_alignment="distribute",
        key=f"{key}_line",
    ):
        rows = ngettext("{n} row", "{n} rows", record.rows)
        facts = [_(record.task.label), rows, numbers.size(record.bytes), numbers.ago(record.created_at)]
        st.markdown(
            f"{layout.task_icon(record.task)} **{plain(shorten(title_of(record), 80))}**"
            f"  \n:small[{' · '.join(facts)}]",
            width="stretch",
        )
        if st.button(_("Open"), key=f"{key}_open", icon=":material/arrow_forward:"):
            importing.open_dataset(record.id)


def title_of(record: DatasetRecord) -> str:
    """The name of a data set; that of a sample in the person's language."""
    is_sample = record.name == record.source
    return _(record.name) if is_sample else record.name


def columns_of(record: DatasetRecord) -> list[str]:
    """The names of the columns, as imported."""
    return [column.name for column in record.columns if not column.name.startswith("__")]


def column_options(record: DatasetRecord) -> dict[str, list[str]]:
    """What may be chosen in fields that hold the names of columns."""
    names = columns_of(record)
    fields = ("column", "columns", "group_column", "time_column", "inputs")
    return dict.fromkeys(fields, names)


# ---- task and target ------------------------------------------------------------------------------------------------
def question(record: DatasetRecord, spec: RunSpec) -> RunSpec:
    """What is to be learned: task and target as inferred, changeable; a change begins a new document."""
    tasks = TASKS_OF[record.modality]
    names = columns_of(record)
    with st.container(border=True, key="data_question"):
        first, second, third = st.columns([2, 2, 3], vertical_alignment="bottom")
        task = first.selectbox(
            _("Task"),
            tasks,
            index=tasks.index(spec.data.task) if spec.data.task in tasks else 0,
            format_func=lambda item: _(item.label),
            key=f"data_task~{spec.data.task}",
            help=_("Found out from the data. Changing it chooses new settings."),
        )
        target = second.selectbox(
            _("Target"),
            names,
            index=names.index(spec.data.target) if spec.data.target in names else 0,
            key=f"data_target~{spec.data.task}~{spec.data.target}",
            help=_("The column that is to be predicted."),
            disabled=record.modality is Modality.IMAGE,
        )
        with third:
            if record.modality is Modality.IMAGE:
                edited = spec.data
            else:
                edited = forms.draw(
                    spec.data, key="data_inputs", only=("inputs",), options=column_options(record), columns=1
                )
    if task != spec.data.task or (target and target != spec.data.target):
        return api.default_spec(record.id, task=task, target=target)
    return spec.model_copy(update={"data": edited})


# ---- examples -------------------------------------------------------------------------------------------------------
def examples(record: DatasetRecord, spec: RunSpec) -> None:
    """The data themselves, page by page."""
    size = ROWS if record.modality is Modality.TABLE else GRID
    pages = max(1, -(-record.rows // size))
    page = st.pagination(pages, key=f"data_examples_{record.id}") if pages > 1 else 1
    start = (page - 1) * size
    frame = api.rows(record.id, offset=start, limit=size)
    if record.modality is Modality.IMAGE:
        picture_grid(record, list(frame.index), [str(value) for value in frame.get("label", [""] * len(frame))])
    elif record.modality is Modality.TEXT and spec.data.task is Task.TEXT_CLASSIFICATION:
        text_cards(frame, spec)
    else:
        st.dataframe(frame, height=560, key="data_rows")
        st.caption(
            say(
                "Rows {first} to {last} of {all}, as they were imported.",
                first=numbers.count(start + 1),
                last=numbers.count(start + len(frame)),
                all=numbers.count(record.rows),
            )
        )


def picture_grid(record: DatasetRecord, rows: list[int], captions: list[str], *, size_px: int = 112) -> None:
    """Pictures with their classes."""
    pictures = api.images(record.id, rows, size_px=size_px)
    with st.grid(columns="auto", min_column_width=size_px, gap="small"):
        for row, picture, caption in zip(rows, pictures, captions, strict=False):
            with st.container(gap="xxsmall"):
                st.image(picture, width=size_px, alt=say_raw("Row {row}", row=row))
                st.caption(plain(shorten(caption, 24)))


def text_cards(frame: pd.DataFrame, spec: RunSpec) -> None:
    """Texts as people read them, each with its class."""
    target = spec.data.target
    names = [name for name in (spec.data.inputs or frame.columns) if name != target and not name.startswith("__")]
    for position, (row, values) in enumerate(frame.iterrows()):
        with st.container(border=True, gap="xxsmall", key=f"data_text_{position}"):
            st.caption(f"{say('Row {row}', row=row)} · **{plain(shorten(values.get(target, ''), 40))}**")
            for name in names:
                st.text(shorten(values[name], 600), width="stretch")


# ---- cleaning -------------------------------------------------------------------------------------------------------
def cleaning(record: DatasetRecord, spec: RunSpec) -> RunSpec:
    """The steps, and the first rows before and after them."""
    left, right = st.columns([2, 3], gap="large")
    with left:
        layout.section(
            _("Steps"),
            _("Steps run in this order, on every row that is shown to a model. They learn from the train part only."),
        )
        edited = steps.edit(spec.data.cleaning, key="data_cleaning", options=column_options(record))
    after = (
        spec
        if edited == spec.data.cleaning
        else spec.model_copy(update={"data": spec.data.model_copy(update={"cleaning": edited})})
    )
    with right:
        layout.section(_("Before"))
        st.dataframe(api.rows(record.id, limit=PREVIEW_ROWS), key="data_before")
        layout.section(_("After"))
        with layout.errors_shown("data_after_error"):
            st.dataframe(api.cleaned_rows(after, limit=PREVIEW_ROWS), key="data_after")
    return after


# ---- split ----------------------------------------------------------------------------------------------------------
def split(record: DatasetRecord, spec: RunSpec) -> RunSpec:
    """How rows are divided, what that gives, and whether the parts resemble each other and leak nothing."""
    kinds = [kind for kind in SplitSpec.alternatives if kind != "given" or record.parts]
    left, right = st.columns([2, 3], gap="large")
    with left:
        layout.section(_("Division"))
        data = forms.draw(
            spec.data,
            key="data_split",
            only=("split", "train_fraction"),
            columns=2,
            options=column_options(record) | {"split": kinds},
        )
    after = spec if data == spec.data else spec.model_copy(update={"data": data})
    with right:
        layout.section(_("What it gives"))
        with layout.errors_shown("data_split_error"), st.spinner(_("Dividing…")):
            draw_split(split_report(after.data.model_dump_json(), after))
    return after


@st.cache_data(max_entries=64, show_spinner=False)
def split_report(data: str, _spec: RunSpec) -> SplitReport:
    """The report of a split; `data` is what it depends on."""
    return api.split_report(_spec)


def draw_split(report: SplitReport) -> None:
    """Counts, balance and checks."""
    total = max(1, sum(report.counts.values()))
    layout.metric_row(
        [
            (_(layout.PART_TITLES[part]), numbers.count(rows), numbers.percent(rows / total))
            for part, rows in report.counts.items()
        ]
    )
    if report.balance:
        chart(
            split_bars(
                {name: {str(part): rows for part, rows in counts.items()} for name, counts in report.balance.items()},
                translate=_,
            ),
            key="data_split_bars",
            alt=_("The classes in each part"),
        )
    for check in report.checks:
        icon = ":green[:material/check_circle:]" if check.ok else ":orange[:material/warning:]"
        st.markdown(f"{icon} {say(check.message, **check.values)}")


# ---- what the model sees --------------------------------------------------------------------------------------------
def model_sees(record: DatasetRecord, spec: RunSpec) -> RunSpec:
    """Preprocessing and augmentation, beside the first batch that comes out of them."""
    from pages.widgets import batch_view

    left, right = st.columns([2, 3], gap="large")
    with left:
        layout.section(_("Preprocessing"))
        data = forms.draw(
            spec.data,
            key="data_preprocessing",
            only=("preprocessing",),
            columns=2,
            options={"preprocessing": [spec.data.task.modality.value]},
        )
        after = spec if data == spec.data else spec.model_copy(update={"data": data})
        if record.modality is Modality.IMAGE:
            layout.section(_("Augmentation"), _("Random changes of train images, new in every epoch."))
            changed = forms.draw(after.training.augmentation, key="data_augmentation", columns=2)
            if changed != after.training.augmentation:
                training = after.training.model_copy(update={"augmentation": changed})
                after = after.model_copy(update={"training": training})
    with right:
        layout.section(_("First batch"), _("The first examples of the train part, as the model gets them."))
        batch_view.draw(after)
    return after
