"""What every screen is made of: header, empty and error states, figures in a row, badges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.pages_manager import PagesManager

from engine import api
from engine.errors import EngineError, ErrorKind
from engine.specs import RunStatus, Task
from engine.specs.records import RunRecord
from engine.text import N_
from pages.widgets import numbers, state
from pages.widgets.text import _, error_text, plain, say

_STATUS_LOOKS = {  # colour is never the only carrier: each has its own icon and its word
    RunStatus.SCHEDULED: (":material/schedule:", "gray"),
    RunStatus.RUNNING: (":material/progress_activity:", "blue"),
    RunStatus.FINISHED: (":material/check_circle:", "green"),
    RunStatus.FAILED: (":material/error:", "red"),
    RunStatus.KILLED: (":material/stop_circle:", "orange"),
}
_ERROR_ICONS = {
    ErrorKind.NOT_FOUND: ":material/search_off:",
    ErrorKind.OUT_OF_MEMORY: ":material/memory_alt:",
    ErrorKind.OUT_OF_DISK: ":material/hard_drive:",
    ErrorKind.DIVERGED: ":material/trending_up:",
    ErrorKind.LOST_WORKER: ":material/power_off:",
    ErrorKind.UNAVAILABLE: ":material/cloud_off:",
}
_TASK_ICONS = {
    Task.IMAGE_CLASSIFICATION: ":material/image:",
    Task.TEXT_CLASSIFICATION: ":material/notes:",
    Task.TABLE_CLASSIFICATION: ":material/table_rows:",
    Task.TABLE_REGRESSION: ":material/show_chart:",
}


def page_header(title: str, caption: str = "") -> None:
    """The head of a screen; both texts already translated (and `plain` where a person gave them)."""
    _inside_the_shell()
    st.title(title, anchor=False)
    if caption:
        st.caption(caption)


def _inside_the_shell() -> None:
    """Draw the page again inside app.py where it was drawn without it.

    Until app.py has run once in a server, Streamlit takes the folder `pages` for the older kind of multipage app and
    answers a page's own address with that page alone, without its navigation, language and width.
    """
    if PagesManager.uses_pages_directory:
        PagesManager.uses_pages_directory = False
        st.rerun()


def section(title: str, help: str = "") -> None:
    """The head of a part of a screen."""
    st.subheader(title, anchor=False, help=help or None)


def empty_state(
    icon: str, title: str, text: str, *, action: str = "", key: str = "empty", action_icon: str | None = None
) -> bool:
    """What to do where there is nothing yet; True when its button was pressed.

    Args:
        icon: a Material icon, `:material/…:`.
        title: one line, translated.
        text: what to do next, translated.
        action: the button's label, translated; no button where it is empty.
        key: the widget key of the button.
        action_icon: an icon on the button.
    """
    with st.container(border=True, horizontal_alignment="center", key=f"{key}_box"):
        st.space("small")
        with st.container(key=f"sign_of_{key}", horizontal_alignment="center"):
            st.markdown(icon, width="content")
        st.markdown(f"**{title}**", text_alignment="center")
        st.caption(text, text_alignment="center")
        pressed = bool(action) and st.button(action, type="primary", key=key, icon=action_icon)
        st.space("small")
    return pressed


def error_state(error: EngineError, *, key: str = "error") -> None:
    """What went wrong, what to do, and a way out."""
    message, hint = error_text(error)
    st.error(f"**{message}**\n\n{hint}" if hint else f"**{message}**", icon=_ERROR_ICONS.get(error.kind, "⚠️"))
    retry = error.kind in (ErrorKind.UNAVAILABLE, ErrorKind.OUT_OF_DISK, ErrorKind.LOST_WORKER, ErrorKind.INTERNAL)
    if retry and st.button(_("Try again"), icon=":material/refresh:", key=f"{key}_retry"):
        st.rerun()


def defect() -> EngineError:
    """The error for what should not have happened; what it was stands in the log, not on a screen."""
    return EngineError(
        ErrorKind.INTERNAL,
        N_("Something went wrong in Lathe while it drew this screen."),
        hint=N_("Try again. Your data and runs are safe; the details are in the server's log."),
    )


@contextmanager
def errors_shown(key: str = "error") -> Iterator[None]:
    """Draw the error of the block in its place; what stands outside the block is drawn all the same."""
    try:
        yield
    except EngineError as error:
        error_state(error, key=key)


def error_from_run(run: RunRecord) -> None:
    """Why a run failed, as it was recorded."""
    if run.error:
        error_state(EngineError.from_record(run.error), key=f"error_{run.id}")


def open_tabs(titles: Mapping[str, str], *, key: str) -> Iterator[tuple[str, DeltaGenerator]]:
    """Tabs of which only the open one is drawn: what nobody sees costs nobody time.

    The tab that was left is drawn once more, so that a value typed just before the click on another tab is still read.

    Args:
        titles: name → title, translated.
        key: unique on the page.

    Yields:
        The names to draw now, each with its place.
    """
    places = dict(zip(titles, st.tabs(list(titles.values()), key=key, on_change="rerun"), strict=True))
    now = next((name for name, place in places.items() if place.open), next(iter(places)))
    before = st.session_state.get(f"{key}/open", now)
    for name, place in places.items():
        if name in (now, before):
            yield name, place
    st.session_state[f"{key}/open"] = now


def metric_row(figures: Sequence[tuple[str, str] | tuple[str, str, str]], *, width_px: int = 110) -> None:
    """Figures beside each other: (label, value) or (label, value, help), translated and formatted."""
    with st.grid(columns="auto", min_column_width=width_px, gap="small"):
        for label, value, *rest in figures:
            st.metric(label, value, help=rest[0] if rest and rest[0] else None)


def status_badge(status: RunStatus) -> None:
    """The state of a run: icon, word and colour."""
    icon, colour = _STATUS_LOOKS[status]
    st.badge(_(status.label), icon=icon, color=colour)  # type: ignore[arg-type]


def status_text(status: RunStatus) -> str:
    """The same inside a markdown text."""
    icon, colour = _STATUS_LOOKS[status]
    return f":{colour}-badge[{icon} {_(status.label)}]"


def task_icon(task: Task) -> str:
    """The icon of a task."""
    return _TASK_ICONS[task]


def progress_of(run: RunRecord) -> None:
    """How far a run is, with the time left."""
    share = min(1.0, run.step / run.total_steps) if run.total_steps else 0.0
    phase = _(run.phase or run.status.label)
    parts = [phase[:1].upper() + phase[1:]]
    if run.status is RunStatus.SCHEDULED:
        return
    if run.total_steps:
        epochs = run.spec.training.epochs
        parts.append(say("epoch {epoch} of {epochs}", epoch=min(run.epoch + 1, epochs), epochs=epochs))
        parts.append(numbers.percent(share, 0))
    if run.seconds_left is not None:
        parts.append(_("{time} left").format(time=numbers.duration(run.seconds_left)))
    st.progress(share, text=" · ".join(parts))


def data_name(run: RunRecord) -> str:
    """The name of the data that a run learns from; that of a sample in the person's language; no markdown."""
    return _(run.dataset_name) if run.dataset_name in _sample_names() else run.dataset_name


@cache
def _sample_names() -> frozenset[str]:
    return frozenset(sample.name for sample in api.samples())


def run_title(run: RunRecord) -> str:
    """A run's name, or what stands for it, safe in markdown."""
    return plain(run.name) if run.name else plain(run.id[:8])


def undo_bar(sentence: str, *, key: str) -> bool:
    """After something was deleted: what it was (translated, safe), and a button that brings it back; True: pressed."""
    with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"{key}_bar"):
        st.markdown(sentence, width="content")
        return st.button(_("Undo"), icon=":material/undo:", key=key)


def warnings_of(sentences: Sequence[str], notices: Sequence[Mapping[str, Any]] = (), *, shown: int = 5) -> None:
    """Sentences that the engine wants read, as one quiet box.

    Args:
        sentences: as the engine wrote them, in English.
        notices: the same to be translated, {"message": template, "values": {…}}; they win where they are there.
        shown: how many at most; the rest is counted.
    """
    lines = [say(notice["message"], **notice.get("values", {})) for notice in notices]
    lines = lines or [plain(_(sentence)) for sentence in sentences]
    if not lines:
        return
    rest = len(lines) - shown
    more = [_("and {n} more").format(n=rest)] if rest > 0 else []
    shown_lines = [*lines[:shown], *more]
    text = shown_lines[0] if len(shown_lines) == 1 else "\n".join(f"- {line}" for line in shown_lines)
    st.warning(text, icon=":material/info:")


METRIC_TITLES = {
    "accuracy": N_("Accuracy"),
    "balanced_accuracy": N_("Balanced accuracy"),
    "macro_f1": N_("F1 (macro)"),
    "micro_f1": N_("F1 (micro)"),
    "weighted_f1": N_("F1 (weighted)"),
    "macro_precision": N_("Precision (macro)"),
    "micro_precision": N_("Precision (micro)"),
    "weighted_precision": N_("Precision (weighted)"),
    "macro_recall": N_("Recall (macro)"),
    "micro_recall": N_("Recall (micro)"),
    "weighted_recall": N_("Recall (weighted)"),
    "precision": N_("Precision"),
    "recall": N_("Recall"),
    "f1": N_("F1"),
    "roc_auc": N_("ROC area"),
    "pr_auc": N_("PR area"),
    "log_loss": N_("Log loss"),
    "brier": N_("Brier score"),
    "calibration_error": N_("Calibration error"),
    "rmse": N_("RMSE"),
    "mae": N_("MAE"),
    "median_absolute_error": N_("Median absolute error"),
    "r2": N_("R²"),
    "loss": N_("Loss"),
    "learning_rate": N_("Learning rate"),
    "gradient_norm": N_("Gradient norm"),
    "samples_per_s": N_("Examples per second"),
    "memory_bytes": N_("Memory (bytes)"),
    "cpu_percent": N_("CPU (%)"),
    "gpu_percent": N_("GPU (%)"),
    "gpu_memory_bytes": N_("GPU memory (bytes)"),
}
PART_TITLES = {
    "train": N_("Train part"),
    "train_epoch": N_("Train part, whole epochs"),
    "val": N_("Validation"),
    "validation": N_("Validation"),
    "test": N_("Test"),
}


def metric_title(key: str) -> str:
    """`val/accuracy` → "Accuracy · Validation", translated, safe in markdown."""
    return plain(metric_title_raw(key))


def metric_title_raw(key: str) -> str:
    """The same for table cells and figures, which draw no markdown."""
    part, _slash, name = key.rpartition("/")
    title = _(METRIC_TITLES[name]) if name in METRIC_TITLES else name.replace("_", " ").capitalize()
    return f"{title} · {_(PART_TITLES[part]) if part in PART_TITLES else part}" if part else title


def timezone() -> str:
    """The browser's time zone, for moments in tables."""
    return st.context.timezone or "UTC"


def open_page(page: str, label: str, *, icon: str, key: str, primary: bool = False, **values: str) -> None:
    """A button that opens another page with the address' values set."""
    if st.button(label, icon=icon, key=key, type="primary" if primary else "secondary"):
        state.go(page, **values)
