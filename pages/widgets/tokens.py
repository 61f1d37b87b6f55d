"""What a submit needs besides the document: a token that makes one run of one press, and a name."""

from __future__ import annotations

import uuid

import streamlit as st

from engine.specs import RunSpec
from pages.widgets.text import _


def submit_token(key: str, spec: RunSpec) -> str:
    """A token for this visit and this document: a double click sends the same one twice, and makes one run.

    It changes with the document and when `forget` was called, so that the same design can be run again on purpose.
    """
    held = st.session_state.get(key)
    if held is None or held[0] != spec.digest():
        held = (spec.digest(), uuid.uuid4().hex)
        st.session_state[key] = held
    return str(held[1])


def forget(*keys: str) -> None:
    """Let the next press make a run of its own."""
    for key in keys:
        st.session_state.pop(key, None)


def suggested_name(spec: RunSpec) -> str:
    """What a run is called where a person gave it no name: the data set and the family."""
    return f"{spec.data.name} · {_(type(spec.model).label)}"[:200]


def given_name(spec: RunSpec) -> str:
    """The name that a person gave; a document made for a data set is only called after it."""
    return "" if spec.name == spec.data.name else spec.name


def named(spec: RunSpec, name: str = "") -> RunSpec:
    """The document of one run, with the name given now, else the one it has, else the suggested one."""
    given = (name.strip() or given_name(spec) or suggested_name(spec))[:200]
    return spec.model_copy(update={"name": given, "search": None})
