"""Runs: find, sort, label, compare, fork and delete them."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from engine import api
from engine.specs import RunStatus
from engine.specs.records import RunRecord
from engine.text import N_
from pages.widgets import compare, layout, live, numbers, run_actions, state
from pages.widgets.text import _, ngettext

PAGE_SIZE = 50  # rows; ten thousand runs are two hundred pages, each as quick as the first
SORTS = {
    "-created_at": N_("Newest first"),
    "created_at": N_("Oldest first"),
    "name": N_("By name"),
    "-seconds": N_("Longest first"),
    "-val/accuracy": N_("Best accuracy"),
    "-val/macro_f1": N_("Best F1 (macro)"),
    "val/rmse": N_("Smallest RMSE"),
}


def main() -> None:
    """Draw the screen: the comparison where the address names runs to compare, else the list."""
    with layout.errors_shown("runs_error"):
        if st.query_params.get(compare.ADDRESS_KEY):
            compare.draw()
        else:
            run_list()


def run_list() -> None:
    """Search, table, pages, and what can be done with the marked runs."""
    layout.page_header(_("Runs"), _("Every run with its document and its curves. Mark rows to compare or change them."))
    run_actions.undo()
    if not count(api.home().as_posix()) and not count(api.home().as_posix(), deleted=True):
        nothing_yet()
        return
    search, status, sort, deleted = filters()
    total = count(api.home().as_posix(), search=search, status=status, deleted=deleted)
    if not total:
        nothing_deleted = deleted and not search and status is None
        said = _("No run was deleted.") if nothing_deleted else _("No run fits this search.")
        st.info(said, icon=":material/search_off:")
        return
    page = 1
    pages = -(-total // PAGE_SIZE)
    slot = st.container()
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.caption(ngettext("{n} run", "{n} runs", total), width="content")
        if pages > 1:
            page = st.pagination(pages, key=f"runs_page_{search}_{status}_{sort}_{deleted}")
    runs = api.runs(
        search=search, status=status, sort=sort, deleted=deleted, offset=(page - 1) * PAGE_SIZE, limit=PAGE_SIZE
    )
    with slot:
        actions = st.container()
        marked = table(runs, key=f"runs_table_{page}_{deleted}")
    with actions:
        run_actions.bar(marked, deleted=deleted)


@st.cache_data(ttl=5, max_entries=200, show_spinner=False)
def count(home: str, *, search: str = "", status: RunStatus | None = None, deleted: bool = False) -> int:
    """How many runs there are, at most five seconds old (`home` keeps workspaces apart)."""
    return api.count_runs(search=search, status=status, deleted=deleted)


def nothing_yet() -> None:
    """Where to begin."""
    if layout.empty_state(
        ":material/model_training:",
        _("No runs yet"),
        _("A run is one training of one model. Open a data set and press Train to make the first."),
        action=_("Choose data"),
        key="runs_empty",
    ):
        state.go(state.DATA_PAGE)


def filters() -> tuple[str, RunStatus | None, str, bool]:
    """What is looked for, in which order, and whether in the bin."""
    first, second, third, fourth = st.columns([3.2, 2, 2, 2], vertical_alignment="bottom")
    search = first.text_input(
        _("Search"),
        key="runs_search",
        placeholder=_("Name, note, tag, data set or model"),
        icon=":material/search:",
        bind="query-params",
    )
    status = second.selectbox(
        _("State"),
        [None, *RunStatus],
        format_func=lambda item: _("All states") if item is None else _(item.label),
        key="runs_status",
    )
    sort = third.selectbox(_("Order"), list(SORTS), format_func=lambda key: _(SORTS[key]), key="runs_sort")
    deleted = fourth.toggle(_("Deleted"), key="runs_deleted", help=_("Shows what was deleted, to restore it."))
    return search or "", status, sort, deleted


def table(runs: list[RunRecord], *, key: str) -> list[RunRecord]:
    """The page of runs as a table; returns the marked ones."""
    frame = pd.DataFrame([row_of(run) for run in runs])
    event = st.dataframe(
        frame,
        key=key,
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        height=min(36 * (len(runs) + 1) + 2, 640),
        column_config={
            "state": st.column_config.TextColumn(_("State"), width=100),
            "name": st.column_config.TextColumn(_("Name"), width=165),
            "metric": st.column_config.TextColumn(_("Measure"), width=145),
            "best": st.column_config.NumberColumn(_("Best"), format="%.4g", width=70),
            "course": st.column_config.LineChartColumn(_("Course"), width=75),
            "data": st.column_config.TextColumn(_("Data set"), width=140),
            "model": st.column_config.TextColumn(_("Model"), width=150),
            "created": st.column_config.DatetimeColumn(_("Created"), format="YYYY-MM-DD HH:mm", width=130),
            "time": st.column_config.TextColumn(_("Time"), width=90),
            "tags": st.column_config.TextColumn(_("Tags"), width="small"),
            "note": st.column_config.TextColumn(_("Note"), width="medium"),
        },
    )
    rows = event["selection"]["rows"] if event else []
    return [runs[row] for row in rows if row < len(runs)]


STATUS_SIGNS = {
    RunStatus.SCHEDULED: "◌",
    RunStatus.RUNNING: "▶",
    RunStatus.FINISHED: "✓",
    RunStatus.FAILED: "✕",
    RunStatus.KILLED: "■",
}


def row_of(run: RunRecord) -> dict[str, object]:
    """One run as a row of the table; cells draw no markdown, so a name shows as it is."""
    measure = live.objective_key(run)
    return {
        "state": f"{STATUS_SIGNS[run.status]} {_(run.status.label)}",
        "name": run.name or run.id[:8],
        "metric": layout.metric_title_raw(measure) if measure else "",
        "best": run.best.get(measure) if measure else None,
        "course": list(run.sparkline) or None,
        "data": layout.data_name(run),
        "model": _(run.spec.model.label) or run.spec.model.kind,
        "created": pd.Timestamp(run.created_at, unit="s", tz="UTC").tz_convert(layout.timezone()).tz_localize(None),
        "time": numbers.duration(run.seconds) if run.seconds else "",
        "tags": ", ".join(f"{key}: {value}" if value else key for key, value in run.tags.items()),
        "note": run.note,
    }


if __name__ == "__main__":
    main()
