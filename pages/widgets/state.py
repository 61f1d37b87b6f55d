"""What a person is looking at: data set, run, draft and language, all in the address of the page.

A reload, a bookmark or a second tab therefore shows the same. The session holds a copy only because the browser drops
the address' query when another page is chosen in the navigation; `follow_address` puts it back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import streamlit as st

from engine import api
from engine.errors import EngineError, ErrorKind
from engine.specs import RunSpec
from engine.specs.records import DatasetRecord, RunRecord

T = TypeVar("T")

LANGUAGE, DATASET, RUN, DRAFT, SEARCH = "language", "dataset", "run", "draft", "search"
CARRIED = (LANGUAGE, DATASET, RUN, DRAFT, SEARCH)  # what goes along from page to page
LATE_S = 15.0  # so long an address that this session wrote may still come back, from a slow browser or machine
HOME_PAGE, DATA_PAGE, DESIGN_PAGE = "pages/home.py", "pages/data.py", "pages/design.py"
TRAIN_PAGE, EVALUATE_PAGE, RUNS_PAGE = "pages/train.py", "pages/evaluate.py", "pages/runs.py"
TUNING_PAGE, WHATIF_PAGE, FINETUNE_PAGE = "pages/tuning.py", "pages/whatif.py", "pages/finetune.py"


def follow_address() -> None:
    """Take what the address says; where it says nothing, put back what was being looked at."""
    for key in CARRIED:
        if key in st.query_params and not _is_late(key, st.query_params[key]):
            st.session_state[key] = st.query_params[key]
        elif st.session_state.get(key):
            st.query_params[key] = st.session_state[key]


def get(key: str) -> str:
    """One of the address' values; empty where it is not there."""
    given = str(st.query_params.get(key) or "")
    if given and _is_late(key, given):
        given = ""
    return given or str(st.session_state.get(key) or "")


def _is_late(key: str, given: str) -> bool:
    """Whether an address is one that this session has just moved on from, sent by a browser that does not know yet.

    Who types into one field and at once into the next would otherwise lose the first edit.
    """
    held = st.session_state.get(key)
    at = st.session_state.get(f"{key}/left", {}).get(given)
    return bool(held) and held != given and at is not None and time.monotonic() - at < LATE_S


def put(key: str, value: str) -> None:
    """Set one of the address' values; an empty one takes it away."""
    before, now = st.session_state.get(key), time.monotonic()
    if before and before != value:
        left = {old: at for old, at in st.session_state.get(f"{key}/left", {}).items() if now - at < LATE_S}
        st.session_state[f"{key}/left"] = {**left, before: now}
    if value:
        st.session_state[key] = value
        if st.query_params.get(key) != value:
            st.query_params[key] = value
    else:
        st.session_state.pop(key, None)
        st.query_params.pop(key, None)


def go(page: str, **values: str) -> None:
    """Open another page, with some of the address' values set: `go(DESIGN_PAGE, draft=draft_id)`."""
    for key, value in values.items():
        put(key, value)
    carried = {key: get(key) for key in CARRIED if get(key)}
    st.switch_page(page, query_params=carried)


def current_dataset() -> DatasetRecord | None:
    """The data set in the address; None where there is none or it was deleted."""
    return _found(DATASET, api.dataset)


def current_run() -> RunRecord | None:
    """The run in the address; None where there is none or it was deleted."""
    return _found(RUN, api.run)


def current_draft() -> RunSpec | None:
    """The document being edited; None where there is none."""
    return _found(DRAFT, api.draft)


def put_draft(spec: RunSpec) -> None:
    """Keep an edited document and point the address at it."""
    put(DRAFT, api.save_draft(spec))


def begin_draft(spec: RunSpec) -> None:
    """Begin to edit a document: the address points at it and at its data set."""
    put(DATASET, spec.data.dataset)
    put_draft(spec)


def tune_from(baseline: RunSpec, variants: Sequence[Mapping[str, Any]]) -> None:
    """Open Tuning with a document and variants of it (changes by dotted path) that the search tries first."""
    from pages.widgets.tuning_fields import started_with  # which only this needs

    begin_draft(started_with(baseline, variants))
    go(TUNING_PAGE, search="")


def _found(key: str, read: Callable[[str], T]) -> T | None:
    value = get(key)
    if not value:
        return None
    try:
        return read(value)
    except EngineError as error:
        if error.kind is not ErrorKind.NOT_FOUND:
            raise
        put(key, "")
        return None
