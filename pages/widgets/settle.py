"""Keeps reruns short: what was loaded to stay is not searched for garbage after every one of them."""

import gc
import sys

import streamlit as st

AGAIN_S = 900.0  # what became garbage among the settled objects is given back this often


def settle() -> None:
    """Take all that is loaded now out of the garbage collector's sight, once for each state of the loaded modules.

    Streamlit collects garbage in full after every run of a script. That walks over every object of pandas, Plotly and
    SQLAlchemy and holds up everybody's pages for longer than drawing them takes; it cannot find anything there.
    """
    _settle(len(sys.modules))


@st.cache_resource(ttl=AGAIN_S, max_entries=1, show_spinner=False)
def _settle(modules: int) -> None:
    gc.unfreeze()
    gc.collect()
    gc.freeze()
