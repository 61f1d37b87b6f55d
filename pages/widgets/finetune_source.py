"""Source: the pretrained models that are ready, and those that could be."""

from __future__ import annotations

import streamlit as st

from engine import api
from engine.errors import EngineError
from engine.specs import Modality
from engine.specs.source_records import SourceRecord
from engine.text import N_
from pages.widgets import finetune_state, layout, numbers, state
from pages.widgets.text import _, error_text, plain, say, shorten

MODALITIES = {Modality.TEXT: N_("Texts"), Modality.IMAGE: N_("Pictures"), Modality.TABLE: N_("Tables")}
ICONS = {
    Modality.TEXT: ":material/notes:",
    Modality.IMAGE: ":material/image:",
    Modality.TABLE: ":material/table_rows:",
}
KINDS = {
    "run": N_("trained here"),
    "folder": N_("a folder"),
    "package": N_("comes with a package"),
    "preset": N_("published, KerasHub"),
}
ORDER = ("package", "run", "folder", "preset")
CARD_WIDTH_PX, SHOWN = 280, 9
OFFLINE = "make offline-model"


def draw(chosen: str) -> SourceRecord | None:
    """The chosen source, else the choice; None while there is none."""
    if chosen:
        found = chosen_source(chosen)
        if found is not None:
            return found
    everything = api.sources()
    kind = modality_of(everything)
    fitting = sorted(
        (one for one in everything if kind is None or one.modality is kind),
        key=lambda one: ORDER.index(one.address.partition(":")[0]),
    )
    ready = [one for one in fitting if one.ready]
    if ready:
        cards(ready)
    else:
        nothing_ready()
    others([one for one in fitting if not one.ready])
    return None


def chosen_source(address: str) -> SourceRecord | None:
    """The source in hand in one line, with a way to take another; None where it can no longer be used."""
    with st.container(border=True, key="finetune_source_box"):
        try:
            found = api.source(address)
        except EngineError as error:
            layout.error_state(error, key="finetune_source_error")
            found = None
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            if found is not None:
                st.markdown(f"{ICONS[found.modality]} **{title_of(found)}**  \n:small[{facts(found)}]", width="stretch")
            if st.button(_("Another source"), icon=":material/swap_horiz:", key="finetune_source_other"):
                finetune_state.choose_source("")
        if found is None or found.ready:
            return found
        problem(found)
    return None


def modality_of(everything: list[SourceRecord]) -> Modality | None:
    """Which kind of data; that of the data set in hand at first."""
    kinds = [kind for kind in MODALITIES if any(one.modality is kind for one in everything)]
    record = state.current_dataset()
    first = record.modality if record is not None and record.modality in kinds else None
    if len(kinds) < 2:
        return None
    return st.segmented_control(
        _("Learned from"),
        kinds,
        default=first,
        format_func=lambda kind: _(MODALITIES[kind]),
        key="finetune_modality",
        help=_("A body reads what it has learned from; none chosen: all."),
    )


def cards(ready: list[SourceRecord]) -> None:
    """A card each."""
    everything = len(ready) <= SHOWN or st.session_state.get("finetune_all_sources", False)
    with st.grid(columns="auto", min_column_width=CARD_WIDTH_PX, gap="small"):
        for place, one in enumerate(ready if everything else ready[:SHOWN]):
            with st.container(border=True, key=f"sample_box_source_{place}", height="stretch"):
                st.markdown(f"{ICONS[one.modality]} **{title_of(one)}**")
                st.caption(facts(one))
                if one.summary:
                    st.caption(plain(_(one.summary)))
                if st.button(_("Use this"), key=f"finetune_use_{one.address}", icon=":material/arrow_forward:"):
                    finetune_state.choose_source(one.address)
    if len(ready) > SHOWN:
        st.toggle(say("Show all {n}", n=len(ready)), key="finetune_all_sources")


def title_of(one: SourceRecord) -> str:
    """Its name, safe in markdown."""
    return plain(shorten(one.title, 60))


def facts(one: SourceRecord) -> str:
    """What it is in one line: where from, how large, what it needs."""
    origin = _(KINDS.get(one.address.partition(":")[0], "")) if one.address else ""
    parts = [plain(_(one.architecture)), origin]
    if one.learned_from:
        parts.append(say("learned from {data}", data=_(one.learned_from)))
    if one.parameters:
        parts.append(say("{n} parameters", n=numbers.short(one.parameters)))
    if one.memory_bytes:
        parts.append(say("{size} to tune all of it", size=numbers.size(one.memory_bytes)))
    if one.licence:
        parts.append(plain(one.licence))
    return " · ".join(part for part in parts if part)


def nothing_ready() -> None:
    """No source is ready: how to get one."""
    if layout.empty_state(
        ":material/layers:",
        _("No pretrained model is ready yet"),
        _("Train a model here first: every finished run can be fine-tuned. Or take one of the sources below."),
        action=_("Go to Data"),
        key="finetune_empty",
    ):
        state.go(state.DATA_PAGE)


def others(waiting: list[SourceRecord]) -> None:
    """What is not ready: one is chosen to read why, and what brings it here."""
    if not waiting:
        return
    layout.section(_("Not here yet"), _("Published models that are downloaded first, and what else is missing."))
    known = {one.address: one for one in waiting}
    picked = st.selectbox(
        _("Find one by its name"),
        list(known),
        index=0 if len(known) == 1 else None,
        format_func=lambda address: option_of(known[address]),
        placeholder=say("{n} models", n=len(known)),
        key="finetune_waiting",
    )
    if picked is not None:
        with st.container(border=True, key="finetune_other"):
            one = known[str(picked)]
            st.markdown(f"{ICONS[one.modality]} **{title_of(one)}**  \n:small[{facts(one)}]")
            problem(one)


def option_of(one: SourceRecord) -> str:
    """A source in the list, without markdown."""
    size = numbers.size(one.bytes) if one.bytes else ""
    return "  ·  ".join(part for part in (one.title, one.architecture, size, one.licence) if part)


def problem(one: SourceRecord) -> None:
    """Why a source cannot be used now, and what brings it here."""
    if one.problem:
        message, hint = error_text(EngineError.from_record(one.problem))
        st.caption(f":material/info: {message} {hint}")
    if one.address.startswith("package:"):
        st.code(OFFLINE, language="bash")
    elif one.needs_network:
        size = f" ({numbers.size(one.bytes)})" if one.bytes else ""
        if st.button(_("Download") + size, key=f"finetune_fetch_{one.address}", icon=":material/download:"):
            fetch(one.address)


def fetch(address: str) -> None:
    """Bring a source here, with progress."""
    bar = st.progress(0.0)

    def progress(share: float, text: str) -> None:
        bar.progress(min(1.0, share), text=_(text))

    with layout.errors_shown("finetune_fetch_error"):
        api.fetch_source(address, progress)
        st.rerun()
