"""Tokens that make one run of one press, however often the button reached the server."""

from __future__ import annotations

import uuid

import streamlit as st

from engine.specs import RunSpec


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
