"""What the Fine-tune screen looks at: a source, a view, a comparison, all in the address beside draft and run."""

from __future__ import annotations

import streamlit as st

from engine.specs import RunSpec
from engine.specs.models import PretrainedSpec
from engine.specs.records import RunRecord
from pages.widgets import numbers, state

VIEW, SOURCE, METHODS = "view", "source", "methods"  # keys of the address
NEW, RESULT, SIDE_BY_SIDE = "new", "result", "methods"
VIEWS = (NEW, RESULT, SIDE_BY_SIDE)
RUN_SOURCE = "run:"


def view() -> str:
    """The part of the screen that is looked at."""
    asked = str(st.query_params.get(VIEW, NEW))
    return asked if asked in VIEWS else NEW


def is_tuned(spec: RunSpec) -> bool:
    """Whether a document fine-tunes a pretrained model."""
    return isinstance(spec.model, PretrainedSpec)


def draft() -> RunSpec | None:
    """The document in hand, where it fine-tunes something."""
    spec = state.current_draft()
    return spec if spec is not None and is_tuned(spec) else None


def source() -> str:
    """The address of the source: that of the document in hand, else the one in the page's address."""
    asked = str(st.query_params.get(SOURCE, ""))
    spec = draft()
    return asked or (spec.model.source if spec is not None else "")


def choose_source(address: str) -> None:
    """Take another source; the document in hand was made for the one before."""
    if draft() is not None:
        state.put(state.DRAFT, "")
    st.query_params[SOURCE] = address
    st.rerun()


def open_source(address: str) -> None:
    """From another page: begin to fine-tune a source."""
    state.put(state.DRAFT, "")
    _open({VIEW: NEW, SOURCE: address})


def open_result(run: RunRecord) -> None:
    """From another page: what fine-tuning did for a run."""
    state.put(state.RUN, run.id)
    _open({VIEW: RESULT})


def open_draft(spec: RunSpec) -> None:
    """A copy of a document where it can be changed: here where it fine-tunes something, else on Design."""
    state.begin_draft(spec)
    if is_tuned(spec):
        _open({VIEW: NEW})
    else:
        state.go(state.DESIGN_PAGE)


def share_text(part: int, whole: int) -> str:
    """How much of the weights: `0.33 %`; a very small share keeps two digits that say something."""
    share = part / max(1, whole)
    return numbers.percent(share, 4 if 0 < share < 1e-4 else 2)


def _open(values: dict[str, str]) -> None:
    carried = {key: state.get(key) for key in state.CARRIED if state.get(key)}
    st.switch_page(state.FINETUNE_PAGE, query_params=carried | values)
