"""Ways to bring data in: upload, paste, an open server folder, samples. Each ends on the new data set."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from engine import api
from engine.errors import EngineError
from engine.specs.records import DatasetRecord, SampleRecord
from engine.text import N_
from pages.widgets import layout, numbers, state
from pages.widgets.text import _, plain, say

Progress = Callable[[float, str], None]
FILE_TYPES = ["csv", "tsv", "txt", "data", "parquet", "jsonl", "json", "xlsx", "zip", "tar", "gz", "tgz", "npz", "png",
              "jpg", "jpeg", "webp", "bmp", "gif"]  # fmt: skip
DELIMITERS = {"": N_("Find out"), ",": N_("Comma"), ";": N_("Semicolon"), "\t": N_("Tab"), "|": N_("Bar")}
ENCODINGS = {"": N_("Find out"), "utf-8": "UTF-8", "gb18030": "GBK / GB 18030", "latin-1": "Latin-1"}
HEADERS = {None: N_("Find out"), True: N_("First row holds the names"), False: N_("There are no names")}


def draw(*, with_samples: bool = True) -> None:
    """All ways beside each other, as tabs."""
    folders = api.data_folders()
    names = [_("Upload"), _("Paste")] + ([_("Server folder")] if folders else [])
    tabs = st.tabs([_("Samples"), *names] if with_samples else names)
    if with_samples:
        with tabs[0]:
            samples(primary=True)
        tabs = tabs[1:]
    with tabs[0]:
        upload()
    with tabs[1]:
        paste()
    if folders:
        with tabs[2]:
            pick_from_folder(folders)


def bring(work: Callable[[Progress], DatasetRecord], *, key: str) -> None:
    """Run an import with a progress bar in place, then open the data set; an error is drawn where the bar was."""
    bar = st.progress(0.0, text=_("Starting…"))

    def show(share: float, what: str) -> None:
        bar.progress(min(1.0, max(0.0, share)), text=plain(_(what)) if what else None)

    try:
        record = work(show)
    except EngineError as error:
        bar.empty()
        layout.error_state(error, key=f"{key}_error")
        return
    open_dataset(record.id)


def open_dataset(dataset_id: str) -> None:
    """Show a data set on Data; its draft begins anew."""
    state.go(state.DATA_PAGE, dataset=dataset_id, draft="")


def upload() -> None:
    """Files from the person's own machine."""
    files = st.file_uploader(
        _("Tables, texts or pictures"),
        type=FILE_TYPES,
        accept_multiple_files=True,
        key="data_upload",
        help=_("CSV, TSV, Parquet, JSONL, Excel; pictures as a zip of class folders, as IDX or as NPZ."),
    )
    name, options = reading_options("upload")
    if st.button(_("Bring in"), type="primary", disabled=not files, key="data_upload_go", icon=":material/upload:"):
        streams = [(file.name, file) for file in files or []]
        bring(lambda show: api.import_uploads(streams, name=name, options=options, progress=show), key="upload")


def paste() -> None:
    """A table from the clipboard."""
    text = st.text_area(
        _("Rows, the first with the names of the columns"),
        key="data_paste",
        height=180,
        placeholder="text,label\n…",
    )
    name, options = reading_options("paste")
    if st.button(
        _("Bring in"), type="primary", disabled=not text, key="data_paste_go", icon=":material/content_paste:"
    ):
        bring(lambda show: api.import_text(text or "", name=name, options=options, progress=show), key="paste")


def pick_from_folder(folders: list[Path]) -> None:
    """A file or folder on the server, below the open folders."""
    places = {folder.as_posix(): folder for folder in folders}
    root = st.selectbox(_("Folder"), list(places), key="data_folder")
    inside = st.session_state.get("data_folder_inside", "")
    here = places[root] / inside if inside else places[root]
    with layout.errors_shown("data_folder_error"):
        entries = api.list_folder(here)
        names = {entry["name"] + ("/" if entry["is_folder"] else ""): entry for entry in entries}
        picked = st.selectbox(
            _("File or folder"), list(names), index=None, placeholder=_("Choose"), key=f"data_entry_{here.as_posix()}"
        )
        name, options = reading_options("folder")
        with st.container(horizontal=True):
            if inside and st.button(_("Up"), icon=":material/arrow_upward:", key="data_folder_up"):
                parent = Path(inside).parent.as_posix()
                st.session_state["data_folder_inside"] = "" if parent == "." else parent
                st.rerun()
            chosen = names.get(picked or "")
            if chosen is not None and chosen["is_folder"] and st.button(_("Look inside"), key="data_folder_into"):
                st.session_state["data_folder_inside"] = (Path(inside) / chosen["name"]).as_posix()
                st.rerun()
            go = st.button(_("Bring in"), type="primary", disabled=chosen is None, key="data_folder_go")
        if go and chosen is not None:
            bring(
                lambda show: api.import_folder(Path(chosen["path"]), name=name, options=options, progress=show),
                key="folder",
            )


def reading_options(key: str) -> tuple[str, dict[str, Any]]:
    """A name, and how to read a table where the guess would be wrong."""
    with st.expander(_("Name and reading options")):
        name = st.text_input(_("Name"), key=f"data_{key}_name", max_chars=200, placeholder=_("The file's name"))
        first, second, third = st.columns(3)
        delimiter = first.selectbox(
            _("Delimiter"), list(DELIMITERS), format_func=lambda sign: _(DELIMITERS[sign]), key=f"data_{key}_delimiter"
        )
        header = second.selectbox(
            _("Column names"), list(HEADERS), format_func=lambda item: _(HEADERS[item]), key=f"data_{key}_header"
        )
        encoding = third.selectbox(
            _("Encoding"), list(ENCODINGS), format_func=lambda item: _(ENCODINGS[item]), key=f"data_{key}_encoding"
        )
    options = {"delimiter": delimiter or None, "header": header, "encoding": encoding or None}
    return (name or "").strip(), {key: value for key, value in options.items() if value is not None}


def samples(*, primary: bool) -> None:
    """Small, real data sets: one click brings one in and opens it."""
    with st.grid(columns="auto", min_column_width=230, gap="small"):
        for index, sample in enumerate(api.samples()):
            with st.container(border=True, height="stretch", gap="xsmall", key=f"sample_box_{sample.id}"):
                sample_card(sample, primary=primary and index == 0)


def sample_card(sample: SampleRecord, *, primary: bool) -> None:
    """One sample with its button; the import shows its progress in place."""
    st.markdown(f"{layout.task_icon(sample.task)} **{_(sample.name)}**")
    st.caption(_(sample.summary))
    if sample.needs_network:
        size = say("downloads {size}", size=numbers.size(sample.bytes))
        st.caption(f":material/cloud_download: {size}")
    kind = "primary" if primary else "secondary"
    if st.button(_("Open sample"), key=f"sample_{sample.id}", type=kind, width="stretch"):  # type: ignore[arg-type]
        bring(lambda show: api.import_sample(sample.id, show), key=f"sample_{sample.id}")
