"""How accurate a classifier stays when examples are changed against it, beside another run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from engine import api
from engine.errors import EngineError, ErrorKind
from engine.figures.robustness import robust_accuracy
from engine.specs import RunStatus
from engine.specs.records import EvaluationRecord, RobustnessRecord
from pages.widgets import layout, live, numbers
from pages.widgets.charts import chart
from pages.widgets.evaluation_shown import Shown
from pages.widgets.text import _, error_text, say

ASK_S = 0.3
PARTS = ("validation", "test")
BESIDE = "beside"  # address
OFFERED = 50


def robust_view(shown: Shown) -> None:
    """Accuracy over the strength of an attack."""
    record = shown.record
    layout.section(
        _("Accuracy under attack"),
        _(
            "Each example is changed as little as the strength says, in the direction that hurts most: by one step "
            "(FGSM), and by ten steps from a random start (PGD). Robust models fall late."
        ),
    )
    if record.part not in PARTS:
        st.caption(_("Choose the test or the validation part above."))
        return
    beside = _other(record)

    def draw() -> bool:
        with layout.errors_shown("evaluate_robust_error"), _refusals_shown():
            names = [run_id for run_id in (record.run_id, beside) if run_id]
            found = {run_id: _ask(run_id, record.part) for run_id in names}
            known = {_title(run_id): answer for run_id, answer in found.items() if answer is not None}
            if known:
                _draw(known)
            if len(known) < len(found):
                st.caption(f":material/hourglass_top: {_('Attacking the examples…')}")
                return True
        return False

    live.follow_until_done(draw, key=f"evaluate_robust_{record.run_id}_{record.part}_{beside}")


@contextmanager
def _refusals_shown() -> Iterator[None]:
    """What cannot be attacked (a table laid out over bins) is no failure of the screen."""
    try:
        yield
    except EngineError as error:
        if error.kind is not ErrorKind.BAD_INPUT:
            raise
        st.info(" ".join(error_text(error)), icon=":material/shield:")


def _ask(run_id: str, part: str) -> RobustnessRecord | None:
    try:
        return api.robustness(run_id, part, timeout_s=ASK_S)
    except EngineError as error:
        if error.kind is not ErrorKind.UNAVAILABLE:
            raise
        return None


def _draw(known: dict[str, RobustnessRecord]) -> None:
    chart(
        lambda: robust_accuracy(known, translate=_),
        key="evaluate_robust",
        alt=_("Accuracy over the strength of an attack"),
        of=[(name, answer.model_dump()) for name, answer in known.items()],
    )
    first = next(iter(known.values()))
    st.caption(say("{n} examples, with 95 % intervals.", n=numbers.count(first.examples)))


def _other(record: EvaluationRecord) -> str:
    """A second run on the same data, such as the one before it was trained against attacks."""
    own = api.run(record.run_id)
    listed = api.runs(dataset_id=own.spec.data.dataset, status=RunStatus.FINISHED, limit=OFFERED)
    others = {run.id: run for run in listed if run.id != own.id and run.spec.data.task is own.spec.data.task}
    if not others:
        return ""
    asked = st.query_params.get(BESIDE, "")
    choices = ["", *others]
    picked = st.selectbox(
        _("Beside it"),
        choices,
        index=choices.index(asked) if asked in choices else 0,
        format_func=lambda run_id: f"{others[run_id].name} · {run_id[:6]}" if run_id else _("No other run"),
        key="evaluate_robust_other",
        width=420,
    )
    if picked:
        st.query_params[BESIDE] = picked
    else:
        st.query_params.pop(BESIDE, None)
    return str(picked)


def _title(run_id: str) -> str:
    return f"{api.run(run_id).name} · {run_id[:6]}"
