"""The document itself: to read, to keep, to bring back."""

from __future__ import annotations

import streamlit as st

from engine.errors import EngineError
from engine.specs import RunSpec
from pages.widgets import layout, state
from pages.widgets.text import _


def document_tab(spec: RunSpec) -> RunSpec:
    """Show the document as JSON with a download, and take one from a file in its place."""
    st.caption(_("Everything that decides this run. The command line takes the same document: python -m engine run."))
    st.download_button(
        _("Download"), spec.to_json(), file_name="run.json", mime="application/json", icon=":material/download:",
        key="document_download",
    )  # fmt: skip
    st.code(spec.to_json(), language="json", height=420)
    given = st.file_uploader(_("Open a document"), type=["json"], key="document_upload")
    if given is None or st.session_state.get("document_taken") == given.file_id:
        return spec
    st.session_state["document_taken"] = given.file_id
    try:
        opened = RunSpec.parse(given.getvalue())
    except EngineError as error:
        layout.error_state(error, key="document_error")
        return spec
    state.begin_draft(opened)
    st.rerun()
