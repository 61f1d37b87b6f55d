"""The charts of a search, one tab each; all of them show what the filter lets through."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from engine import api
from engine.figures.tuning import Span, best_so_far, pareto, schedule, trial_curves
from engine.figures.tuning_effects import contour, importance, slice_plot
from engine.figures.tuning_space import Axis, parallel
from engine.specs.search_records import ImportanceRecord, TrialPart, TrialRecord, TrialStatus
from pages.widgets import layout, tuning_filter
from pages.widgets.charts import chart, live_chart
from pages.widgets.text import _, say
from pages.widgets.tuning_board import COST_TITLES, Board, metric_name
from pages.widgets.tuning_filter import Bands

MOST_AXES = 9  # beside each other at 1440 px
ASK_S = 0.15  # a forest takes a moment; the page goes on and asks again
MORE_TRIALS = 1.1  # as many times the trials, and the forest grows anew
KEPT_FORESTS, KEPT_S = 64, 3600.0


def draw(board: Board, bands: Bands, through: Sequence[bool], *, marked: int | None, live: bool, key: str) -> bool:
    """The tabs; of each only the open one is drawn. Says whether an answer of the engine is still waited for."""
    titles = {"best": _("Best so far"), "parallel": _("Parameters"), "effects": _("Effects"), "curves": _("Curves")}
    if len(board.search.objectives) > 1:
        titles["pareto"] = _("Trade-off")
    titles["schedule"] = _("Workers")
    waits = False
    for name, place in layout.open_tabs(titles, key=f"{key}_tabs"):
        with place:
            if name == "best":
                _best(board, through, live=live, key=key)
            elif name == "parallel":
                _parallel(board, bands, through, marked, key=key)
            elif name == "effects":
                waits = _effects(board, through, key=key)
            elif name == "curves":
                _curves(board, through, marked, live=live, key=key)
            elif name == "pareto":
                _pareto(board, through, key=key)
            else:
                _schedule(board, live=live, key=key)
    return waits


def _drawn(build: Callable[[], go.Figure], of: object, *, live: bool, key: str, alt: str) -> None:
    """A chart that rests, or one that changes every second without going away in between."""
    if live:
        live_chart(build(), key=key, alt=alt)
    else:
        chart(build, key=key, of=of, alt=alt)


def _best(board: Board, through: Sequence[bool], *, live: bool, key: str) -> None:
    done = sorted(
        (place for place, trial in enumerate(board.trials) if trial.score is not None and trial.origin != "earlier"),
        key=lambda place: board.trials[place].ended_at or float("inf"),
    )
    _drawn(
        lambda: best_so_far(
            [board.trials[place].number for place in done],
            [board.trials[place].score for place in done],
            board.direction,
            title=metric_name(board.metric),
            kept=[through[place] for place in done],
            translate=_,
        ),
        (board.stamp, through),
        live=live,
        key=f"{key}_best",
        alt=_("Score of each trial in the order in which they ended, and the best until then"),
    )


def _parallel(board: Board, bands: Bands, through: Sequence[bool], marked: int | None, *, key: str) -> None:
    axes = shown_axes(board)
    generation = int(st.session_state.get(f"{key}/brushes", 0))
    points = chart(
        lambda: parallel(
            axes,
            board.scores,
            board.direction,
            numbers=board.numbers,
            kept=through,
            bands=tuning_filter.places(board, bands),
            marked=marked,
            translate=_,
        ),
        key=f"{key}_parallel~{generation}",
        of=(board.stamp, bands, marked),
        alt=_("A line for each trial through its value on every axis; better trials are bluer"),
        selectable=True,
        selection_mode="box",
    )
    st.caption(
        _("Draw a box over a stretch of an axis to keep the trials that go through it. The bluer a line, the better.")
    )
    found = tuning_filter.brushed(axes, points)
    if found:
        st.session_state[f"{key}/brushes"] = generation + 1  # the box has become a band: a new chart begins without it
        for band in found:
            bands = tuning_filter.with_band(bands, band)
        tuning_filter.put(bands)
        st.rerun()


def shown_axes(board: Board) -> tuple[Axis, ...]:
    """At most so many axes as have room, those that vary first; the objectives always."""
    room = MOST_AXES - len(board.goals)
    dimensions = board.dimensions
    if len(dimensions) > room:
        dimensions = tuple([axis for axis in dimensions if len(set(axis.values)) > 1][:room])
    return (*dimensions, *board.goals)


# ---- effects --------------------------------------------------------------------------------------------------------
def _effects(board: Board, through: Sequence[bool], *, key: str) -> bool:
    if not board.dimensions:
        st.caption(_("Nothing was searched."))
        return False
    found, waits = importance_of(board)
    ordered = sorted(board.dimensions, key=lambda axis: -(found.single.get(axis.path, 0.0) if found else 0.0))
    titles = {axis.path: axis.title for axis in ordered}
    left, right = st.columns([1, 1], gap="large")
    with left:
        _importance(board, found, key=key)
    with right:
        paths = list(titles)
        first, second = st.columns(2)
        one = first.selectbox(_("Parameter"), paths, format_func=titles.__getitem__, key=f"{key}_slice")
        two = second.selectbox(
            _("And"), ["", *paths], format_func=lambda path: titles.get(path, _("by itself")), key=f"{key}_contour"
        )
        _one_or_two(board, through, one or paths[0], two or "", key=key)
    return waits


def _one_or_two(board: Board, through: Sequence[bool], one: str, two: str, *, key: str) -> None:
    axes = {axis.path: axis for axis in board.axes}
    title = metric_name(board.metric)
    shared: Any = {"numbers": board.numbers, "title": title, "kept": through, "translate": _}
    if two and two != one:
        chart(
            lambda: contour(axes[one], axes[two], board.scores, board.direction, **shared),
            key=f"{key}_contour_chart",
            of=(board.stamp, one, two, through),
            alt=say("{title} over {one} and {two}", title=title, one=axes[one].title, two=axes[two].title),
        )
    else:
        chart(
            lambda: slice_plot(axes[one], board.scores, **shared),
            key=f"{key}_slice_chart",
            of=(board.stamp, one, through),
            alt=say("{title} against {one}", title=title, one=axes[one].title),
        )


def importance_of(board: Board) -> tuple[ImportanceRecord | None, bool]:
    """What a forest over the trials says about the parameters, and whether it still grows.

    It grows beside the pages, which go on meanwhile, and anew when there is a tenth more trials.
    """
    done = sum(trial.score is not None for trial in board.trials)
    rounds = done if board.search.status.is_over else int(math.log(max(1, done), MORE_TRIALS))
    growing = _forest(api.home().as_posix(), board.search.id, f"{board.search.status.is_over} {rounds}")
    try:
        return growing.result(timeout=ASK_S), False
    except TimeoutError:
        return None, True


@st.cache_resource(max_entries=KEPT_FORESTS, ttl=KEPT_S, show_spinner=False)
def _forest(home: str, search_id: str, trials: str) -> Future[ImportanceRecord]:
    return _growers().submit(api.importance, search_id)


@st.cache_resource(show_spinner=False)
def _growers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="lathe-importance")


def _importance(board: Board, found: ImportanceRecord | None, *, key: str) -> None:
    if found is None:
        st.caption(f":material/hourglass_top: {_('Working out what matters…')}")
        return
    chart(
        lambda: importance(
            [(board.title(path), share, None, None) for path, share in found.single.items()],
            [(board.title(a), board.title(b), share) for a, b, share in found.pairs if share > 0.005],
            translate=_,
        ),
        key=f"{key}_importance",
        of=(board.stamp, found.model_dump_json()),
        alt=_("How much of the differences between scores each parameter explains"),
    )
    if found.notice:
        st.caption(f":material/info: {_(found.notice)}")
    elif found.single:
        st.caption(say("From {n} trials: shares of variance in a forest (Hutter et al. 2014).", n=found.trials))


# ---- curves, trade-off, workers -------------------------------------------------------------------------------------
def _curves(board: Board, through: Sequence[bool], marked: int | None, *, live: bool, key: str) -> None:
    inside = frozenset(trial.number for trial, stays in zip(board.trials, through, strict=True) if stays)
    _drawn(
        lambda: trial_curves(
            {trial.number: curve_points(trial) for trial in board.trials},
            {trial.number: trial.score for trial in board.trials},
            board.direction,
            title=metric_name(board.metric),
            kept=inside,
            marked=marked,
            translate=_,
        ),
        (board.stamp, through, marked),
        live=live,
        key=f"{key}_curves",
        alt=_("The first objective of every trial after each epoch"),
    )


def curve_points(trial: TrialRecord) -> list[tuple[float, float]]:
    """(epoch, value) of a trial's course; epochs without a value are left out."""
    return [
        (float(trial.first_curve_epoch + place), value)
        for place, value in enumerate(trial.curve)
        if value is not None and value == value
    ]


def _pareto(board: Board, through: Sequence[bool], *, key: str) -> None:
    (first, _one), (second, _two) = board.search.objectives[:2]
    chart(
        lambda: pareto(
            board.numbers,
            board.scores,
            [trial.objectives.get(second) for trial in board.trials],
            board.search.front,
            titles=(metric_name(first), metric_name(second)),
            kept=through,
            log_second=second in COST_TITLES,
            translate=_,
        ),
        key=f"{key}_pareto",
        of=(board.stamp, through),
        alt=_("Both objectives of every trial; those that no other beats in both are joined"),
    )
    st.caption(_("The joined trials are the best trade-offs: no other is better in both."))


OUTCOMES = {TrialStatus.FAILED: "failed", TrialStatus.STOPPED: "stopped", TrialStatus.RUNNING: "running"}


def _schedule(board: Board, *, live: bool, key: str) -> None:
    begun = board.search.created_at
    spans = [span for trial in board.trials for span in spans_of(trial, begun)]
    _drawn(
        lambda: schedule(spans, now_s=time.time() - begun if live else None, translate=_),
        board.stamp,
        live=live,
        key=f"{key}_schedule",
        alt=_("Which worker trained which trial when"),
    )


def spans_of(trial: TrialRecord, begun: float) -> list[Span]:
    """The pieces of work that a trial was, one a seed or fold; none where it has not begun."""
    if trial.started_at is None:
        return []
    whole = TrialPart(part=0, worker=trial.worker, started_at=trial.started_at, ended_at=trial.ended_at)
    outcome = OUTCOMES.get(trial.status, "done")
    spans = []
    for part in trial.parts or (whole,):
        running = part.ended_at is None and trial.ended_at is None
        end = part.ended_at or trial.ended_at or time.time()
        shown = outcome if running or outcome != "running" else "done"
        length = (part.started_at - begun, max(end, part.started_at) - begun)
        spans.append(Span(part.worker or _("unknown"), trial.number, *length, shown))  # type: ignore[arg-type]
    return spans
