"""A search as its screen draws it: its trials with their axes, read once for all that is drawn from them."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from engine import api
from engine.figures.tuning import Direction
from engine.figures.tuning_space import Axis
from engine.specs.search import JUDGEMENT, Dimension, Options
from engine.specs.search_records import SearchRecord, TrialRecord, TrialStatus
from engine.text import N_
from pages.widgets import layout
from pages.widgets.text import _, language
from pages.widgets.tuning_fields import Field, searchable, text_of

KEPT_BOARDS, KEPT_S = 24, 600.0
LISTED_S = 5.0
LIVE_S = 2.0  # curves of trials at work are at most so old
SCORE = "score"  # path of the axis of the first objective
COST_TITLES = {
    "parameters": N_("Parameters"),
    "flops": N_("FLOPs"),
    "latency_ms": N_("Latency (ms)"),
    "seconds": N_("Training time (s)"),
    "memory_bytes": N_("Memory (bytes)"),
    JUDGEMENT: N_("Judgement"),
}


@dataclass(frozen=True)
class Board:
    """All that the screen of a search draws from. Shared by all sessions: nobody changes it."""

    search: SearchRecord
    trials: tuple[TrialRecord, ...]
    fields: Mapping[str, Field]
    axes: tuple[Axis, ...]  # of the dimensions in their order, then of the objectives
    stamp: str  # changes with what is drawn

    @property
    def metric(self) -> str:
        """The first objective."""
        return self.search.objectives[0][0] if self.search.objectives else "val/accuracy"

    @property
    def direction(self) -> Direction:
        """Whether more or less of it is good."""
        return self.search.objectives[0][1] if self.search.objectives else "max"

    @property
    def dimensions(self) -> tuple[Axis, ...]:
        """The axes of what is searched."""
        return self.axes[: len(self.axes) - len(self.search.objectives)]

    @property
    def goals(self) -> tuple[Axis, ...]:
        """The axes of the objectives."""
        return self.axes[len(self.dimensions) :]

    @property
    def numbers(self) -> list[int]:
        """Of all trials."""
        return [trial.number for trial in self.trials]

    @property
    def scores(self) -> list[float | None]:
        """Of all trials; None where there is none."""
        return [trial.score for trial in self.trials]

    def trial(self, number: int | None) -> TrialRecord | None:
        """One trial by its number."""
        return next((trial for trial in self.trials if trial.number == number), None)

    def title(self, path: str) -> str:
        """The name of a dimension, short where that is clear; no markdown."""
        axis = next((axis for axis in self.axes if axis.path == path), None)
        return axis.title if axis else path

    def value_text(self, path: str, value: Any) -> str:
        """A value of a dimension as a person reads it."""
        field = self.fields.get(path)
        return field.label_of(value) if field and value is not None else text_of(value)

    def ranked(self) -> list[TrialRecord]:
        """The leaderboard: what waits for a person, then the best first, then those without a score."""
        sign = -1.0 if self.direction == "max" else 1.0
        scored = sorted(
            (t for t in self.trials if t.score is not None), key=lambda t: (sign * (t.score or 0), t.number)
        )
        judged = [trial for trial in self.trials if trial.status is TrialStatus.JUDGING]
        rest = [trial for trial in self.trials if trial.score is None and trial.status is not TrialStatus.JUDGING]
        order = {TrialStatus.RUNNING: 0, TrialStatus.WAITING: 1}
        return [*judged, *scored, *sorted(rest, key=lambda t: (order.get(t.status, 2), -t.number))]


def metric_name(metric: str) -> str:
    """An objective as a person reads it; no markdown."""
    return _(COST_TITLES[metric]) if metric in COST_TITLES else layout.metric_title_raw(metric)


def board(search: SearchRecord) -> Board:
    """The board of a search as it stands now."""
    return _board(api.home().as_posix(), search.id, stamp_of(search), language(), search)


def stamp_of(search: SearchRecord) -> str:
    """A text that changes when the trials of a search do; those at work count by time."""
    counts = (search.trials, search.completed, search.failed, search.running, search.waiting, search.judging)
    live = int(time.time() / LIVE_S) if search.running or not search.status.is_over else 0
    return f"{search.status.value} {counts} {search.best_trial} {search.best_score} {search.front} {live}"


def listed() -> dict[str, SearchRecord]:
    """All searches by their id, newest first, at most some seconds old: each is counted from its trials."""
    return _listed(api.home().as_posix())


@st.cache_resource(max_entries=4, ttl=LISTED_S, show_spinner=False)
def _listed(home: str) -> dict[str, SearchRecord]:
    return {search.id: search for search in api.searches()}


def forget() -> None:
    """Read everything anew: after a judgement, a new name or another change that counts nothing."""
    _board.clear()
    _listed.clear()
    _newest.clear()


@st.cache_resource(show_spinner=False)
def _newest() -> dict[tuple[str, str], tuple[TrialRecord, ...]]:
    """The trials of each search as they were read last."""
    return {}


@st.cache_resource(max_entries=KEPT_BOARDS, ttl=KEPT_S, show_spinner=False)
def _board(home: str, search_id: str, stamp: str, language: str, _search: SearchRecord) -> Board:
    kept = _newest()
    trials = tuple(api.trials(search_id, kept.get((home, search_id), ())))
    kept[home, search_id] = trials
    while len(kept) > KEPT_BOARDS:
        kept.pop(next(iter(kept)))
    space = _search.spec.search
    fields = searchable(_search.spec, space)
    dimensions = space.dimensions if space else ()
    axes = [_axis(dimension, fields.get(dimension.path), dimensions, fields, trials) for dimension in dimensions]
    goals = [
        Axis(
            SCORE if place == 0 else metric,
            metric_name(metric),
            tuple(trial.score if place == 0 else trial.objectives.get(metric) for trial in trials),
            "log" if metric in COST_TITLES and metric != JUDGEMENT else "linear",
        )
        for place, (metric, _direction) in enumerate(_search.objectives)
    ]
    return Board(_search, trials, fields, (*axes, *goals), f"{search_id} {_content(trials)}")


def _content(trials: tuple[TrialRecord, ...]) -> str:
    """What tells one state of the trials from another, for figures that are kept."""
    return str(hash(tuple((t.number, t.status, t.score, len(t.curve), t.ended_at, t.started_at) for t in trials)))


def _axis(
    dimension: Dimension,
    field: Field | None,
    all_of: tuple[Dimension, ...],
    fields: Mapping[str, Field],
    trials: tuple[TrialRecord, ...],
) -> Axis:
    titles = [fields[other.path].short_title() for other in all_of if other.path in fields]
    title = dimension.path.rpartition(".")[2]
    if field is not None:
        title = field.short_title() if titles.count(field.short_title()) == 1 else field.title()
    given = [trial.values.get(dimension.path) for trial in trials]
    if not isinstance(dimension, Options):
        values = tuple(float(v) if isinstance(v, int | float) else None for v in given)
        return Axis(dimension.path, title, values, dimension.scale)  # type: ignore[attr-defined]
    listed = [*dimension.values, *(value for value in given if value is not None)]  # earlier runs may have others
    choices = {choice_key(value): value for value in listed}
    labels = tuple(field.label_of(value) if field else text_of(value) for value in choices.values())
    keys = tuple(None if value is None else choice_key(value) for value in given)
    return Axis(dimension.path, title, keys, "choice", tuple(choices), labels)


def choice_key(value: Any) -> str:
    """A value of a choice as the text that stands for it on an axis and in the address."""
    return value if isinstance(value, str) else json.dumps(value)
